"""CreditApplication: from the first element to an accepted offer, or to a clear end."""

import asyncio
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.application import (
        ApplicationClosed,
        ApplicationState,
        ElementRecord,
        ElementsMissing,
        Rejection,
        ReviewClosed,
        Waiting,
        WrongState,
        check_may_provide,
        missing_elements,
    )
    from domain.calendar import business_date
    from domain.decision import Decision, Outcome, reapply_date
    from domain.elements import ElementKind, Verdict
    from domain.errors import DomainError
    from domain.money import format_amount
    from domain.products import ZONES, product_of
    from messages import calls, ids
    from messages import search_attributes as attributes
    from messages.application import (
        ApplicationSnapshot,
        ApplicationView,
        AssessApplication,
        ElementOutcome,
        ElementOutcomes,
        Offer,
        OpenLine,
        ProvidedElement,
        ProvideElements,
        RecordDecision,
        RecordReview,
        RecordState,
        ReviewCommand,
        StartApplication,
        VerifyElement,
    )
    from workflows.calling import SOON, SOON_WITHIN, parked, run, run_parked, run_patiently
    from workflows.details import details_table

REVIEW_REJECT_CODE = "R13"


@workflow.defn(failure_exception_types=[DomainError])
class CreditApplication:
    """One application for credit."""

    @workflow.init
    def __init__(self, start: StartApplication) -> None:
        self._start = start
        self._product = product_of(start.product)
        self._zone = ZONES[self._product.zone]
        self._state = ApplicationState.COLLECTING
        self._waiting = Waiting.APPLICANT
        self._state_seq = 0
        self._deadline: datetime | None = workflow.now() + self._product.collecting_for
        self._elements: dict[ElementKind, ElementRecord] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._offer: Offer | None = None
        self._line_id: str | None = None
        self._rejection: Rejection | None = None
        self._deciding = asyncio.Lock()
        self._show()

    @workflow.run
    async def run(self, start: StartApplication) -> ApplicationView:
        """Wait for the applicant, the providers and the reviewer until the application is final."""
        watch = asyncio.create_task(self._watch_deadline())
        await workflow.wait_condition(lambda: self._state.is_final or watch.done())
        if watch.done() or self._state is ApplicationState.EXPIRED:
            with parked():
                await watch
        for task in self._background:
            task.cancel()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._view()

    # Commands

    @workflow.update(description="Verify elements that were stored, side by side")
    async def provide_elements(self, command: ProvideElements) -> ElementOutcomes:
        """Verify elements; with `submit` ask for the decision once all required are verified."""
        outcomes = await asyncio.gather(*(self._verify(element) for element in command.elements))
        if command.submit and not missing_elements(self._product, self._elements):
            await self._decide()
        return ElementOutcomes(outcomes=tuple(outcomes), application=self._view())

    @provide_elements.validator
    def _may_provide(self, command: ProvideElements) -> None:
        self._require(ApplicationState.COLLECTING)
        for element in command.elements:
            known = self._elements.get(element.kind)
            if known is None or known.element_id != element.element_id:
                check_may_provide(self._product, self._elements, element.kind)

    @workflow.update(description="Ask for the decision")
    async def submit(self) -> ApplicationView:
        """Decide, once what is still being verified has its verdict.

        The applicant may see a verdict on record before the process has learned it, so one that is
        under way is waited for and not refused.
        """
        await workflow.wait_condition(lambda: not self._verifying() or self._state.is_final)
        self._may_submit()
        await self._decide()
        return self._view()

    @submit.validator
    def _may_submit(self) -> None:
        self._require(ApplicationState.COLLECTING, ApplicationState.DECIDING)
        verifying = self._verifying()
        missing = missing_elements(self._product, self._elements)
        refused = [kind for kind in missing if kind not in verifying]
        if refused:
            raise ElementsMissing(f"not verified yet: {', '.join(refused)}")

    @workflow.update(description="Give the application up")
    async def withdraw(self) -> ApplicationView:
        """End the application on the applicant's word."""
        await self._close(ApplicationState.WITHDRAWN)
        return self._view()

    @withdraw.validator
    def _may_withdraw(self) -> None:
        self._require(
            ApplicationState.COLLECTING,
            ApplicationState.DECIDING,
            ApplicationState.IN_REVIEW,
            ApplicationState.OFFERED,
        )

    @workflow.update(description="Take the offer: a credit line is opened")
    async def accept_offer(self, offer_id: str) -> ApplicationView:
        """Accept the offer that stands."""
        offer = self._offer
        if offer is None or offer.offer_id != offer_id:
            raise WrongState("there is no such offer on this application")
        line_id = ids.derived_id("lin", self._start.application_id)
        now = workflow.now()
        self._line_id = line_id
        self._change(ApplicationState.ACCEPTED, Waiting.NOTHING)
        await run_parked(
            calls.OPEN_LINE,
            OpenLine(
                application_id=self._start.application_id,
                applicant_id=self._start.applicant_id,
                product=self._start.product,
                offer=offer,
                line_id=line_id,
                opened_at=now,
                expires_at=now + self._product.line_valid_for,
                state_seq=self._state_seq,
            ),
            "open the credit line",
        )
        return self._view()

    @accept_offer.validator
    def _may_accept(self, offer_id: str) -> None:
        self._require(ApplicationState.OFFERED)

    @workflow.update(name="review_approve", description="A reviewer approves")
    async def review_approve(self, command: ReviewCommand) -> ApplicationView:
        """Approve an application that is in review."""
        await self._review(command, approve=True)
        return self._view()

    @workflow.update(name="review_reject", description="A reviewer rejects")
    async def review_reject(self, command: ReviewCommand) -> ApplicationView:
        """Reject an application that is in review."""
        await self._review(command, approve=False)
        return self._view()

    @workflow.signal(description="A reviewer approves; the input may be left out")
    async def approve(self, command: ReviewCommand | None = None) -> None:
        """Approve from the Temporal UI or command line; a closed review stays as it is."""
        await self._review_by_signal(command, approve=True)

    @workflow.signal(description="A reviewer rejects; the input may be left out")
    async def reject(self, command: ReviewCommand | None = None) -> None:
        """Reject from the Temporal UI or command line; a closed review stays as it is."""
        await self._review_by_signal(command, approve=False)

    @workflow.query(description="Everything the process remembers")
    def snapshot(self) -> ApplicationSnapshot:
        """Return the live state, for debugging."""
        return ApplicationSnapshot(view=self._view(), elements=tuple(self._elements.values()))

    # Verification

    async def _verify(self, element: ProvidedElement) -> ElementOutcome:
        known = self._elements.get(element.kind)
        if known is not None and known.element_id == element.element_id:
            await workflow.wait_condition(
                lambda: known.verdict is not Verdict.PENDING or self._state.is_final
            )
            return self._outcome(known)
        record = ElementRecord(
            kind=element.kind,
            element_id=element.element_id,
            attempts=known.attempts + 1 if known else 1,
            verdict=Verdict.PENDING,
        )
        self._elements[element.kind] = record
        request = VerifyElement(
            application_id=self._start.application_id,
            element_id=element.element_id,
            kind=element.kind,
        )
        try:
            answer = await run(
                calls.VERIFY_ELEMENT,
                request,
                f"verify {element.kind}",
                retry_policy=SOON,
                within=SOON_WITHIN,
            )
        except ApplicationError:
            # Not a verdict: what was refused could not be asked about at all.
            self._forget(record, known)
            raise
        except ActivityError:
            await self._go_on_asking(record, request)
        else:
            self._learn(record, answer)
        return self._outcome(record)

    async def _go_on_asking(self, record: ElementRecord, request: VerifyElement) -> None:
        if self._state.is_final:
            return
        self._background.add(asyncio.create_task(self._verify_late(record, request)))
        self._change(self._state, Waiting.PROVIDER)
        await self._record_state()

    async def _verify_late(self, record: ElementRecord, request: VerifyElement) -> None:
        answer = await run(
            calls.VERIFY_ELEMENT, request, f"verify {record.kind}: until the provider answers"
        )
        self._learn(record, answer)
        if self._state is ApplicationState.COLLECTING and not self._verifying():
            self._change(self._state, Waiting.APPLICANT)
            await self._record_state()

    def _forget(self, record: ElementRecord, before: ElementRecord | None) -> None:
        if before is None:
            del self._elements[record.kind]
        else:
            self._elements[record.kind] = before

    def _verifying(self) -> set[ElementKind]:
        return {kind for kind, item in self._elements.items() if item.verdict is Verdict.PENDING}

    def _learn(self, record: ElementRecord, answer: ElementOutcome) -> None:
        record.verdict, record.reason = answer.verdict, answer.reason
        self._show()

    @staticmethod
    def _outcome(record: ElementRecord) -> ElementOutcome:
        return ElementOutcome(
            element_id=record.element_id,
            kind=record.kind,
            verdict=record.verdict,
            reason=record.reason,
        )

    # Decision

    async def _decide(self) -> None:
        async with self._deciding:
            if self._state is not ApplicationState.COLLECTING:
                return
            self._state, self._waiting, self._deadline = (
                ApplicationState.DECIDING,
                Waiting.DECISION,
                None,
            )
            assessing = asyncio.create_task(self._assess())
            self._background.add(assessing)
            await workflow.wait_condition(lambda: assessing.done() or self._state.is_final)
            if self._state is ApplicationState.DECIDING:
                with parked():
                    await self._follow(await assessing)

    async def _assess(self) -> Decision:
        now = workflow.now()
        return await run_patiently(
            calls.ASSESS_APPLICATION,
            AssessApplication(
                application_id=self._start.application_id,
                decided_at=now,
                business_date=business_date(now, self._zone),
            ),
            "score and decide",
            while_waiting=self._wait_for_score,
        )

    async def _wait_for_score(self, waiting: bool) -> None:
        if self._state is not ApplicationState.DECIDING:
            return
        self._change(self._state, Waiting.PROVIDER if waiting else Waiting.DECISION)
        if waiting:
            await self._record_state()

    async def _follow(self, decision: Decision) -> None:
        now = workflow.now()
        review_due_at = None
        if decision.outcome is Outcome.APPROVE:
            self._make_offer(now)
        elif decision.outcome is Outcome.REJECT:
            assert decision.reject_code is not None  # noqa: S101 -- the policy's own invariant
            self._rejection = Rejection(code=decision.reject_code, reapply_on=decision.reapply_on)
            self._change(ApplicationState.REJECTED, Waiting.NOTHING)
        else:
            review_due_at = now + self._product.review_within
            self._change(ApplicationState.IN_REVIEW, Waiting.REVIEWER)
        await run(
            calls.RECORD_DECISION,
            RecordDecision(
                application_id=self._start.application_id,
                decision=decision,
                state=self._state,
                waiting=self._waiting,
                state_seq=self._state_seq,
                at=now,
                review_due_at=review_due_at,
                offer=self._offer,
            ),
            f"record: {decision.outcome}",
        )

    def _make_offer(self, now: datetime) -> None:
        self._offer = Offer(
            offer_id=ids.derived_id("off", self._start.application_id),
            currency=self._start.currency,
            amount=self._start.amount,
            instalments=self._start.instalments,
            annual_rate=self._product.annual_rate,
            penalty_annual_rate=self._product.penalty_annual_rate,
            mode=self._product.mode,
            expires_at=now + self._product.offer_valid_for,
        )
        self._deadline = self._offer.expires_at
        self._change(ApplicationState.OFFERED, Waiting.APPLICANT)

    # Review

    async def _review(self, command: ReviewCommand, *, approve: bool) -> None:
        now = workflow.now()
        accepted = self._state is ApplicationState.IN_REVIEW
        if accepted and approve:
            self._make_offer(now)
        elif accepted:
            self._rejection = Rejection(
                code=REVIEW_REJECT_CODE,
                reapply_on=reapply_date(REVIEW_REJECT_CODE, business_date(now, self._zone)),
            )
            self._change(ApplicationState.REJECTED, Waiting.NOTHING)
        await run_parked(
            calls.RECORD_REVIEW,
            RecordReview(
                application_id=self._start.application_id,
                approve=approve,
                accepted=accepted,
                command=command,
                at=now,
                rejection=self._rejection if accepted else None,
                offer=self._offer if accepted else None,
                state_seq=self._state_seq,
            ),
            f"record: {'approve' if approve else 'reject'} by a reviewer",
        )
        if not accepted:
            raise ReviewClosed(f"the application is {self._state}, not in review")

    async def _review_by_signal(self, command: ReviewCommand | None, *, approve: bool) -> None:
        try:
            await self._review(command or ReviewCommand(), approve=approve)
        except ReviewClosed as error:
            # A signal has no caller to answer: the audit row says that it did not count.
            workflow.logger.warning("review signal refused: %s", error.code)

    # State

    def _require(self, *states: ApplicationState) -> None:
        if self._state.is_final:
            raise ApplicationClosed(f"the application is {self._state}")
        if self._state not in states:
            raise WrongState(f"the application is {self._state}")

    async def _watch_deadline(self) -> None:
        """Expire the application when its deadline passes; one timer at a time, re-armed on fire.

        A deadline that was moved or lifted is noticed when the timer of the old one fires, which
        costs less history than cancelling it.
        """
        while not self._state.is_final:
            await workflow.wait_condition(
                lambda: self._deadline is not None or self._state.is_final
            )
            deadline = self._deadline
            if deadline is None:
                continue
            if workflow.now() >= deadline:
                await self._close(ApplicationState.EXPIRED)
            else:
                left = deadline - workflow.now()
                await workflow.sleep(left, summary=f"{self._state}: expires")

    async def _close(self, state: ApplicationState) -> None:
        self._change(state, Waiting.NOTHING)
        await self._record_state()

    async def _record_state(self) -> None:
        await run_parked(
            calls.RECORD_STATE,
            RecordState(
                application_id=self._start.application_id,
                state=self._state,
                waiting=self._waiting,
                state_seq=self._state_seq,
                at=workflow.now(),
                rejection=self._rejection,
            ),
            f"record: {self._state}, waiting for {self._waiting}",
        )

    def _change(self, state: ApplicationState, waiting: Waiting) -> None:
        """Set the state: the only place that writes it and the search attributes."""
        self._state_seq += 1
        self._state, self._waiting = state, waiting
        workflow.upsert_search_attributes(
            [
                attributes.APPLICATION_STATE.value_set(state.value),
                attributes.WAITING.value_set(waiting.value),
                attributes.NEEDS_HUMAN.value_set(waiting is Waiting.REVIEWER),
            ]
        )
        self._show()

    def _view(self) -> ApplicationView:
        return ApplicationView(
            application_id=self._start.application_id,
            state=self._state,
            waiting=self._waiting,
            state_seq=self._state_seq,
            offer_id=self._offer.offer_id if self._offer else None,
            line_id=self._line_id,
            rejection=self._rejection,
        )

    def _show(self) -> None:
        start = self._start
        rows = [
            ("stage", self._state.value),
            ("waiting for", self._waiting.value),
            ("asked", f"{format_amount(start.amount, start.currency)} {start.currency}"),
            ("months", str(start.instalments)),
        ]
        rows += [
            (f"element {item.kind}", item.verdict + (f" ({item.reason})" if item.reason else ""))
            for item in self._elements.values()
        ]
        if self._offer is not None:
            rows.append(("offer until", f"{self._offer.expires_at:%Y-%m-%d %H:%M} UTC"))
        if self._line_id is not None:
            rows.append(("goes on as", ids.line_workflow(self._line_id)))
        if self._rejection is not None:
            rows.append(("rejected", f"{self._rejection.code}, again {self._rejection.reapply_on}"))
        workflow.set_current_details(details_table(rows))
