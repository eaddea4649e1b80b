"""Recording: what happens to a loan besides its payments by debit."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common.errors import ConflictingEvent
    from domain.loans.calendar_change import due_dates_moved
    from domain.loans.events import AnyEvent
    from domain.loans.records import check_record
    from domain.loans.servicing import last_due_number
    from messages import calls, ids
    from messages.loans import AdoptCalendar, PostTransaction, RecordTransaction
    from workflows.common.calling import run
    from workflows.loans.arrears import Arrears
    from workflows.loans.process import LoanProcess


class Recording:
    """What is recorded of one loan: one event at a time."""

    def __init__(self, loan: LoanProcess, arrears: Arrears) -> None:
        self._loan = loan
        self._arrears = arrears

    def check_may_record(self, command: RecordTransaction) -> None:
        """Raise unless the event can be recorded today; a repeat can."""
        loan = self._loan
        if not self._knows(command.event):
            loan.refuse_while_booking()
            check_record(loan.terms, loan.events, command.event, loan.current_date())

    async def record(self, command: RecordTransaction) -> None:
        """Book what happened to the loan; a repeat changes nothing."""
        if not self._knows(command.event):
            await self._book(command)

    async def adopt_calendar(self, command: AdoptCalendar) -> int:
        """Book that due dates follow a calendar in force; return how many do."""
        loan, today = self._loan, self._loan.current_date()
        event = due_dates_moved(
            loan.terms,
            loan.events,
            command.years,
            calendar=command.calendar,
            key=f"{ids.loan_workflow(loan.id)}:{command.calendar}:{today.isoformat()}",
            today=today,
        )
        if event is None:
            return 0
        await self._book(
            RecordTransaction(event=event, actor="system", role="system", reference="")
        )
        return len(event.dates)

    def _knows(self, event: AnyEvent) -> bool:
        known = next((item for item in self._loan.events if item.key == event.key), None)
        if known is not None and known != event:
            raise ConflictingEvent(f"{event.key} is recorded with another content", field="key")
        return known is not None

    async def _book(self, command: RecordTransaction) -> None:
        loan, event = self._loan, command.event
        loan.booking = event.key
        try:
            await run(
                calls.POST_TRANSACTION,
                PostTransaction(
                    loan_id=loan.id,
                    transaction=command,
                    business_date=loan.current_date(),
                    state_seq=loan.next_seq(),
                ),
                f"record: {event.kind} on {event.on.isoformat()}",
            )
            loan.events.append(event)
            # An instalment that a new plan put off was not asked for on its new date yet.
            loan.collected_to = min(loan.collected_to, last_due_number(loan.position()))
            await self._arrears.after_change()
        finally:
            loan.booking = None
            loan.wake_requested = True
