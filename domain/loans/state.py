"""The state of a loan: one rule, by which process, record, lists and answers say the same."""

from enum import StrEnum

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
