"""Record the committed histories anew: `python -m tests.replay.record`, and only on purpose.

They stand for processes that began under an earlier build and still run: code that cannot replay
them would stop such processes. So record a new story beside the old ones when a process learns
something new, and record an old one anew only when nothing that began before is still alive.
"""

import asyncio
import base64
import gc
import json
import re
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from temporalio.testing import WorkflowEnvironment

from domain.applications.application import ApplicationState
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.proposal import ProposalStatus
from domain.verification.elements import ElementKind
from local.postgres import EmbeddedPostgres
from local.temporal_server import DYNAMIC_CONFIG
from messages import ids
from messages.credit_analysis import AssessmentUpdated, StartAnalysisFeedback
from messages.ids import new_id
from messages.loans import RepayCommand
from messages.maintenance import MaintenanceJob, StartMaintenance
from messages.search_attributes import ALL
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import AnalysisClient, ProviderSettings, Settings
from runtime.temporal.worker import identity
from sandbox import qitech
from services.set_up import set_up
from storage.credit_analysis.external_assessments import ExternalAssessmentRepository
from storage.credit_analysis.feedback import AnalysisFeedbackRepository
from storage.database import Database
from storage.lines.drawdowns import DrawdownState
from tests.integration import story
from tests.proposals import WITH_ASSESSMENT, YOUNG, firm, legal_person, signing
from tests.replay import keys
from tests.simulators import connected, sandbox_config
from tests.workflows.analysing import CLIENT, analyse
from tests.workflows.applying import apply, in_review, six_elements
from tests.workflows.borrowing import NOON, lend, open_line
from tests.workflows.lender import Lender, eventually, open_lender, person

HISTORIES: Final = Path(__file__).with_name("histories")
RECORDER: Final = "recorder"
HALF: Final = story.AMOUNT // 2


async def application_reviewed(lender: Lender) -> dict[str, str]:
    """Elements one by one, one of them twice; a reviewer approves; the offer is accepted."""
    applicant = person("story")
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant))
    await applying.provide(story.operator(person()))
    for element in six_elements(applicant)[1:]:
        await applying.provide(element)
    await applying.submit()
    view = await applying.review("approve")
    await applying.accept(view.offer_id or "")
    await applying.result()
    return {"application_reviewed": applying.workflow_id}


async def application_rejected(lender: Lender) -> dict[str, str]:
    """Everything at once; a reviewer rejects by signal."""
    applying = await in_review(lender)
    await applying.handle.signal("reject")
    await applying.result()
    return {"application_rejected": applying.workflow_id}


async def application_supplemented(lender: Lender) -> dict[str, str]:
    """Reminded once; a provider is down; a supplement; then the applicant withdraws."""
    applicant = person("story")
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant), story.operator(applicant))
    await lender.pass_time(applying.workflow_id, timedelta(days=2))
    await lender.simulators.fault("bank_card", status=503)
    await applying.provide(*six_elements(applicant)[2:], submit=True)
    await lender.simulators.repair()
    await eventually(applying.row, lambda row: row.state is ApplicationState.IN_REVIEW)
    await applying.ask_again(ElementKind.OPERATOR)
    await applying.provide(story.operator(applicant))
    await applying.withdraw()
    await applying.result()
    return {"application_supplemented": applying.workflow_id}


async def line_with_two_drawdowns(lender: Lender) -> dict[str, str]:
    """The first disbursement fails; the second stays in doubt until a callback; the line ends."""
    line = await open_line(lender, person(), mode="revolving")
    await lender.simulators.fault("payments", operation="disburse", order_outcome="card_closed")
    failed = await line.command(HALF)
    await line.draw(failed)
    await line.drawn(failed.drawdown_id)
    await lender.simulators.fault(
        "payments", operation="disburse", order_outcome="processing", hold=True
    )
    doubtful = await line.command(HALF)
    await line.draw(doubtful)
    await eventually(
        lambda: line.drawdown(doubtful.drawdown_id),
        lambda row: row.state is DrawdownState.DISBURSING,
    )
    workflow_id = ids.drawdown_workflow(doubtful.drawdown_id)
    order_no = ids.disbursement_order(doubtful.drawdown_id)
    await eventually(lambda: lender.bench.book.order(order_no))
    await lender.settle(order_no, workflow_id)
    await line.drawn(doubtful.drawdown_id)
    await lender.pass_time(line.workflow_id, timedelta(days=16))
    await line.result()
    await lender.simulators.repair()
    return {
        "line_with_two_drawdowns": line.workflow_id,
        "drawdown_failed": ids.drawdown_workflow(failed.drawdown_id),
        "drawdown_in_doubt": workflow_id,
    }


