"""A client's reports on an analysis on their way to the analyst who had an assessment on it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.proposal import ProposalStatus
from messages import ids
from messages.credit_analysis import FeedbackRelayed, StartAnalysisFeedback
from providers.http import breaker
from sandbox import qitech
from storage.common.audit import AuditRepository
from storage.credit_analysis.feedback import AnalysisFeedbackRepository, RelayState
from tests.proposals import STANDARD, WITH_ASSESSMENT, legal_person
from tests.workflows.analysing import CLIENT, Analysing, analyse
from tests.workflows.lender import Handle, Lender, also_uncached, eventually

DAY = timedelta(days=1)
AT = datetime(2026, 11, 5, 13, 0, tzinfo=UTC)
CREATED, DISBURSED, PAID, DEFAULTED = ProposalStatus


@pytest.fixture(autouse=True)
def soon_probing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a breaker probe after a moment: processes skip days in which its own clock stands."""
    monkeypatch.setattr(breaker, "COOLING", timedelta(milliseconds=20))


@dataclass(frozen=True)
class Reporting:
    """A client who reports on an analysis."""

    analysing: Analysing

    @property
    def workflow_id(self) -> str:
        return ids.analysis_feedback_workflow(self.analysing.id)

    @property
    def handle(self) -> Handle:
        return self.analysing.lender.handle(self.workflow_id)

    async def record(self, status: ProposalStatus, at: datetime) -> None:
        async with self.analysing.lender.database.transaction() as tx:
            await AnalysisFeedbackRepository(tx).feed_back(self.analysing.id, status, at)

    async def report(self, status: ProposalStatus, at: datetime) -> None:
        """Record a report and have it passed on, as the API does."""
        await self.record(status, at)
        await self.analysing.lender.siblings.relay_feedback(
            StartAnalysisFeedback(analysis_id=self.analysing.id, client=CLIENT)
        )

    async def result(self) -> FeedbackRelayed:
        return FeedbackRelayed.model_validate(await self.handle.result())

    async def arrived(self) -> list[tuple[str, str]]:
        """What the analyst was told, in the order in which it came."""
        kept = await self.analysing.lender.simulators.console.get(
            "/sandbox/qitech", params={"assessment_id": ids.derived_id("opi", self.analysing.id)}
        )
        return [(row["status"], row["event_date"]) for row in kept.json()["feedback"]]

    async def relays(self) -> list[tuple[str, RelayState, str]]:
        async with self.analysing.lender.database.read() as tx:
            rows = await AnalysisFeedbackRepository(tx).relays(self.analysing.id)
        return [(row.credit_proposal_status.value, row.state, row.outcome) for row in rows]


async def approved(lender: Lender, **changes: Any) -> Reporting:
    """The client of an analysis that is over, and on which the other analyst had an assessment."""
    given = legal_person(scr_parameters=None, **changes)
    analysing = await analyse(lender, given, policy=WITH_ASSESSMENT)
    assert (await analysing.answer()).status is AnalysisStatus.AUTOMATICALLY_APPROVED
    await lender.pass_time(analysing.workflow_id, timedelta(seconds=10))
    await analysing.result()
    return Reporting(analysing)


@also_uncached
async def test_reports_arrive_once_in_the_order_of_their_events_months_apart(
    lender: Lender,
) -> None:
    client = await approved(lender)
    await client.record(DISBURSED, AT + DAY)
    await client.report(CREATED, AT)
    await client.report(CREATED, AT)
    assert (await client.result()).sent == 2
    assert await client.arrived() == [
        ("created", "2026-11-05T13:00:00+00:00"),
        ("disbursed", "2026-11-06T13:00:00+00:00"),
    ]
    await client.report(PAID, AT + 200 * DAY)
    assert (await client.result()).sent == 1
    await client.report(PAID, AT + 200 * DAY)
    assert (await client.result()).sent == 0
    assert [status for status, _ in await client.arrived()] == ["created", "disbursed", "paid"]
    assert {state for _, state, _ in await client.relays()} == {RelayState.SENT}
    async with lender.database.read() as tx:
        rows = await tx.connection.fetch(
            "select source, outcome, cost from enquiries where operation = 'feedback'"
            " and request_id = $1",
            ids.derived_id("opi", client.analysing.id),
        )
    assert [tuple(row) for row in rows] == [("qitech", "match", 0)] * 3


