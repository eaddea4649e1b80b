"""Elements that their source fetches in steps: a code, then a report hours later, or a notice."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from domain.applications.application import ApplicationState, CodeRefused, ElementsMissing, Waiting
from domain.people.consents import Purpose
from domain.verification import elements
from domain.verification.elements import ElementKind, Verdict
from providers.http import breaker
from runtime.clock import utc_now
from sandbox.data_imports import RIGHT_CODE
from sandbox.personas import Person
from storage.people.consents import ConsentRepository
from storage.verification.data_imports import DataImportRepository, DataImportState
from tests.integration import story
from tests.workflows.applying import Applying, apply
from tests.workflows.lender import (
    Lender,
    ended,
    eventually,
    of_type,
    only_cached,
    person,
    refused,
)
from tests.workflows.runtime.test_sealed_histories import opened

pytestmark = pytest.mark.usefixtures("more_products")

REPORT = ElementKind.OPERATOR_REPORT
HOURS = timedelta(hours=1)


@pytest.fixture(autouse=True)
def soon_probing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a breaker probe after a moment: processes skip days in which its own clock stands."""
    monkeypatch.setattr(breaker, "COOLING", timedelta(milliseconds=20))


def report(of: Person) -> elements.OperatorReport:
    return elements.OperatorReport(mobile=of.mobile)


async def awaiting_code(lender: Lender, applicant: Person) -> tuple[Applying, str]:
    """Return an application whose report was begun, and the report's element id."""
    applying = await apply(lender, applicant, product="report")
    await applying.provide(story.real_name(applicant), story.operator(applicant))
    begun = (await applying.provide(report(applicant))).outcomes[0]
    assert (begun.verdict, begun.reason) == (Verdict.AWAITING_CODE, None)
    return applying, begun.element_id


async def running(lender: Lender, applicant: Person, **fault: object) -> tuple[Applying, str]:
    """Return an application whose report was confirmed and takes its time."""
    applying, element_id = await awaiting_code(lender, applicant)
    fault = fault or {"hold": True}
    await lender.simulators.fault("operator_report", operation="confirm", **fault)
    confirmed = (await applying.confirm(element_id, RIGHT_CODE)).outcomes[0]
    assert confirmed.verdict is Verdict.PENDING
    return applying, element_id


async def finish(lender: Lender, element_id: str) -> str:
    """Have the source finish a report that is held; return the notice's event id."""
    answer = await lender.simulators.console.post(f"/sandbox/data-imports/{element_id}/finish")
    return str(answer.raise_for_status().json()["event_id"])


async def polls(applying: Applying) -> int:
    return len(await applying.lender.scheduled(applying.workflow_id, "poll_data_import"))


async def test_a_report_of_six_hours_decides_by_itself(lender: Lender) -> None:
    applicant = person()
    applying, element_id = await running(lender, applicant)

    submitted = await applying.submit()
    assert (submitted.state, submitted.waiting) == (ApplicationState.COLLECTING, Waiting.PROVIDER)
    await lender.pass_time(applying.workflow_id, 6 * HOURS)
    assert (await applying.row()).state is ApplicationState.COLLECTING
    asked_before = await polls(applying)
    assert 5 <= asked_before <= 12
    event_id = await finish(lender, element_id)
    await applying.notify(element_id, event_id)

    row = await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)
    assert row.waiting is Waiting.APPLICANT
    assert await polls(applying) == asked_before + 1
    status = (await applying.statuses())[REPORT]
    assert status.verdict is Verdict.MATCH


async def test_without_a_notice_the_report_is_found_by_asking(lender: Lender) -> None:
    applicant = person("report_slow")
    applying, _ = await running(lender, applicant, report_polls=3)
    await applying.submit()

    # After five minutes; then the source wishes to be asked half-hourly.
    await lender.pass_time(applying.workflow_id, 2 * HOURS)

    await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)
    assert await polls(applying) == 3


async def test_a_notice_that_comes_before_and_twice_and_late_has_one_effect(
    lender: Lender,
) -> None:
    applicant = person()
    applying, element_id = await awaiting_code(lender, applicant)
    await applying.notify(element_id)
    await lender.simulators.fault("operator_report", operation="confirm", hold=True)
    await applying.confirm(element_id, RIGHT_CODE)
    event_id = await finish(lender, element_id)
    for _ in range(3):
        await applying.notify(element_id, event_id)

    await eventually(applying.statuses, lambda found: found[REPORT].verdict is Verdict.MATCH)
    assert (await applying.submit()).state is ApplicationState.OFFERED
    before = await polls(applying)
    await applying.notify(element_id, event_id)
    await applying.notify("elt_00000000000000000000000000")
    await applying.withdraw()

    assert await polls(applying) == before
    await applying.result()
    with ended():
        await applying.notify(element_id, event_id)


async def test_a_notice_while_the_source_has_not_answered_yet_is_kept(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant, product="report")
    await applying.provide(story.real_name(applicant), story.operator(applicant))
    await lender.simulators.fault("operator_report", operation="begin", latency_seconds=0.7)
    (stored,) = await applying.store(report(applicant))
    providing = asyncio.create_task(
        applying.handle.execute_update("provide_elements", {"elements": [stored.model_dump()]})
    )
    await eventually(lambda: lender.scheduled(applying.workflow_id, "start_data_import"))
    await applying.notify(stored.element_id)
    await providing

    assert await eventually(lambda: polls(applying)) == 1
    assert (await applying.statuses())[REPORT].verdict is Verdict.AWAITING_CODE