async def loan_overdue_and_paid_off(lender: Lender) -> dict[str, str]:
    """The first debit fails, the borrower pays; the second is in doubt; then a payoff."""
    loan = await lend(lender, person())
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="insufficient_funds", times=1
    )
    await loan.live_until(date(2031, 2, 20))
    borrowers = RepayCommand(repayment_id=new_id("rep"))
    await loan.repay(borrowers)
    await loan.cured()
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="processing", hold=True
    )
    await loan.reach(date(2031, 3, 15), NOON.replace(hour=8, minute=30))
    doubtful = (await eventually(loan.repayments, lambda rows: len(rows) == 3))[-1]
    await eventually(lambda: loan.holds(doubtful.id))
    await lender.settle(doubtful.order_no, ids.repayment_workflow(doubtful.id))
    await eventually(loan.debited, lambda moved: len(moved) == 2)
    await lender.simulators.repair()
    await loan.live_until(date(2031, 4, 20))
    total = (await loan.quote()).total
    await loan.repay(RepayCommand(repayment_id=new_id("rep"), payoff_total=total))
    await loan.result()
    return {
        "loan_overdue_and_paid_off": loan.workflow_id,
        "repayment_by_the_borrower": ids.repayment_workflow(borrowers.repayment_id),
        "repayment_in_doubt": ids.repayment_workflow(doubtful.id),
        "collections_cured": loan.collections(),
    }


async def credit_analyses(lender: Lender) -> dict[str, str]:
    """A register fails once, an assessment comes late, an analyst approves; and one by signal."""
    await lender.simulators.fault("company", status=503, times=4)
    given = legal_person(document_number=qitech.cnpj("manual"), scr_parameters=None, **YOUNG)
    asked = await analyse(lender, given, policy=WITH_ASSESSMENT)
    await eventually(lambda: _assessment_is_asked(lender, asked.id))
    assessment_id = ids.derived_id("opi", asked.id)
    settled = await lender.simulators.console.post(
        f"/sandbox/qitech/{assessment_id}/settle", json={"silent": True}
    )
    settled.raise_for_status()
    await asked.handle.signal("assessment_updated", AssessmentUpdated(event_key="recorded"))
    await asked.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    await asked.review("approve")
    await asked.result()
    waiting = await analyse(lender, firm("company_silent"))
    await waiting.reaches(AnalysisStatus.WAITING_FOR_DATA)
    await lender.pass_time(waiting.workflow_id, timedelta(days=31))
    await waiting.reaches(AnalysisStatus.IN_MANUAL_ANALYSIS)
    await waiting.handle.signal("challenge")
    await waiting.result()
    return {
        "analysis_with_an_assessment": asked.workflow_id,
        "analysis_without_data": waiting.workflow_id,
    }


async def analysis_with_signers(lender: Lender) -> dict[str, str]:
    """Two signers consent, at the other analyst later as well; reports are passed on after that."""
    asked = await analyse(lender, legal_person(scr_parameters=signing(2)), policy=WITH_ASSESSMENT)
    await asked.reaches(AnalysisStatus.WAITING_FOR_DATA)
    await asked.sign(1)
    await lender.pass_time(asked.workflow_id, timedelta(hours=8))
    await asked.sign(0)
    await eventually(asked.assessment, lambda assessment: assessment and assessment.is_known_there)
    await lender.pass_time(asked.workflow_id, timedelta(hours=2))
    url = f"/sandbox/qitech/{ids.derived_id('opi', asked.id)}/sign"
    for signer in (0, 1):
        signed = await lender.simulators.console.post(url, json={"signer": signer})
        signed.raise_for_status()
    await asked.handle.signal("assessment_updated", AssessmentUpdated(event_key="recorded"))
    await asked.result()
    feedback = await _reports(lender, asked.id)
    return {"analysis_with_signers": asked.workflow_id, "analysis_feedback": feedback}


