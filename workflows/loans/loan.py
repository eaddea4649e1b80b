"""Loan: years of servicing with one timer at a time.

What the loan is worth on a day is `position(terms, events, as_of)`; the process only decides what
happens next: a debit on a due date, a mark when the loan grows older in arrears, the booking of a
repayment. Interest needs no timer.
"""

from datetime import date, time

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.common.calendar import business_date, instant_at
    from domain.common.errors import ConflictingEvent, DomainError
    from domain.common.money import format_amount
    from domain.loans.events import AnyEvent, LoanEvent
    from domain.loans.payoff import payoff_quote
    from domain.loans.position import Position, position
    from domain.loans.records import check_record
    from domain.loans.repayment import LoanSettled, RepaymentInFlight, amount_to_pay
    from domain.loans.servicing import (
        NextStep,
        Step,
        last_due_number,
        next_step,
        oldest_unpaid,
        reached,
    )
    from domain.products.products import ZONES, product_of
    from messages import calls, ids
    from messages.loans import (
        ApplyRepayment,
        BookFact,
        CollectInstalment,
        LoanView,
        MarkLoan,
        QuotedPayoff,
        RecordFact,
        RepayCommand,
        RepaymentEnded,
        RepaymentSource,
        RepayReceipt,
        RequestRepayment,
        StartLoan,
        StartRepayment,
    )
    from messages.payments import TransferStatus
    from workflows.common.calling import (
        continue_on_newest_build,
        parked,
        run,
        run_patiently,
    )
    from workflows.loans.display import LoanDisplay, view_of
    from workflows.loans.repayment import Repayment
    from workflows.loans.timer import StepTimer

RECEIPTS_KEPT = 50


