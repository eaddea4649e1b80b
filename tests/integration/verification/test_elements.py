"""Data imports as activities: begun once, confirmed once, polled until there is one end."""

import asyncio
from datetime import UTC, datetime

import pytest
from temporalio.exceptions import ApplicationError

from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.templates import APPLICATION_REMINDER, MESSAGE_TEMPLATE
from domain.people.consents import Purpose
from domain.verification import elements
from domain.verification.elements import ElementKind, Verdict
from messages import calls
from messages.ids import application_workflow, new_id
from messages.verification import (
    ApplicantReminded,
    ConfirmDataImport,
    DataImportProgress,
    EndDataImport,
    PollDataImport,
    RemindApplicant,
    StartDataImport,
)
from runtime.clock import utc_now
from sandbox.data_imports import RIGHT_CODE
from sandbox.personas import Person, person
from storage.common.outbox import OutboxRepository
from storage.people.consents import ConsentRepository
from storage.verification.data_imports import DataImportRepository, DataImportState
from storage.verification.elements import ElementRepository
from tests.definitions import ref
from tests.integration import story
from tests.integration.conftest import Arm
from tests.integration.story import Applicant, Bench, applicant

REPORT = ElementKind.OPERATOR_REPORT


class Importing:
    """One element that is imported, as its process drives it."""

    def __init__(self, of: Applicant, element_id: str, kind: ElementKind) -> None:
        self.of = of
        self.element_id = element_id
        self.kind = kind

    @property
    def application_id(self) -> str:
        return self.of.start.application_id

    async def start(self) -> DataImportProgress:
        request = StartDataImport(
            application_id=self.application_id,
            element_id=self.element_id,
            kind=self.kind,
            workflow_id=application_workflow(self.application_id),
            at=utc_now(),
        )
        return await self.of.bench.perform(calls.START_DATA_IMPORT, request)

    async def enter(self, code: str) -> str:
        code_id = new_id("act")
        async with self.of.bench.database.transaction() as tx:
            await DataImportRepository(tx).enter_code(code_id, self.element_id, code)
        return code_id

    async def confirm(self, code_id: str) -> DataImportProgress:
        request = ConfirmDataImport(
            application_id=self.application_id,
            element_id=self.element_id,
            kind=self.kind,
            code_id=code_id,
        )
        return await self.of.bench.perform(calls.CONFIRM_DATA_IMPORT, request)

    async def poll(self) -> DataImportProgress:
        request = PollDataImport(
            application_id=self.application_id, element_id=self.element_id, kind=self.kind
        )
        return await self.of.bench.perform(calls.POLL_DATA_IMPORT, request)

    async def end(self) -> DataImportProgress:
        request = EndDataImport(
            application_id=self.application_id,
            element_id=self.element_id,
            kind=self.kind,
            reason="no_answer",
        )
        return await self.of.bench.perform(calls.END_DATA_IMPORT, request)

    async def finish(self) -> None:
        console = self.of.bench.simulators.console
        answer = await console.post(f"/sandbox/data-imports/{self.element_id}/finish")
        answer.raise_for_status()

    async def tries(self) -> int:
        async with self.of.bench.database.read() as tx:
            row = await DataImportRepository(tx).get(self.element_id)
        assert row is not None
        return row.wrong_codes


async def importing(bench: Bench, who: Person, data: elements.Element | None = None) -> Importing:
    """Return an element of someone whose name is verified."""
    of = await applicant(bench, who)
    await of.verify(story.real_name(who))
    data = data or elements.OperatorReport(mobile=who.mobile)
    return Importing(of, await of.provide(data), ElementKind(data.kind))


async def running(bench: Bench, who: Person) -> Importing:
    """Return a report that its source works on until it is told to finish."""
    report = await importing(bench, who)
    await report.start()
    await bench.simulators.fault("operator_report", operation="confirm", hold=True)
    progress = await report.confirm(await report.enter(RIGHT_CODE))
    assert progress.verdict is Verdict.PENDING
    return report


async def test_a_report_is_begun_confirmed_and_found_once(bench: Bench) -> None:
    who = person("approved", 71)
    report = await importing(bench, who)
    for _ in range(2):
        assert (await report.start()).verdict is Verdict.AWAITING_CODE
    await bench.simulators.fault("operator_report", operation="confirm", hold=True)
    code_id = await report.enter(RIGHT_CODE)
    for _ in range(2):
        assert (await report.confirm(code_id)).verdict is Verdict.PENDING
    assert (await report.poll()).verdict is Verdict.PENDING
    await report.finish()

    found = await asyncio.gather(*(report.poll() for _ in range(4)))

    assert {progress.verdict for progress in found} == {Verdict.MATCH}
    assert (await report.end()).verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        verified = await ElementRepository(tx).verification(report.element_id)
        data_import = await DataImportRepository(tx).get(report.element_id)
        told = await OutboxRepository(tx).since(application_workflow(report.application_id), 0, 100)
    assert verified is not None
    assert data_import is not None
    assert data_import.state is DataImportState.DONE
    assert verified.facts["identity_matches"] is True
    # Counts only: nothing of whom was called.
    assert who.mobile not in str(verified.facts)
    mine = [row for row in told if row.payload.get("element_id") == report.element_id]
    assert len(mine) == 1


async def test_a_wrong_code_counts_once_however_often_it_is_passed_on(bench: Bench) -> None:
    report = await importing(bench, person("approved", 72))
    await report.start()
    code_id = await report.enter("000000")
    for _ in range(3):
        assert (await report.confirm(code_id)).verdict is Verdict.AWAITING_CODE
    assert await report.tries() == 1