async def _reports(lender: Lender, analysis_id: str) -> str:
    """Report twice while the analyst fails; return the process that passes it on."""
    workflow_id = ids.analysis_feedback_workflow(analysis_id)
    await lender.simulators.fault("qitech", operation="feedback", status=503, times=4)
    for day, status in enumerate((ProposalStatus.DISBURSED, ProposalStatus.PAID), start=1):
        async with lender.database.transaction() as tx:
            await AnalysisFeedbackRepository(tx).feed_back(
                analysis_id, status, datetime(2031, 1, day, tzinfo=UTC)
            )
        await lender.siblings.relay_feedback(
            StartAnalysisFeedback(analysis_id=analysis_id, client=CLIENT)
        )
    await lender.pass_time(workflow_id, timedelta(hours=4))
    await lender.handle(workflow_id).result()
    await lender.simulators.repair()
    return workflow_id


async def maintenance(lender: Lender) -> dict[str, str]:
    """The ledger is summed, and what has had its time is pruned."""
    recorded = {}
    for job in MaintenanceJob:
        workflow_id = ids.maintenance_workflow(job)
        await lender.client.execute_workflow(
            "Maintenance",
            StartMaintenance(job=job),
            id=workflow_id,
            task_queue=lender.core_queue,
        )
        recorded[f"maintenance_{job}"] = workflow_id
    return recorded


async def _assessment_is_asked(lender: Lender, analysis_id: str) -> bool:
    async with lender.database.read() as tx:
        assessment = await ExternalAssessmentRepository(tx).get(ids.derived_id("opi", analysis_id))
    return assessment is not None and assessment.status is AnalysisStatus.IN_MANUAL_ANALYSIS


STORIES: Final[tuple[Callable[[Lender], Awaitable[dict[str, str]]], ...]] = (
    application_reviewed,
    application_rejected,
    application_supplemented,
    line_with_two_drawdowns,
    loan_overdue_and_paid_off,
    credit_analyses,
    analysis_with_signers,
    maintenance,
)


async def record() -> None:
    """Live through the stories and write their histories."""
    with tempfile.TemporaryDirectory() as folder:
        async with _lender(Path(folder)) as lender:
            for tell in STORIES:
                for name, workflow_id in (await tell(lender)).items():
                    history = await lender.handle(workflow_id).fetch_history()
                    text = _without_machine(history.to_json(), identity(lender.settings))
                    (HISTORIES / f"{name}.json").write_text(text, encoding="utf-8")


@asynccontextmanager
async def _lender(folder: Path) -> AsyncIterator[Lender]:
    plugin = keys.plugin()
    dynamic = [f"{key}={json.dumps(value)}" for key, value in DYNAMIC_CONFIG.items()]
    async with (
        await WorkflowEnvironment.start_local(
            plugins=[plugin],
            search_attributes=ALL,
            dev_server_existing_path=str(Path(sys.executable).with_name("temporal")),
            dev_server_log_level="never",
            dev_server_extra_args=[
                part for setting in dynamic for part in ("--dynamic-config-value", setting)
            ],
        ) as env,
        EmbeddedPostgres(folder / "postgres", keep_data=False) as postgres,
        connected(sandbox_config(folder)) as simulators,
    ):
        await set_up(postgres.url)
        settings = Settings.model_validate(
            {
                "payload_keys": keys.PAYLOAD_KEYS,
                "pii_keys": f"record:{_random_key()}",
                "blind_index_key": _random_key(),
                "database_url": postgres.url,
                "providers": ProviderSettings(base_url=simulators.url),
                "time_travel": True,
                "credit_analysis_clients": [AnalysisClient(client=CLIENT, api_key_sha256="0" * 64)],
            }
        )
        keyring = Keyring.parse(settings.pii_keys.get_secret_value())
        blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
        async with (
            Database.open(postgres.url, 4, keyring, blind_index) as database,
            open_lender(env.client, settings, database, simulators, plugin) as lender,
        ):
            yield lender


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _without_machine(history: str, worker: str) -> str:
    """Return a history, in short form, that does not say on which machine it was recorded."""
    anonymous = re.sub(r'"identity": ?"[^"]*"', f'"identity": "{RECORDER}"', history)
    anonymous = anonymous.replace(worker, RECORDER)
    return json.dumps(json.loads(anonymous), separators=(",", ":")) + "\n"


if __name__ == "__main__":
    asyncio.run(record())
    # The SDK's threads may abort an exiting interpreter (sdk-python#300).
    gc.collect()
    time.sleep(0.5)