@workflow.defn(failure_exception_types=[DomainError])
class Loan:
    """One loan."""

    @workflow.init
    def __init__(self, start: StartLoan) -> None:
        self._start = start
        self._zone = ZONES[product_of(start.product).zone]
        self._terms = start.terms
        self._events: list[LoanEvent] = list(start.events)
        self._collected_to = start.collected_to
        self._marked = start.marked
        self._episode = start.episode
        self._receipts = {receipt.repayment_id: receipt for receipt in start.receipts}
        self._state_seq = start.state_seq
        self._in_flight: str | None = None
        self._booking: str | None = None
        self._stirred = False
        self._ended: list[RepaymentEnded] = []
        self._amounts: dict[str, int] = {}
        self._timer = StepTimer()
        self._display = LoanDisplay(start.loan_id)

    @workflow.run
    async def run(self, start: StartLoan) -> LoanView:
        """Service the loan until it is settled, and nothing recorded meanwhile undid that."""
        with parked():
            await self._service()
            while not workflow.all_handlers_finished():
                await workflow.wait_condition(workflow.all_handlers_finished)
                await self._service()
        self._publish(self._position(), None)
        return self._view()

    async def _service(self) -> None:
        while True:
            self._stirred = False
            await self._book_ended()
            current = self._position()
            step = next_step(current, self._collected_to, self._marked, self._zone)
            if current.settled and step is None:
                break
            if self._should_continue_as_new():
                await workflow.wait_condition(
                    lambda: workflow.all_handlers_finished() or self._is_busy
                )
                if self._may_continue_as_new():
                    continue_on_newest_build(self._snapshot())
                continue
            self._publish(current, step)
            if step is None or self._is_busy or workflow.now() < step.at:
                await self._wait(step)
            elif step.step is Step.COLLECT:
                await self._collect(step)
            else:
                await self._mark(step)

    # Commands

    @workflow.update(description="Pay by debit of the bound card")
    async def repay(self, command: RepayCommand) -> RepayReceipt:
        """Debit the borrower's card now and answer with what came of it.

        Without an amount everything due is paid; with `payoff_total` the loan is settled.
        """
        if command.repayment_id not in self._amounts and not self._receipt(command):
            await self._request(command)
        await workflow.wait_condition(lambda: self._receipt(command) is not None)
        return self._receipts[command.repayment_id]

    @repay.validator
    def _may_repay(self, command: RepayCommand) -> None:
        if self._receipt(command) or command.repayment_id == self._in_flight:
            return
        self._refuse_while_busy()
        self._amount_of(command)

    @workflow.update(description="Record a charge, waiver, reversal, new plan, write-off, ...")
    async def record(self, command: RecordFact) -> LoanView:
        """Book what happened to the loan, backdated or today; a repeat changes nothing."""
        if not self._knows(command.event):
            await self._book(command)
        return self._view()

    @record.validator
    def _may_record(self, command: RecordFact) -> None:
        if not self._knows(command.event):
            self._refuse_while_busy()
            check_record(self._terms, self._events, command.event, self._today())

    @workflow.update(description="What it costs to settle the loan today")
    async def quote_payoff(self) -> QuotedPayoff:
        """Quote the payoff; it holds until the end of the business day."""
        today = self._today()
        return QuotedPayoff(
            quote=payoff_quote(self._terms, self._events, today),
            valid_until=instant_at(today, time(23, 59, 59), self._zone),
        )

    @quote_payoff.validator
    def _may_quote(self) -> None:
        if self._position().settled:
            raise LoanSettled("the loan is settled")

    @workflow.signal(description="A repayment came to its end")
    def repayment_ended(self, ended: RepaymentEnded) -> None:
        """Queue the outcome for booking; a repeat is booked once."""
        self._ended.append(ended)

    @workflow.signal(description="Look again: a new build may be there")
    def nudge(self) -> None:
        """Wake up, so that a sleeping loan moves to the build that was made current."""

    @workflow.query(description="The loan as its process knows it")
    def snapshot(self) -> LoanView:
        """Return the live state, for debugging."""
        return self._view()

    # Repayments

    def _receipt(self, command: RepayCommand) -> RepayReceipt | None:
        return self._receipts.get(command.repayment_id)

    def _amount_of(self, command: RepayCommand) -> int:
        """Return what a command pays today or raise why it cannot."""
        return amount_to_pay(
            self._terms,
            self._events,
            self._today(),
            amount=command.amount,
            payoff_total=command.payoff_total,
        )

    async def _request(self, command: RepayCommand) -> None:
        amount = self._amount_of(command)
        today = self._today()
        settles = command.payoff_total is not None
        self._in_flight = command.repayment_id
        self._amounts[command.repayment_id] = amount
        try:
            await run(
                calls.REQUEST_REPAYMENT,
                RequestRepayment(
                    loan_id=self._start.loan_id,
                    repayment_id=command.repayment_id,
                    order_no=ids.debit_order(command.repayment_id),
                    source=RepaymentSource.PAYOFF if settles else RepaymentSource.BORROWER,
                    amount=amount,
                    business_date=today,
                    workflow_id=ids.repayment_workflow(command.repayment_id),
                    payoff=payoff_quote(self._terms, self._events, today) if settles else None,
                ),
                f"record the repayment of {format_amount(amount, self._terms.currency)}",
            )
        except ApplicationError:
            # The record refused: nothing was sent and nothing will be.
            self._in_flight = None
            self._stirred = True
            del self._amounts[command.repayment_id]
            raise
        await self._start_repayment(command.repayment_id, amount, today, sent=False)

    async def _start_repayment(
        self, repayment_id: str, amount: int, today: date, *, sent: bool
    ) -> None:
        _child = await workflow.start_child_workflow(
            Repayment.run,
            StartRepayment(
                repayment_id=repayment_id,
                loan_id=self._start.loan_id,
                order_no=ids.debit_order(repayment_id),
                amount=amount,
                business_date=today,
                sent=sent,
            ),
            id=ids.repayment_workflow(repayment_id),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"repayment of {format_amount(amount, self._terms.currency)}",
        )

    async def _book_ended(self) -> None:
        while self._ended:
            ended = self._ended.pop(0)
            if ended.repayment_id in self._receipts:
                continue
            if ended.status is TransferStatus.SUCCEEDED:
                await self._apply(ended)
            self._receipts[ended.repayment_id] = RepayReceipt(
                repayment_id=ended.repayment_id,
                loan_id=self._start.loan_id,
                amount=self._amounts.pop(ended.repayment_id, 0),
                status=ended.status,
                reason=ended.reason,
            )
            self._in_flight = None

    async def _apply(self, ended: RepaymentEnded) -> None:
        self._state_seq += 1
        applied = await run(
            calls.APPLY_REPAYMENT,
            ApplyRepayment(
                loan_id=self._start.loan_id,
                repayment_id=ended.repayment_id,
                business_date=ended.business_date,
                state_seq=self._state_seq,
            ),
            "book the repayment",
        )
        self._events.append(applied.event)
        await self._after_change()

    # What is recorded

    def _knows(self, event: AnyEvent) -> bool:
        known = next((item for item in self._events if item.key == event.key), None)
        if known is not None and known != event:
            raise ConflictingEvent(f"{event.key} is recorded with another content")
        return known is not None

    async def _book(self, command: RecordFact) -> None:
        event = command.event
        self._booking = event.key
        self._state_seq += 1
        try:
            await run(
                calls.BOOK_FACT,
                BookFact(
                    loan_id=self._start.loan_id,
                    fact=command,
                    business_date=self._today(),
                    state_seq=self._state_seq,
                ),
                f"record: {event.kind} on {event.on.isoformat()}",
            )
            self._events.append(event)
            # An instalment that a new plan put off was not asked for on its new date yet.
            asked = last_due_number(self._position())
            self._collected_to = min(self._collected_to, asked)
            await self._after_change()
        finally:
            self._booking = None
            self._stirred = True

    # What falls due by itself

    async def _collect(self, step: NextStep) -> None:
        """Bill and debit what is due today. One activity on the usual path: a month costs a dozen
        events; a debit in doubt gets a process of its own."""
        today = self._today()
        repayment_id = ids.derived_id(
            "rep", self._start.loan_id, "instalment", str(step.number), today.isoformat()
        )
        self._state_seq += 1
        self._in_flight = repayment_id
        outcome = await run_patiently(
            calls.COLLECT_INSTALMENT,
            CollectInstalment(
                loan_id=self._start.loan_id,
                repayment_id=repayment_id,
                order_no=ids.debit_order(repayment_id),
                number=step.number,
                business_date=today,
                workflow_id=ids.repayment_workflow(repayment_id),
                state_seq=self._state_seq,
            ),
            f"debit instalment {step.number}",
        )
        self._collected_to = step.number
        if outcome.status is TransferStatus.IN_DOUBT:
            amount = self._position().total_due
            self._amounts[repayment_id] = amount
            await self._start_repayment(repayment_id, amount, today, sent=True)
            return
        self._in_flight = None
        if outcome.event is not None:
            self._events.append(outcome.event)
            await self._after_change()

    async def _mark(self, step: NextStep) -> None:
        """Record that the loan grew older in arrears; the first time starts an episode."""
        begins = self._marked == 0
        self._marked = step.days_past_due
        self._episode += begins
        await self._record_mark(open_collections=begins)

    async def _after_change(self) -> None:
        was_marked = self._marked > 0
        days_past_due = self._position().days_past_due
        # A loan that grew younger in arrears is marked again when it grows older once more.
        self._marked = min(self._marked, reached(days_past_due))
        if was_marked and not self._marked:
            await self._leave_collections()

    async def _leave_collections(self) -> None:
        case = workflow.get_external_workflow_handle(
            ids.collections_workflow(self._start.loan_id, self._episode)
        )
        try:
            await case.signal("cured")
        except ApplicationError as error:
            # The episode ended before the news came: nothing is left to stop.
            workflow.logger.info("no open episode: %s", error.type)

    async def _record_mark(self, *, open_collections: bool) -> None:
        self._state_seq += 1
        oldest = oldest_unpaid(self._position())
        assert oldest is not None  # noqa: S101 -- a loan that is marked has an unpaid instalment
        await run(
            calls.MARK_LOAN,
            MarkLoan(
                loan_id=self._start.loan_id,
                applicant_id=self._start.applicant_id,
                product=self._start.product,
                business_date=self._today(),
                oldest_due_on=oldest.due_on,
                state_seq=self._state_seq,
                episode=self._episode,
                open_collections=open_collections,
            ),
            f"record: {self._marked} days past due",
        )

    # Waiting

    async def _wait(self, step: NextStep | None) -> None:
        """Sleep until the next step or until news comes; the timer outlives other wake-ups."""
        if step is not None and not self._is_busy:
            self._timer.arm(step)
        await workflow.wait_condition(
            lambda: (
                bool(self._ended)
                or self._stirred
                or (step is not None and not self._is_busy and self._timer.is_over)
                or self._should_continue_as_new()
            )
        )

    @property
    def _is_busy(self) -> bool:
        """Say whether a repayment is on its way or something is being recorded."""
        return self._in_flight is not None or self._booking is not None

    def _refuse_while_busy(self) -> None:
        if self._is_busy:
            raise RepaymentInFlight("another repayment is still with the bank, or being recorded")

    def _should_continue_as_new(self) -> bool:
        info = workflow.info()
        return not self._is_busy and (
            info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
        )

    def _may_continue_as_new(self) -> bool:
        """Say whether nothing came up meanwhile that this run has to finish."""
        return not self._is_busy and not self._ended and workflow.all_handlers_finished()

    def _snapshot(self) -> StartLoan:
        return self._start.model_copy(
            update={
                "events": tuple(self._events),
                "collected_to": self._collected_to,
                "marked": self._marked,
                "episode": self._episode,
                "receipts": tuple(self._receipts.values())[-RECEIPTS_KEPT:],
                "state_seq": self._state_seq,
            }
        )

    # What others see

    def _today(self) -> date:
        """Return the business date; a loan that was booked for a later day begins on that day."""
        return max(business_date(workflow.now(), self._zone), self._terms.disbursed_on)

    def _position(self) -> Position:
        return position(self._terms, self._events, self._today())

    def _publish(self, current: Position, step: NextStep | None) -> None:
        self._display.publish(
            current,
            step,
            marked=self._marked,
            episode=self._episode,
            in_flight=self._in_flight,
        )

    def _view(self) -> LoanView:
        return view_of(self._start.loan_id, self._position(), self._marked, len(self._events))