async def test_who_is_not_the_subscriber_is_a_mismatch_at_once(bench: Bench) -> None:
    report = await importing(bench, person("mobile_mismatch", 73))
    progress = await report.start()
    assert (progress.verdict, progress.reason) == (Verdict.MISMATCH, "mobile_mismatch")


async def test_a_source_that_fails_ends_without_a_verdict(bench: Bench) -> None:
    report = await running(bench, person("report_fails", 74))
    await report.finish()
    progress = await report.poll()
    assert (progress.verdict, progress.reason) == (Verdict.UNAVAILABLE, "source_failed")
    async with bench.database.read() as tx:
        assert await ElementRepository(tx).verification(report.element_id) is None


async def test_a_source_that_is_down_is_tried_again_and_never_judged(bench: Bench) -> None:
    report = await importing(bench, person("approved", 75))
    await bench.simulators.fault("operator_report", operation="begin", status=503, times=1)
    with pytest.raises(ApplicationError) as failure:
        await report.start()
    assert (failure.value.type, failure.value.non_retryable) == ("ProviderUnavailable", False)
    assert (await report.start()).verdict is Verdict.AWAITING_CODE


async def test_a_death_after_the_source_was_asked_asks_for_the_same_data_import(
    bench: Bench, arm: Arm
) -> None:
    report = await importing(bench, person("approved", 80))
    arm("start_data_import.after_call=raise")
    with pytest.raises(ApplicationError):
        await report.start()
    assert (await report.start()).verdict is Verdict.AWAITING_CODE
    begun = await bench.simulators.console.get(
        "/sandbox/data-imports", params={"capture_no": report.element_id}
    )
    assert len(begun.json()) == 1


async def test_what_comes_after_the_end_changes_nothing(bench: Bench) -> None:
    report = await running(bench, person("approved", 76))
    assert (await report.end()).verdict is Verdict.UNAVAILABLE
    await report.finish()
    assert (await report.poll()).verdict is Verdict.UNAVAILABLE
    assert (await report.start()).verdict is Verdict.UNAVAILABLE


@pytest.mark.parametrize(
    "data",
    [elements.OnlineBanking(bank_code="DEMO"), elements.Ecommerce(platform="taobao")],
    ids=lambda data: data.kind,
)
async def test_an_import_shows_the_page_on_which_to_agree(
    bench: Bench, data: elements.Element
) -> None:
    await bench.simulators.fault(data.kind, operation="begin", hold=True)
    imported = await importing(bench, person("approved", 77), data)
    assert (await imported.start()).verdict is Verdict.PENDING
    async with bench.database.read() as tx:
        page = await DataImportRepository(tx).authorise_url(imported.element_id)
    assert page is not None
    assert page.startswith("https://")
    await imported.finish()
    assert (await imported.poll()).verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        assert await DataImportRepository(tx).authorise_url(imported.element_id) is None


async def test_without_consent_or_name_no_source_is_asked(bench: Bench) -> None:
    who = person("approved", 78)
    report = await importing(bench, who)
    async with bench.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            report.of.start.applicant_id, Purpose.OPERATOR_REPORT, revoked_by="x", at=utc_now()
        )
    nameless = await applicant(bench, who)
    element_id = await nameless.provide(elements.OperatorReport(mobile=who.mobile))
    for data_import, reason in (
        (report, "not_allowed"),
        (Importing(nameless, element_id, REPORT), "real_name_required"),
    ):
        for _ in range(2):
            progress = await data_import.start()
            assert (progress.verdict, progress.reason) == (Verdict.UNAVAILABLE, reason)
        calls_made = await bench.simulators.calls(provider="operator_report")
        assert data_import.element_id not in {call["request_id"] for call in calls_made}


async def test_a_reminder_is_sent_once_and_not_to_who_has_gone_on(bench: Bench) -> None:
    who = person("approved", 79)
    of = await applicant(bench, who)
    await of.verify_identity()
    request = RemindApplicant(
        application_id=of.start.application_id,
        message_id=new_id("act"),
        number=1,
        missing=(ElementKind.LIVENESS,),
        at=datetime(2026, 3, 1, 13, 59, tzinfo=UTC),
        zone="Asia/Shanghai",
    )
    # 21:59:45 and 30 seconds are too near the quiet hours, and 06:30 is in them.
    for at in (
        datetime(2026, 3, 1, 13, 59, 45, tzinfo=UTC),
        datetime(2026, 3, 1, 22, 30, tzinfo=UTC),
    ):
        quiet = await bench.perform(calls.REMIND_APPLICANT, request.model_copy(update={"at": at}))
        assert quiet.not_before == datetime(2026, 3, 2, tzinfo=UTC)
    assert await bench.simulators.calls(provider="messaging", request_id=request.message_id) == []
    for _ in range(2):
        assert await bench.perform(calls.REMIND_APPLICANT, request) == ApplicantReminded()
    async with bench.database.read() as tx:
        told = await OutboxRepository(tx).since(
            application_workflow(request.application_id), 0, 100
        )
    assert [row.kind for row in told].count("applicant_reminded") == 1
    (reminder,) = [row for row in told if row.kind == "applicant_reminded"]
    assert reminder.payload["template"] == str(ref(MESSAGE_TEMPLATE, APPLICATION_REMINDER))
    assert reminder.payload["contact_limits"] == str(ref(CONTACT_LIMITS, HOME_LIMITS))