async def test_many_who_report_at_once_have_one_effect_each(lender: Lender) -> None:
    client = await approved(lender)
    reports = [(status, AT + place * DAY) for place, status in enumerate(ProposalStatus)]
    await asyncio.gather(*(client.report(*report) for report in reports * 3))

    async def passed_on() -> list[tuple[str, str]]:
        return await client.arrived()

    arrived = await eventually(passed_on, lambda told: len(told) == 4)
    await client.result()
    assert sorted(arrived) == sorted(await client.arrived())
    assert {status for status, _ in arrived} == {status.value for status in ProposalStatus}


async def test_an_analyst_who_is_down_for_a_day_gets_all_reports_in_their_order(
    lender: Lender,
) -> None:
    client = await approved(lender)
    await lender.simulators.fault("qitech", operation="feedback", status=503)
    await client.report(DEFAULTED, AT + 2 * DAY)
    await eventually(lambda: _tried(client), lambda tried: tried >= 3)
    await client.report(PAID, AT + DAY)
    await lender.pass_time(client.workflow_id, DAY)
    assert await client.arrived() == []
    await lender.simulators.repair()
    await lender.pass_time(client.workflow_id, timedelta(hours=4))
    assert await client.result() == FeedbackRelayed(sent=2)
    assert [status for status, _ in await client.arrived()] == ["paid", "defaulted"]


async def test_an_answer_that_was_lost_is_sent_again_and_counts_once_here(lender: Lender) -> None:
    client = await approved(lender)
    await lender.simulators.fault("qitech", operation="feedback", times=1, lose_response=True)
    await client.report(PAID, AT)
    await client.result()
    assert set(await client.arrived()) == {("paid", "2026-11-05T13:00:00+00:00")}
    assert await client.relays() == [("paid", RelayState.SENT, "ok")]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_a_report_that_is_refused_is_recorded_and_not_repeated(
    lender: Lender, status: int
) -> None:
    client = await approved(lender)
    await lender.simulators.fault("qitech", operation="feedback", times=1, status=status)
    await client.report(PAID, AT)
    assert await client.result() == FeedbackRelayed(refused=1)
    await client.report(DEFAULTED, AT + DAY)
    assert await client.result() == FeedbackRelayed(sent=1)
    assert await client.relays() == [
        ("paid", RelayState.REFUSED, f"http_{status}"),
        ("defaulted", RelayState.SENT, "ok"),
    ]
    assert [told for told, _ in await client.arrived()] == ["defaulted"]
    async with lender.database.read() as tx:
        entries = await AuditRepository(tx).of(client.analysing.workflow_id)
    relayed = [entry.outcome for entry in entries if entry.action == "relay_feedback"]
    assert relayed == ["refused", "sent"]


@pytest.mark.slow
async def test_a_report_is_given_up_after_a_month(lender: Lender) -> None:
    client = await approved(lender)
    await lender.simulators.fault("qitech", operation="feedback", status=401)
    await client.report(PAID, AT)
    await eventually(lambda: _tried(client), lambda tried: tried >= 1)
    await lender.pass_time(client.workflow_id, 31 * DAY)
    assert await client.result() == FeedbackRelayed(dead=1)
    assert await client.relays() == [("paid", RelayState.DEAD, "given_up")]


async def test_a_report_waits_for_the_assessment_that_is_still_to_be_asked_for(
    lender: Lender,
) -> None:
    await lender.simulators.fault("qitech", operation="create", status=503)
    given = legal_person(document_number=qitech.cnpj("approved"), scr_parameters=None)
    client = Reporting(await analyse(lender, given, policy=WITH_ASSESSMENT))
    await client.analysing.reaches(AnalysisStatus.PENDING)
    await client.report(CREATED, AT)
    await lender.pass_time(client.workflow_id, timedelta(hours=3))
    assert await client.arrived() == []
    await lender.simulators.repair()
    await lender.pass_time(client.analysing.workflow_id, timedelta(minutes=6))
    await client.analysing.result()
    await lender.pass_time(client.workflow_id, DAY)
    assert await client.result() == FeedbackRelayed(sent=1)


async def test_without_an_assessment_nothing_is_passed_on(lender: Lender) -> None:
    analysing = await analyse(lender, legal_person(), policy=STANDARD)
    assert (await analysing.answer()).status.is_final
    client = Reporting(analysing)
    await client.report(PAID, AT)
    assert await client.result() == FeedbackRelayed()
    assert await client.relays() == []
    await lender.pass_time(analysing.workflow_id, timedelta(seconds=10))


async def _tried(client: Reporting) -> int:
    async with client.analysing.lender.database.read() as tx:
        tried: int = await tx.connection.fetchval(
            "select count(*) from enquiries where operation = 'feedback' and request_id = $1",
            ids.derived_id("opi", client.analysing.id),
        )
    return tried
