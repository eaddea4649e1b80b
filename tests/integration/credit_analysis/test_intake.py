"""Proposals, reports and assessments as use cases: each counts once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from domain.common.errors import NotFound
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import AnyProposal, Feedback
from messages.ids import credit_analysis_workflow, new_id
from providers.credit_analysis.qitech import webhook_signature
from runtime.clock import utc_now
from runtime.settings import AnalysisClient
from services.common.callbacks import StoredCallback, UnknownOrder, read_notice, store_notice
from services.credit_analysis.callbacks import QiTechSender
from services.credit_analysis.feedback import record_feedback
from services.credit_analysis.intake import RecordedProposal, read_proposal, record_proposal
from services.credit_analysis.reviewing import find_analysis, read_analysis
from storage.common.audit import AuditRepository
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.credit_analysis.external_assessments import ExternalAssessmentRepository
from storage.database import Database
from tests.integration.commands import OTTO, RITA
from tests.proposals import STANDARD, legal_person, read

SECRET = "webhook-key-of-this-test"
ENDPOINT = "https://lender.example/v1/callbacks/qitech"
QITECH = QiTechSender(SECRET, ENDPOINT)


def client(name: str = "shop") -> AnalysisClient:
    return AnalysisClient.model_validate(
        {"client": name, "api_key_sha256": "0" * 64, "policy": STANDARD}
    )


def proposal(proposal_id: str | None = None) -> tuple[AnyProposal, str]:
    given = legal_person() | {"id": proposal_id or new_id("ana")}
    return read(given), json.dumps(given)


def report(status: str, at: datetime) -> Feedback:
    told = {"credit_proposal_status": status, "event_date": at.isoformat()}
    return Feedback.model_validate_json(json.dumps(told))


async def receive(
    database: Database, by: AnalysisClient, given: tuple[AnyProposal, str]
) -> RecordedProposal:
    async with database.transaction() as tx:
        return await record_proposal(tx, by, PersonKind.LEGAL, *given, lender="own")


async def test_one_id_sent_many_times_at_once_is_one_analysis(database: Database) -> None:
    given = proposal()
    received = await asyncio.gather(*(receive(database, client(), given) for _ in range(5)))
    assert sorted(one.is_repeat for one in received) == [False, True, True, True, True]
    assert len({one.analysis.id for one in received}) == 1
    # Whoever repeats starts what the first one may not have lived to start.
    assert len({str(one.start) for one in received}) == 1
    other = await receive(database, client("bank"), given)
    assert not other.is_repeat


async def test_what_has_begun_is_not_started_again(database: Database) -> None:
    given = proposal()
    first = await receive(database, client(), given)
    async with database.transaction() as tx:
        await CreditAnalysisRepository(tx).set_status(
            first.analysis.id, AnalysisStatus.PENDING, "received", 1, utc_now()
        )
        again = await read_proposal(tx, client(), "legal_person", given[0].id)
    assert again.start is None
    assert (await receive(database, client(), given)).start is None
    async with database.read() as tx:
        for by, kind in (
            (client("bank"), "legal_person"),
            (client(), "natural_person"),
            (client(), "?"),
        ):
            with pytest.raises(NotFound):
                await read_proposal(tx, by, kind, given[0].id)


async def test_reports_count_in_the_order_of_their_events(database: Database) -> None:
    given = proposal()
    await receive(database, client(), given)
    at = datetime(2026, 3, 2, 4, tzinfo=UTC)
    late, early = report("paid", at), report("disbursed", at - timedelta(days=1))
    async with database.transaction() as tx:
        for told in (late, early, late):
            recorded = await record_feedback(tx, client(), "legal_person", given[0].id, told)
            assert recorded.latest.credit_proposal_status == late.credit_proposal_status
        found = await read_proposal(tx, client(), "legal_person", given[0].id)
    assert found.latest is not None
    assert found.latest.event_date == at


async def test_who_reads_the_proposal_is_on_record(database: Database) -> None:
    received = await receive(database, client(), proposal())
    analysis_id = received.analysis.id
    async with database.transaction() as tx:
        assert (await read_analysis(tx, OTTO, analysis_id)).proposal is None
        assert (await read_analysis(tx, RITA, analysis_id)).proposal is not None
        audited = await AuditRepository(tx).of(credit_analysis_workflow(analysis_id))
        for unknown in (new_id("ana"), "?", analysis_id.upper()):
            with pytest.raises(NotFound):
                await find_analysis(tx, unknown)
    assert [(one.actor, one.action) for one in audited] == [(RITA.actor, "read_proposal")]


async def test_nobody_s_assessment_is_not_kept(database: Database) -> None:
    told = {
        "id": new_id("opi"),
        "analysis_status": "pending",
        "event_date": datetime(2026, 3, 2, 4, tzinfo=UTC).isoformat(),
    }
    body = json.dumps(told).encode()
    notice = read_notice(QITECH, body, webhook_signature(SECRET, ENDPOINT, "POST", body))
    async with database.transaction() as tx:
        with pytest.raises(UnknownOrder):
            await store_notice(tx, QITECH, notice)


async def test_an_assessment_is_learnt_from_new_notices_only(database: Database) -> None:
    assessment_id = new_id("opi")
    async with database.transaction() as tx:
        received = await record_proposal(tx, client(), PersonKind.LEGAL, *proposal(), lender="own")
        analysis_id = received.analysis.id
        await ExternalAssessmentRepository(tx).request(
            assessment_id, analysis_id, "qitech", PersonKind.LEGAL
        )

    async def told(status: str, at: datetime) -> StoredCallback:
        body = json.dumps(
            {
                "id": assessment_id,
                "analysis_status": status,
                "event_date": at.isoformat(),
                "more": 1,
            }
        ).encode()
        read = read_notice(QITECH, body, webhook_signature(SECRET, ENDPOINT, "POST", body))
        async with database.transaction() as tx:
            return await store_notice(tx, QITECH, read)

    at = datetime(2026, 3, 2, 4, tzinfo=UTC)
    first = await told("in_manual_analysis", at)
    assert (first.is_repeat, first.recipient.workflow_id) == (
        False,
        credit_analysis_workflow(analysis_id),
    )
    assert (await told("in_manual_analysis", at)).is_repeat
    await told("pending", at - timedelta(hours=1))
    async with database.read() as tx:
        assessment = await ExternalAssessmentRepository(tx).get(assessment_id)
        bodies = await tx.connection.fetch(
            "select body::text from callbacks where order_no = $1", assessment_id
        )
    assert assessment is not None
    assert (assessment.status, assessment.event_date) == (AnalysisStatus.IN_MANUAL_ANALYSIS, at)
    assert not any("more" in record["body"] for record in bodies)
