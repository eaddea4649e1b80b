"""Credit lines: their states and why a drawdown is refused."""

from enum import StrEnum
from typing import ClassVar

from domain.common.errors import DomainError


class LineState(StrEnum):
    """Where a line stands."""

    ACTIVE = "active"
    FROZEN = "frozen"
    USED = "used"
    EXPIRED = "expired"
    CLOSED = "closed"


class LineClosed(DomainError):
    """The line can no longer be drawn on."""

    code: ClassVar[str] = "line_closed"


class LineBlocked(DomainError):
    """A loan of the same borrower is overdue, which blocks further drawdowns."""

    code: ClassVar[str] = "line_blocked"


class LimitExceeded(DomainError):
    """The amount is more than what is left of the limit."""

    code: ClassVar[str] = "limit_exceeded"


class QuoteUnusable(DomainError):
    """The quote expired, was used, belongs to another line, or does not follow from its terms."""

    code: ClassVar[str] = "quote_unusable"


class PlanChanged(DomainError):
    """The plan that the borrower agreed to is not the quoted one."""

    code: ClassVar[str] = "plan_changed"
