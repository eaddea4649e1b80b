"""The state of a loan: one rule, by which process, record, lists and answers say the same."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain.loans.delinquency import Delinquency
from domain.loans.position import Position


class LoanState(StrEnum):
    """A loan is current, overdue, settled, or written off and still collectable."""

    CURRENT = "current"
    OVERDUE = "overdue"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"


def state_of(position: Position) -> LoanState:
    """Return the state of a loan in this position.

    It is overdue from the first day past due that its terms count: not within their grace.
    """
    if position.written_off_on is not None:
        return LoanState.WRITTEN_OFF
    if position.settled:
        return LoanState.SETTLED
    return LoanState.OVERDUE if position.days_past_due else LoanState.CURRENT


@dataclass(frozen=True, slots=True)
class PastDue:
    """A loan is `days` past due on the day `since`, and one day more each day until it is paid."""

    since: date
    days: int


def past_due(stands: Position, delinquency: Delinquency) -> PastDue | None:
    """Return when a loan is, or will be, past due unless something is paid; None if never.

    By it lists know on each later day how late a loan is, without working out its position.
    """
    if stands.days_past_due:
        return PastDue(stands.as_of, stands.days_past_due)
    if stands.written_off_on is not None:
        return None
    credit = stands.credit
    for due_on, amount in _owed(stands):
        # Credit held pays what is owed on its due date.
        credit -= amount
        if credit < 0:
            first = delinquency.first_late
            since = due_on + timedelta(days=first)
            return PastDue(since, delinquency.days_past_due(first))
    return None


def oldest_due(stands: Position) -> date | None:
    """Return the first due date of which something is owed; None when nothing is."""
    return next((due_on for due_on, _ in _owed(stands)), None)


def _owed(stands: Position) -> list[tuple[date, int]]:
    owed = [(item.due_on, item.outstanding) for item in stands.instalments if item.outstanding]
    if stands.receivable_due_on is not None:
        owed = sorted([*owed, (stands.receivable_due_on, stands.outstanding.receivable)])
    return owed
