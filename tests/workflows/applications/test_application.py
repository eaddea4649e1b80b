"""An application from its first element to an offer, a refusal, or an end without either."""

import asyncio
from datetime import timedelta

from prometheus_client import REGISTRY
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowUpdateFailedError

from domain.applications.application import (
    ApplicationClosed,
    ApplicationState,
    ElementRefused,
    ElementsMissing,
    ReviewClosed,
    Waiting,
    WrongState,
)
from domain.common.calendar import business_date
from domain.verification.elements import ElementKind, Verdict
from messages import ids
from messages import search_attributes as attributes
from messages.applications import ProvidedElement, ProvideElements, ReviewCommand
from messages.ids import new_id
from runtime.clock import utc_now
from storage.applications.offers import OfferRepository, OfferState
from storage.cases import CaseRepository
from storage.common.audit import AuditRepository, AuditRow
from storage.common.errors import RecordMissing
from storage.decisioning.decisions import DecisionRepository
from storage.lines.lines import LineRepository
from tests.integration import story
from tests.products import CASH
from tests.workflows.applying import Applying, apply, in_review, offered, six_elements
from tests.workflows.lender import (
    Lender,
    also_uncached,
    ended,
    eventually,
    of_type,
    person,
    refused,
)

WEEK = timedelta(days=7)
MOMENT = timedelta(minutes=1)


async def audit(applying: Applying) -> list[AuditRow]:
    async with applying.lender.database.read() as tx:
        return await AuditRepository(tx).of(applying.workflow_id)


@also_uncached
async def test_who_gives_everything_at_once_is_answered_with_an_offer(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)

    outcomes = await applying.provide(*six_elements(applicant), submit=True)

    assert [outcome.verdict for outcome in outcomes.outcomes] == [Verdict.MATCH] * 6
    assert outcomes.application.state is ApplicationState.OFFERED
    async with lender.database.read() as tx:
        offer = await OfferRepository(tx).of_application(applying.id)
        decision = await DecisionRepository(tx).get(applying.id, "automatic", 1)
    assert offer is not None
    assert (offer.id, offer.amount, offer.instalments) == (
        outcomes.application.offer_id,
        story.AMOUNT,
        12,
    )
    assert decision is not None
    assert decision.score == 780
    assert (await applying.row()).state is ApplicationState.OFFERED
    shown = await lender.search_attribute(applying.workflow_id, attributes.APPLICATION_STATE)
    assert shown == "offered"


async def test_an_automatic_approval_costs_at_most_30_events(lender: Lender) -> None:
    applying, _ = await offered(lender)
    events = await lender.history(applying.workflow_id)
    assert len(events) <= 30
    # How the rest is cut into tasks is the machine's; what the process orders is its own.
    ordered = {
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: 2,
        EventType.EVENT_TYPE_MARKER_RECORDED: 1,
        EventType.EVENT_TYPE_TIMER_STARTED: 1,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: 1,
    }
    assert {kind: len(of_type(events, kind)) for kind in ordered} == ordered


async def test_elements_may_come_one_by_one_and_one_again_after_a_mismatch(
    lender: Lender,
) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    for element in six_elements(applicant):
        if element.kind == "operator":
            wrong = await applying.provide(story.operator(person()))
            assert wrong.outcomes[0].verdict is Verdict.MISMATCH
            assert wrong.outcomes[0].reason == "mobile_mismatch"
        right = await applying.provide(element)
        assert right.outcomes[0].verdict is Verdict.MATCH
        assert right.application.state is ApplicationState.COLLECTING

    assert (await applying.submit()).state is ApplicationState.OFFERED


async def test_an_element_that_failed_three_times_rejects(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant))
    with refused(ElementRefused):
        await applying.provide(story.real_name(applicant))
    for number in (1, 2, 3):
        outcomes = await applying.provide(story.bank_card(person()))
        assert outcomes.outcomes[0].verdict is Verdict.MISMATCH
        assert (outcomes.application.state is ApplicationState.REJECTED) == (number == 3)

    view = await applying.result()
    assert view.rejection is not None
    assert view.rejection.code == CASH.policy_of(ElementKind.BANK_CARD).reject_code == "R01"
    row = await applying.row()
    assert (row.state, row.rejection) == (ApplicationState.REJECTED, view.rejection)


