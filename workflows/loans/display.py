"""What operators see of a loan's process: its details and its search attributes."""

from datetime import date
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from domain.common.money import format_amount
    from domain.loans.position import Position
    from domain.loans.servicing import NextStep
    from domain.loans.state import state_of
    from messages import ids
    from messages import search_attributes as attributes
    from messages.loans import LoanView
    from workflows.common.details import details_table


class LoanDisplay:
    """Shows one loan: details always, search attributes when they change."""

    def __init__(self, loan_id: str) -> None:
        self._loan_id = loan_id

    def publish(
        self,
        current: Position,
        step: NextStep | None,
        *,
        bucket: str,
        bucket_start: int,
        episode: int,
        at_bank: str | None,
    ) -> None:
        """Show where the loan stands and what comes next."""
        self._upsert(current, step, bucket, bucket_start)
        currency = current.currency
        rows = [
            ("state", state_of(current)),
            ("principal outstanding", format_amount(current.principal_outstanding, currency)),
            ("overdue", format_amount(current.total_overdue, currency)),
            ("days past due", f"{current.days_past_due} ({bucket}) on {current.as_of}"),
            ("paid so far", format_amount(current.received, currency)),
        ]
        if current.written_off_on is not None:
            rows.append(("written off", format_amount(current.written_off.total, currency)))
            rows.append(("recovered", format_amount(current.recovered, currency)))
        if step is not None:
            rows.append(("next", f"{step.step} {step.number} at {step.at:%Y-%m-%d %H:%M} UTC"))
        if at_bank is not None:
            rows.append(("waits for the bank", at_bank))
        if bucket_start:
            rows.append(("collections", ids.collections_workflow(self._loan_id, episode)))
        workflow.set_current_details(details_table(rows))

    def _upsert(
        self, current: Position, step: NextStep | None, bucket: str, bucket_start: int
    ) -> None:
        state = state_of(current)
        due_at = step.at if step is not None else None
        known = workflow.info().typed_search_attributes
        changes: list[SearchAttributeUpdate[Any]] = []
        if known.get(attributes.LOAN_STATE) != state:
            changes.append(attributes.LOAN_STATE.value_set(state))
        if known.get(attributes.DAYS_PAST_DUE, 0) != bucket_start:
            changes.append(attributes.DAYS_PAST_DUE.value_set(bucket_start))
        if known.get(attributes.DELINQUENCY_BUCKET) != bucket:
            changes.append(attributes.DELINQUENCY_BUCKET.value_set(bucket))
        if known.get(attributes.NEXT_DUE_AT) != due_at:
            changes.append(
                attributes.NEXT_DUE_AT.value_set(due_at)
                if due_at is not None
                else attributes.NEXT_DUE_AT.value_unset()
            )
        if changes:
            workflow.upsert_search_attributes(changes)


def view_of(loan_id: str, current: Position, events: int) -> LoanView:
    """Return the loan as its commands answer it."""
    due = current.next_due
    next_due_on: date | None = due.on if due is not None else None
    return LoanView(
        loan_id=loan_id,
        state=state_of(current),
        business_date=current.as_of,
        days_past_due=current.days_past_due,
        principal_outstanding=current.principal_outstanding,
        total_overdue=current.total_overdue,
        next_due_on=next_due_on,
        next_due_amount=due.amount if due is not None else 0,
        events=events,
    )