async def test_a_wrong_code_may_be_entered_again_until_the_limit(lender: Lender) -> None:
    applicant = person()
    applying, element_id = await awaiting_code(lender, applicant)

    first = (await applying.confirm(element_id, "000000")).outcomes[0]
    assert (first.verdict, first.reason) == (Verdict.AWAITING_CODE, "wrong_code")
    with refused(ElementsMissing):
        await applying.submit()
    for _ in range(3):
        await applying.confirm(element_id, "000000")
    last = (await applying.confirm(element_id, "000000")).outcomes[0]

    assert last.verdict is Verdict.UNAVAILABLE
    with refused(CodeRefused):
        await applying.confirm(element_id, RIGHT_CODE)
    again = (await applying.provide(report(applicant))).outcomes[0]
    assert again.verdict is Verdict.AWAITING_CODE


async def test_what_is_submitted_with_a_report_is_decided_when_the_report_is_there(
    lender: Lender,
) -> None:
    applicant = person()
    applying = await apply(lender, applicant, product="report")
    begun = await applying.provide(story.real_name(applicant), story.operator(applicant))
    begun = await applying.provide(report(applicant), submit=True)
    await applying.confirm(begun.outcomes[0].element_id, RIGHT_CODE)
    await applying.notify(begun.outcomes[0].element_id)

    await lender.pass_time(applying.workflow_id, HOURS)

    await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)


@pytest.mark.slow
@only_cached
async def test_a_source_that_never_answers_is_given_up_after_three_days(lender: Lender) -> None:
    applicant = person()
    applying, element_id = await running(lender, applicant)

    await lender.pass_time(applying.workflow_id, timedelta(days=3, minutes=1))

    status = (await applying.statuses())[REPORT]
    assert (status.verdict, status.reason) == (Verdict.UNAVAILABLE, "no_answer")
    assert (await applying.row()).waiting is Waiting.APPLICANT
    assert await polls(applying) < 80
    # What comes too late changes nothing; the applicant may have it fetched again.
    await finish(lender, element_id)
    await applying.notify(element_id)
    again = (await applying.provide(report(applicant))).outcomes[0]
    assert again.verdict is Verdict.AWAITING_CODE
    async with lender.database.read() as tx:
        given_up = await DataImportRepository(tx).get(element_id)
    assert given_up is not None
    assert given_up.state is DataImportState.ENDED


@pytest.mark.slow
async def test_a_source_that_is_down_for_a_day_ends_the_same(lender: Lender) -> None:
    applicant = person()
    applying, element_id = await running(lender, applicant)
    await applying.submit()
    await finish(lender, element_id)
    await lender.simulators.fault("operator_report", operation="report", status=503)
    await applying.notify(element_id)

    await lender.pass_time(applying.workflow_id, timedelta(days=1))
    assert (await applying.row()).state is ApplicationState.COLLECTING
    await lender.simulators.repair()
    await lender.pass_time(applying.workflow_id, HOURS)

    await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)


async def test_a_consent_withdrawn_meanwhile_ends_the_data_import(lender: Lender) -> None:
    applicant = person()
    applying, element_id = await running(lender, applicant)
    async with lender.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            applying.applicant.start.applicant_id,
            Purpose.OPERATOR_REPORT,
            revoked_by="test",
            at=utc_now(),
        )

    await applying.notify(element_id)

    found = await eventually(
        applying.statuses, lambda found: found[REPORT].verdict is Verdict.UNAVAILABLE
    )
    assert found[REPORT].reason == "not_allowed"
    await eventually(applying.row, lambda row: row.waiting is Waiting.APPLICANT)
    again = (await applying.provide(report(applicant))).outcomes[0]
    assert (again.verdict, again.reason) == (Verdict.UNAVAILABLE, "not_allowed")


async def test_an_optional_element_is_never_waited_for(lender: Lender) -> None:
    applicant = person()
    applying, element_id = await running(lender, applicant)
    await lender.simulators.fault("online_banking", operation="begin", hold=True)
    started = await applying.provide(elements.OnlineBanking(bank_code="DEMO"))
    assert started.outcomes[0].verdict is Verdict.PENDING
    async with lender.database.read() as tx:
        page = await DataImportRepository(tx).authorise_url(started.outcomes[0].element_id)
    assert page is not None
    await finish(lender, element_id)
    await applying.notify(element_id)

    await eventually(applying.statuses, lambda found: found[REPORT].verdict is Verdict.MATCH)
    assert (await applying.submit()).state is ApplicationState.OFFERED
    statuses = await applying.statuses()
    assert statuses[ElementKind.ONLINE_BANKING].verdict is None


async def test_asking_for_hours_costs_little_history(lender: Lender) -> None:
    applicant = person()
    applying, _ = await running(lender, applicant)
    before = len(await lender.history(applying.workflow_id))

    await lender.pass_time(applying.workflow_id, 6 * HOURS)

    events = await lender.history(applying.workflow_id)
    assert len(events) - before <= 130
    over = (EventType.EVENT_TYPE_TIMER_FIRED, EventType.EVENT_TYPE_TIMER_CANCELED)
    started = len(of_type(events, EventType.EVENT_TYPE_TIMER_STARTED))
    # One that remembers the deadline and one for all sources.
    assert started - sum(len(of_type(events, kind)) for kind in over) == 2


async def test_nothing_personal_is_in_the_history(lender: Lender) -> None:
    applicant = person()
    applying, element_id = await running(lender, applicant)
    await finish(lender, element_id)
    await applying.notify(element_id)
    await eventually(applying.statuses, lambda found: found[REPORT].verdict is Verdict.MATCH)

    history = await applying.handle.fetch_history()
    told = await opened(lender, history.to_json())
    for secret in (applicant.name, applicant.identity_number, applicant.mobile, RIGHT_CODE):
        assert secret not in told