async def test_a_command_given_twice_is_carried_out_once(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    command = ProvideElements(elements=await applying.store(*six_elements(applicant)), submit=True)

    first, second = await asyncio.gather(applying.tell(command), applying.tell(command))

    assert first.outcomes == second.outcomes
    events = await lender.history(applying.workflow_id)
    verified = of_type(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    assert len(verified) == 2
    async with lender.database.read() as tx:
        assert len(await DecisionRepository(tx).of(applying.id)) == 1


async def test_what_was_never_stored_does_not_stand_in_the_way(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    unknown = ProvidedElement(element_id=new_id("elt"), kind=ElementKind.REAL_NAME)

    with refused(RecordMissing):
        await applying.tell(ProvideElements(elements=(unknown,)))
    outcomes = await applying.provide(story.real_name(applicant))

    assert outcomes.outcomes[0].verdict is Verdict.MATCH


async def test_submitting_too_early_is_refused_and_the_application_goes_on(
    lender: Lender,
) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(*six_elements(applicant)[:5])

    with refused(ElementsMissing):
        await applying.submit()
    early = await applying.provide(story.bank_card(person()), submit=True)
    assert early.application.state is ApplicationState.COLLECTING

    last = await applying.provide(story.bank_card(applicant), submit=True)
    assert last.application.state is ApplicationState.OFFERED


async def test_a_rule_rejects_with_a_date_to_apply_again(lender: Lender) -> None:
    applicant = person("blacklisted")
    applying = await apply(lender, applicant)

    await applying.provide(*six_elements(applicant), submit=True)

    view = await applying.result()
    assert view.state is ApplicationState.REJECTED
    assert view.rejection is not None
    today = business_date(utc_now(), CASH.zone)
    assert (view.rejection.code, view.rejection.reapply_on) == ("R05", today + timedelta(days=180))
    assert (await applying.row()).rejection == view.rejection


async def test_an_application_can_be_withdrawn_while_it_collects(lender: Lender) -> None:
    applying = await apply(lender, person())

    assert (await applying.withdraw()).state is ApplicationState.WITHDRAWN

    assert (await applying.result()).state is ApplicationState.WITHDRAWN
    assert (await applying.row()).state is ApplicationState.WITHDRAWN
    with ended():
        await applying.withdraw()


async def test_a_review_ends_when_the_application_is_withdrawn(lender: Lender) -> None:
    applying = await in_review(lender)

    await applying.withdraw()

    assert (await applying.result()).state is ApplicationState.WITHDRAWN
    async with lender.database.read() as tx:
        assert applying.id not in [row.subject for row in await CaseRepository(tx).page(None, 1000)]


async def test_an_offer_lapses_when_the_application_is_withdrawn(lender: Lender) -> None:
    applying, offer_id = await offered(lender)

    await applying.withdraw()

    assert (await applying.result()).state is ApplicationState.WITHDRAWN
    async with lender.database.read() as tx:
        offer = await OfferRepository(tx).get(offer_id)
    assert offer is not None
    assert offer.state is OfferState.LAPSED


async def test_withdrawing_does_not_wait_for_a_bureau_that_is_down(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(*six_elements(applicant))
    await lender.simulators.fault("bureau", status=503)
    deciding = asyncio.create_task(applying.submit())
    await eventually(applying.row, lambda row: row.waiting is Waiting.PROVIDER)
    assert (await applying.row()).state is ApplicationState.DECIDING

    await applying.withdraw()

    assert (await deciding).state is ApplicationState.WITHDRAWN
    assert (await applying.result()).state is ApplicationState.WITHDRAWN
    async with lender.database.read() as tx:
        assert await DecisionRepository(tx).of(applying.id) == []


async def test_collecting_ends_after_a_week(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant))

    await lender.pass_time(applying.workflow_id, WEEK - MOMENT)
    assert (await applying.row()).state is ApplicationState.COLLECTING
    await lender.pass_time(applying.workflow_id, 2 * MOMENT)

    assert (await applying.result()).state is ApplicationState.EXPIRED
    assert (await applying.row()).state is ApplicationState.EXPIRED


async def test_an_offer_stands_for_a_week(lender: Lender) -> None:
    applying, offer_id = await offered(lender)

    await lender.pass_time(applying.workflow_id, WEEK - MOMENT)
    assert (await applying.row()).state is ApplicationState.OFFERED
    await lender.pass_time(applying.workflow_id, 2 * MOMENT)

    assert (await applying.result()).state is ApplicationState.EXPIRED
    async with lender.database.read() as tx:
        offer = await OfferRepository(tx).get(offer_id)
    assert offer is not None
    assert offer.state is OfferState.LAPSED


async def test_a_review_is_not_ended_by_the_applicants_deadline(lender: Lender) -> None:
    applying = await in_review(lender)

    await lender.pass_time(applying.workflow_id, 2 * WEEK)

    assert (await applying.row()).state is ApplicationState.IN_REVIEW
    approved = await applying.review("approve")
    assert approved.state is ApplicationState.OFFERED
    await lender.pass_time(applying.workflow_id, WEEK + MOMENT)
    assert (await applying.result()).state is ApplicationState.EXPIRED


async def test_a_reviewer_approves(lender: Lender) -> None:
    applying = await in_review(lender)
    assert await lender.search_attribute(applying.workflow_id, attributes.NEEDS_HUMAN) is True

    view = await applying.review("approve", by="rita", reason="regular income")

    assert view.state is ApplicationState.OFFERED
    assert await lender.search_attribute(applying.workflow_id, attributes.NEEDS_HUMAN) is False
    async with lender.database.read() as tx:
        decision = await DecisionRepository(tx).get(applying.id, "review", 1)
    assert decision is not None
    assert (decision.outcome, decision.decided_by) == ("approve", "rita")


async def test_a_reviewer_rejects(lender: Lender) -> None:
    applying = await in_review(lender)

    await applying.review("reject", by="rolf", reason="no income")

    view = await applying.result()
    assert view.state is ApplicationState.REJECTED
    assert view.rejection is not None
    today = business_date(utc_now(), CASH.zone)
    assert (view.rejection.code, view.rejection.reapply_on) == ("R13", today + timedelta(days=30))


async def test_the_signal_approves_with_and_without_an_input(lender: Lender) -> None:
    bare, spoken = await in_review(lender), await in_review(lender)

    await bare.handle.signal("approve")
    await spoken.handle.signal("approve", ReviewCommand(reviewer="rita", reason="on the telephone"))

    for applying, reviewer in ((bare, "reviewer"), (spoken, "rita")):
        await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)
        assert [row.actor for row in await audit(applying)] == [reviewer]


async def test_the_signal_rejects_with_and_without_an_input(lender: Lender) -> None:
    bare, spoken = await in_review(lender), await in_review(lender)

    await bare.handle.signal("reject")
    await spoken.handle.signal("reject", ReviewCommand(reviewer="rolf"))

    for applying, reviewer in ((bare, "reviewer"), (spoken, "rolf")):
        assert (await applying.result()).state is ApplicationState.REJECTED
        assert [row.actor for row in await audit(applying)] == [reviewer]


async def test_a_signal_that_cannot_be_read_is_dropped(lender: Lender) -> None:
    applying = await in_review(lender)

    await applying.handle.signal("approve", {"reviewer": ["rita"]})
    await applying.handle.signal("no_such_signal")
    await applying.review("approve")

    assert [row.actor for row in await audit(applying)] == ["rita"]


async def test_a_signal_that_cannot_be_opened_is_dropped_and_counted(lender: Lender) -> None:
    """Whoever reaches the server can send one; it must not stop the process for ever."""
    applying = await in_review(lender)
    sealed = await lender.client.data_converter.encode(
        [ReviewCommand(reviewer="mallory", reason="mine")]
    )
    changed = Payload.FromString(sealed[0].SerializeToString())
    changed.data = changed.data[:-1] + bytes([changed.data[-1] ^ 1])
    cut = Payload.FromString(sealed[0].SerializeToString())
    cut.data = cut.data[:9]
    before = _unreadable()

    for payload in (changed, cut):
        await send_raw(lender.client, applying.handle.id, "approve", payload)
    await applying.review("approve")

    assert [row.actor for row in await audit(applying)] == ["rita"]
    assert _unreadable() >= before + 2


def _unreadable() -> float:
    name = "loanflow_unreadable_payloads_total"
    return REGISTRY.get_sample_value(name, {"why": "tampered"}) or 0.0


async def send_raw(client: Client, workflow_id: str, signal: str, payload: Payload) -> None:
    """Send a signal whose input is these very bytes."""
    await client.workflow_service.signal_workflow_execution(
        SignalWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            signal_name=signal,
            input=Payloads(payloads=[payload]),
        )
    )


async def test_a_second_review_does_not_count_and_is_on_record(lender: Lender) -> None:
    applying = await in_review(lender)
    await applying.review("approve", by="rita")

    with refused(ReviewClosed):
        await applying.review("reject", by="rolf", reason="too late")
    await applying.handle.signal("reject")

    rows = await eventually(lambda: audit(applying), lambda rows: len(rows) == 3)
    assert [(row.actor, row.action, row.outcome) for row in rows] == [
        ("rita", "approve", "accepted"),
        ("rolf", "reject", "refused"),
        ("reviewer", "reject", "refused"),
    ]
    assert (await applying.row()).state is ApplicationState.OFFERED


async def test_of_two_reviews_at_once_one_counts(lender: Lender) -> None:
    applying = await in_review(lender)

    answers = await asyncio.gather(
        applying.review("approve", by="rita"),
        applying.review("approve", by="rolf"),
        return_exceptions=True,
    )

    refusals = [answer for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
    assert len(refusals) == 1
    assert sorted(row.outcome for row in await audit(applying)) == ["accepted", "refused"]


async def test_a_provider_that_is_down_leaves_its_element_pending_until_it_is_back(
    lender: Lender,
) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant))
    await lender.simulators.fault("operator", reset=True)

    outcomes = await applying.provide(story.operator(applicant))

    assert outcomes.outcomes[0].verdict is Verdict.PENDING
    assert outcomes.application.waiting is Waiting.PROVIDER
    assert (await applying.row()).waiting is Waiting.PROVIDER
    assert await lender.search_attribute(applying.workflow_id, attributes.WAITING) == "provider"
    with refused(ElementRefused):
        await applying.provide(story.operator(applicant))

    await lender.simulators.repair()
    await eventually(applying.row, lambda row: row.waiting is Waiting.APPLICANT)
    assert await lender.search_attribute(applying.workflow_id, attributes.WAITING) == "applicant"
    rest = await applying.provide(*six_elements(applicant)[2:], submit=True)
    assert rest.application.state is ApplicationState.OFFERED


