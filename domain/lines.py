"""Credit lines: their states and why a drawdown is refused."""

from enum import StrEnum

from domain.common.errors import DomainError


class LineState(StrEnum):
    """Where a line stands."""

    ACTIVE = "active"
    FROZEN = "frozen"
    USED = "used"
    EXPIRED = "expired"
    CLOSED = "closed"


class LineAction(StrEnum):
    """What a borrower can do with a line."""

    QUOTE = "quote"
    DRAW = "draw"


class DrawdownAction(StrEnum):
    """What can be done after a drawdown."""

    READ_LOAN = "read_loan"


def line_actions(state: LineState, available: int, *, is_over: bool) -> tuple[LineAction, ...]:
    """Return what may be done now with what is available; `is_over` says that its time is."""
    if state is not LineState.ACTIVE or is_over or available <= 0:
        return ()
    return (LineAction.QUOTE, LineAction.DRAW)


class LineClosed(DomainError):
    """The line can no longer be drawn on."""


class LineBlocked(DomainError):
    """A loan of the same borrower is overdue, which blocks further drawdowns."""


class LimitExceeded(DomainError):
    """The amount is more than what is left of the limit."""


class QuoteUnusable(DomainError):
    """The quote expired, was used, belongs to another line, or does not follow from its terms."""


class PlanChanged(DomainError):
    """The plan that the borrower agreed to is not the quoted one."""
