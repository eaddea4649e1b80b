"""CreditApplication: from the first element to an accepted offer, or to a clear end."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.applications.actions import POSSIBLE_IN, ApplicationAction
    from domain.applications.application import (
        ApplicationState,
        ElementsMissing,
        ReviewClosed,
        SupplementRefused,
        WrongState,
        failed_element,
        rejecting_element,
    )
    from domain.common.errors import DomainError
    from messages.applications import (
        ApplicationSnapshot,
        ApplicationView,
        ElementOutcomes,
        ProvideElements,
        ReviewCommand,
        StartApplication,
    )
    from messages.verification import ConfirmElement, ElementSettled, SupplementRequest
    from workflows.applications.case import ApplicationCase
    from workflows.applications.collecting import Collecting
    from workflows.applications.deadlines import Deadlines
    from workflows.applications.deciding import Deciding
    from workflows.applications.review_time import ReviewTime
    from workflows.common.calling import intervention_on_refusal
    from workflows.common.waiting import holds_within

SUBMIT_WAITS = timedelta(seconds=8)
"""How long `submit` waits for sources before it answers that they are still asked."""


@workflow.defn(failure_exception_types=[DomainError])
class CreditApplication:
    """One application for credit."""

    @workflow.init
    def __init__(self, start: StartApplication) -> None:
        self._case = ApplicationCase(start)
        self._collecting = Collecting(self._case)
        self._deciding = Deciding(self._case, self._collecting)
        self._deadlines = Deadlines(self._case)
        self._review_time = ReviewTime(self._case)

    @workflow.run
    async def run(self, start: StartApplication) -> ApplicationView:
        """Wait for the applicant, the providers and the reviewer until the application is final."""
        case = self._case
        watch = asyncio.create_task(self._deadlines.watch())
        updates = asyncio.create_task(self._follow_updates())
        late = asyncio.create_task(self._review_time.watch())
        await workflow.wait_condition(
            lambda: case.is_over or watch.done() or updates.done() or late.done()
        )
        with intervention_on_refusal():
            if late.done():
                await late
            await updates
            if watch.done() or case.state is ApplicationState.EXPIRED:
                await watch
        self._collecting.stop()
        self._deciding.stop()
        self._deadlines.stop()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return case.view()

    # Elements

    @workflow.update(description="Verify elements that were stored, side by side")
    async def provide_elements(self, command: ProvideElements) -> ElementOutcomes:
        """Verify elements; with `submit` decide as soon as what was asked for is there."""
        self._case.last_step_at = workflow.now()
        outcomes = await self._collecting.provide(command.elements)
        await self._collecting.take_over(command.elements)
        self._case.submitted = self._case.submitted or command.submit
        await self._follow_up()
        return ElementOutcomes(outcomes=outcomes, application=self._case.view())

    @provide_elements.validator
    def _may_provide(self, command: ProvideElements) -> None:
        self._case.require(POSSIBLE_IN[ApplicationAction.PROVIDE_ELEMENTS])
        self._collecting.check_may_provide(command.elements)

    @workflow.update(description="Pass on the code that a source sent to the applicant")
    async def confirm_element(self, command: ConfirmElement) -> ElementOutcomes:
        """Pass a code on and return what its source says of the element."""
        self._case.last_step_at = workflow.now()
        outcome = await self._collecting.confirm(command)
        await self._follow_up()
        return ElementOutcomes(outcomes=(outcome,), application=self._case.view())

    @confirm_element.validator
    def _may_confirm(self, command: ConfirmElement) -> None:
        if self._case.is_over:
            self._case.require(())
        self._collecting.check_may_confirm(command)

    @workflow.signal(description="A source has an update on an element: it is asked now")
    def element_settled(self, update: ElementSettled) -> None:
        """Ask the source now; a repeat, or an update on what is settled, changes nothing."""
        self._collecting.settled(update)

    @workflow.update(description="Ask for the decision")
    async def submit(self) -> ApplicationView:
        """Decide, once what is still being verified has its verdict.

        What takes its time is waited for a little and not refused: the decision follows by itself.
        """
        case = self._case
        case.last_step_at = workflow.now()
        if case.is_collecting:
            case.submitted = True
        if case.missing() and not await holds_within(
            lambda: not case.missing() or bool(case.unprovided()) or not case.is_collecting,
            SUBMIT_WAITS,
            "answer that sources are still asked",
        ):
            return case.view()
        if case.is_collecting or case.is_over:
            self._may_submit()
        await self._deciding.decide()
        return case.view()

    @submit.validator
    def _may_submit(self) -> None:
        self._case.require(POSSIBLE_IN[ApplicationAction.SUBMIT])
        refused = self._case.unprovided()
        if refused:
            raise ElementsMissing(f"not verified yet: {', '.join(refused)}")

    @workflow.update(description="Give the application up")
    async def withdraw(self) -> ApplicationView:
        """End the application on the applicant's word."""
        async with self._deciding.reviewing:
            self._may_withdraw()
            await self._case.close(ApplicationState.WITHDRAWN)
        return self._case.view()

    @withdraw.validator
    def _may_withdraw(self) -> None:
        self._case.require(POSSIBLE_IN[ApplicationAction.WITHDRAW])

    # Offer

    @workflow.update(description="Take the offer: a credit line is opened")
    async def accept_offer(self, offer_id: str) -> ApplicationView:
        """Accept the offer that stands."""
        offer = self._case.offer
        if offer is None or offer.offer_id != offer_id:
            raise WrongState("there is no such offer on this application")
        await self._deciding.accept(offer)
        return self._case.view()

    @accept_offer.validator
    def _may_accept(self, offer_id: str) -> None:
        self._case.require(POSSIBLE_IN[ApplicationAction.ACCEPT_OFFER])

    # Review

    @workflow.update(name="review_approve", description="A reviewer approves")
    async def review_approve(self, command: ReviewCommand) -> ApplicationView:
        """Approve an application that is in review."""
        await self._deciding.review(command, approve=True)
        return self._case.view()

    @workflow.update(name="review_reject", description="A reviewer rejects")
    async def review_reject(self, command: ReviewCommand) -> ApplicationView:
        """Reject an application that is in review."""
        await self._deciding.review(command, approve=False)
        return self._case.view()

    @workflow.update(
        name="review_supplement", description="A reviewer asks for elements to be provided again"
    )
    async def review_supplement(self, request: SupplementRequest) -> ApplicationView:
        """Reopen elements of an application that is in review; the review waits for them."""
        await self._deciding.supplement(request)
        return self._case.view()

    @review_supplement.validator
    def _may_supplement(self, request: SupplementRequest) -> None:
        self._deciding.check_may_supplement(request)

    @workflow.signal(description="A reviewer approves; the input may be left out")
    async def approve(self, command: ReviewCommand | None = None) -> None:
        """Approve from the Temporal UI or command line; a closed review stays as it is."""
        await self._review_by_signal(command, approve=True)

    @workflow.signal(description="A reviewer rejects; the input may be left out")
    async def reject(self, command: ReviewCommand | None = None) -> None:
        """Reject from the Temporal UI or command line; a closed review stays as it is."""
        await self._review_by_signal(command, approve=False)

    @workflow.signal(description="A reviewer asks for elements to be provided again")
    async def request_supplement(self, request: SupplementRequest) -> None:
        """Reopen elements from the Temporal UI or command line; what may not be, stays."""
        try:
            await self._deciding.supplement(request)
        except (ReviewClosed, SupplementRefused, ApplicationError) as error:
            workflow.logger.warning("supplement signal refused: %s", type(error).__name__)

    @workflow.query(description="Everything the process remembers")
    def snapshot(self) -> ApplicationSnapshot:
        """Return the live state, for debugging."""
        return ApplicationSnapshot(
            view=self._case.view(),
            elements=tuple(self._case.elements.values()),
            supplement=self._case.supplement,
        )

    async def _review_by_signal(self, command: ReviewCommand | None, *, approve: bool) -> None:
        try:
            await self._deciding.review(command or ReviewCommand(), approve=approve)
        except (ElementsMissing, ApplicationError) as error:
            # A signal has no caller to answer: the audit row says that it did not count.
            workflow.logger.warning("review signal refused: %s", type(error).__name__)

    async def _follow_updates(self) -> None:
        """Do what follows from answers that came while nobody waited for them."""
        while not self._case.is_over:
            await workflow.wait_condition(
                lambda: self._collecting.update_received or self._case.is_over
            )
            self._collecting.update_received = False
            await self._follow_up()

    async def _follow_up(self) -> None:
        """Reject, decide, or say whose move it is: whatever follows from what is known now."""
        case = self._case
        if not case.is_collecting:
            return
        # Without an element whose last try was wrong there is nothing to decide.
        rejecting = rejecting_element(case.product, case.elements) or failed_element(
            case.product, case.elements, case.supplement
        )
        if rejecting is not None:
            await self._deciding.reject(rejecting)
        elif (case.submitted or case.supplement is not None) and not case.missing():
            await self._deciding.decide()
        else:
            case.submitted = case.submitted and case.is_under_way()
            await self._collecting.tell_whose_move()