async def test_a_bureau_that_was_down_decides_when_it_is_back(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(*six_elements(applicant))
    await lender.simulators.fault("bureau", garbage="not_json")
    deciding = asyncio.create_task(applying.submit())
    await eventually(applying.row, lambda row: row.waiting is Waiting.PROVIDER)
    assert (await applying.row()).state is ApplicationState.DECIDING

    await lender.simulators.repair()

    assert (await deciding).state is ApplicationState.OFFERED
    assert await lender.search_attribute(applying.workflow_id, attributes.WAITING) == "applicant"


async def test_an_answer_that_comes_after_the_end_changes_nothing(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await lender.simulators.fault("real_name", latency_seconds=0.5)
    verifying = asyncio.create_task(applying.provide(story.real_name(applicant)))
    await eventually(lambda: lender.scheduled(applying.workflow_id, "verify_element"))

    await applying.withdraw()

    assert (await verifying).application.state is ApplicationState.WITHDRAWN
    view = await applying.result()
    assert (view.state, view.waiting) == (ApplicationState.WITHDRAWN, Waiting.NOTHING)
    row = await applying.row()
    assert (row.state, row.waiting) == (ApplicationState.WITHDRAWN, Waiting.NOTHING)


async def test_a_failure_that_comes_after_the_end_changes_nothing(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await lender.simulators.fault("real_name", status=500)
    verifying = asyncio.create_task(applying.provide(story.real_name(applicant)))
    await eventually(lambda: lender.scheduled(applying.workflow_id, "verify_element"))

    await applying.withdraw()

    assert (await verifying).outcomes[0].verdict is Verdict.PENDING
    view = await applying.result()
    assert (view.state, view.waiting) == (ApplicationState.WITHDRAWN, Waiting.NOTHING)
    row = await applying.row()
    assert (row.state, row.waiting) == (ApplicationState.WITHDRAWN, Waiting.NOTHING)


async def test_accepting_the_offer_opens_a_line(lender: Lender) -> None:
    applying, offer_id = await offered(lender)
    with refused(WrongState):
        await applying.accept(new_id("off"))

    view = await applying.accept(offer_id)

    assert (view.state, view.line_id) == (ApplicationState.ACCEPTED, applying.line_id)
    assert (await applying.result()).state is ApplicationState.ACCEPTED
    async with lender.database.read() as tx:
        line = await LineRepository(tx).get(applying.line_id)
        offer = await OfferRepository(tx).get(offer_id)
    assert line is not None
    assert (line.credit_limit, line.mode) == (story.AMOUNT, "single_batch")
    assert offer is not None
    assert offer.state is OfferState.ACCEPTED
    described = await lender.handle(ids.line_workflow(applying.line_id)).describe()
    assert described.workflow_type == "CreditLine"


async def test_of_an_acceptance_and_a_withdrawal_at_once_one_counts(lender: Lender) -> None:
    applying, offer_id = await offered(lender)

    accepted, withdrawn = await asyncio.gather(
        applying.accept(offer_id), applying.withdraw(), return_exceptions=True
    )

    view = await applying.result()
    if view.state is ApplicationState.ACCEPTED:
        assert isinstance(withdrawn, Exception)
    else:
        assert view.state is ApplicationState.WITHDRAWN
        assert isinstance(accepted, Exception)
    assert (await applying.row()).state is view.state


async def test_a_final_application_takes_nothing_more(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await lender.simulators.fault("real_name", latency_seconds=0.5)
    verifying = asyncio.create_task(applying.provide(story.real_name(applicant)))
    await eventually(lambda: lender.scheduled(applying.workflow_id, "verify_element"))
    await applying.withdraw()

    with refused(ApplicationClosed):
        await applying.submit()
    await verifying
