"""Loan: years of servicing with one timer at a time.

What the loan is worth on a day is `position(terms, events, as_of)`; the process only decides what
happens next: a debit on a due date, a mark when the loan grows older in arrears, the booking of a
repayment. Interest needs no timer.
"""

import asyncio
from datetime import date, datetime, time
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.calendar import business_date, instant_at
    from domain.errors import DomainError
    from domain.loan_events import LoanEvent
    from domain.money import format_amount
    from domain.payoff import payoff_quote
    from domain.position import Position, position
    from domain.products import ZONES, product_of
    from domain.repayment import (
        LoanSettled,
        NothingDue,
        PayoffChanged,
        RepaymentInFlight,
        RepaymentTooLarge,
    )
    from domain.servicing import NextStep, Step, next_step, oldest_unpaid, reached
    from messages import calls, ids
    from messages import search_attributes as attributes
    from messages.drawdown import TransferStatus
    from messages.loan import (
        ApplyRepayment,
        CollectInstalment,
        LoanView,
        MarkLoan,
        QuotedPayoff,
        RepayCommand,
        RepaymentSource,
        RepayReceipt,
        RequestRepayment,
        StartLoan,
    )
    from messages.repayment import RepaymentEnded, StartRepayment
    from workflows.calling import (
        continue_on_newest_build,
        parked,
        run,
        run_patiently,
    )
    from workflows.details import details_table
    from workflows.repayment import Repayment

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
        self._ended: list[RepaymentEnded] = []
        self._amounts: dict[str, int] = {}
        self._timer: asyncio.Task[None] | None = None
        self._timer_at: datetime | None = None
        self._next_due_at: datetime | None = None

    @workflow.run
    async def run(self, start: StartLoan) -> LoanView:
        """Service the loan until it is settled."""
        with parked():
            await self._service()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._publish(self._position(), None)
        return self._view()

    async def _service(self) -> None:
        while True:
            await self._book_ended()
            current = self._position()
            step = next_step(current, self._collected_to, self._marked, self._zone)
            if current.settled and step is None:
                break
            if self._should_continue_as_new():
                await workflow.wait_condition(
                    lambda: workflow.all_handlers_finished() or self._in_flight is not None
                )
                if self._may_continue_as_new():
                    continue_on_newest_build(self._snapshot())
                continue
            self._publish(current, step)
            if step is None or self._in_flight is not None or workflow.now() < step.at:
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
        if self._in_flight is not None:
            raise RepaymentInFlight("another repayment is still with the bank")
        self._amount_of(command)

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
        today = self._today()
        current = self._position()
        if current.settled:
            raise LoanSettled("the loan is settled")
        payoff = payoff_quote(self._terms, self._events, today)
        if command.payoff_total is not None:
            if command.payoff_total != payoff.total:
                raise PayoffChanged(f"the payoff is {payoff.total} on {today.isoformat()}")
            return payoff.total
        amount = current.total_due if command.amount is None else command.amount
        if amount <= 0:
            raise NothingDue("nothing is due: name an amount, or pay the loan off")
        if amount > payoff.total:
            raise RepaymentTooLarge(f"it takes {payoff.total} to pay the loan off")
        return amount

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
        await self._after_payment()

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
            await self._after_payment()

    async def _mark(self, step: NextStep) -> None:
        """Record that the loan grew older in arrears; the first time starts an episode."""
        begins = self._marked == 0
        self._marked = step.days_past_due
        self._episode += begins
        await self._record_mark(open_collections=begins)

    async def _after_payment(self) -> None:
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
        if step is not None and self._in_flight is None:
            self._arm(step)
        timer, in_flight = self._timer, self._in_flight
        await workflow.wait_condition(
            lambda: (
                bool(self._ended)
                or (in_flight is not None and self._in_flight is None)
                or (self._in_flight is None and timer is not None and timer.done())
                or self._should_continue_as_new()
            )
        )

    def _arm(self, step: NextStep) -> None:
        if self._timer is not None and not self._timer.done():
            if self._timer_at == step.at:
                return
            self._timer.cancel()
        self._timer_at = step.at
        self._timer = asyncio.create_task(
            workflow.sleep(
                step.at - workflow.now(), summary=f"{step.step} instalment {step.number}"
            )
        )

    def _should_continue_as_new(self) -> bool:
        info = workflow.info()
        return self._in_flight is None and (
            info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
        )

    def _may_continue_as_new(self) -> bool:
        """Say whether nothing came up meanwhile that this run has to finish."""
        return self._in_flight is None and not self._ended and workflow.all_handlers_finished()

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
        """Show the loan to operators: details always, search attributes when they change."""
        state = "settled" if current.settled else "overdue" if self._marked else "current"
        due_at = step.at if step is not None else None
        known = workflow.info().typed_search_attributes
        changes: list[SearchAttributeUpdate[Any]] = []
        if known.get(attributes.LOAN_STATE) != state:
            changes.append(attributes.LOAN_STATE.value_set(state))
        if known.get(attributes.DAYS_PAST_DUE, 0) != self._marked:
            changes.append(attributes.DAYS_PAST_DUE.value_set(self._marked))
        if known.get(attributes.DELINQUENCY_BUCKET) != current.bucket:
            changes.append(attributes.DELINQUENCY_BUCKET.value_set(current.bucket))
        if self._next_due_at != due_at:
            self._next_due_at = due_at
            changes.append(
                attributes.NEXT_DUE_AT.value_set(due_at)
                if due_at is not None
                else attributes.NEXT_DUE_AT.value_unset()
            )
        if changes:
            workflow.upsert_search_attributes(changes)
        self._show(current, state, step)

    def _show(self, current: Position, state: str, step: NextStep | None) -> None:
        currency = self._terms.currency
        rows = [
            ("state", state),
            ("principal outstanding", format_amount(current.principal_outstanding, currency)),
            ("overdue", format_amount(current.total_overdue, currency)),
            ("days past due", f"{current.days_past_due} ({current.bucket})"),
            ("paid so far", format_amount(current.received, currency)),
        ]
        if step is not None:
            rows.append(("next", f"{step.step} {step.number} at {step.at:%Y-%m-%d %H:%M} UTC"))
        if self._in_flight is not None:
            rows.append(("with the bank", ids.repayment_workflow(self._in_flight)))
        if self._marked:
            rows.append(
                ("collections", ids.collections_workflow(self._start.loan_id, self._episode))
            )
        workflow.set_current_details(details_table(rows))

    def _view(self) -> LoanView:
        current = self._position()
        due = current.next_due
        return LoanView(
            loan_id=self._start.loan_id,
            state="settled" if current.settled else "overdue" if self._marked else "current",
            business_date=current.as_of,
            days_past_due=current.days_past_due,
            principal_outstanding=current.principal_outstanding,
            total_overdue=current.total_overdue,
            next_due_on=due.on if due is not None else None,
            next_due_amount=due.amount if due is not None else 0,
            events=len(self._events),
        )
