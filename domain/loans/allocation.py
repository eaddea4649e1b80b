"""How money that came in is divided, as data."""

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.common.data import ExactData
from domain.common.errors import InvalidTerms


class Timing(StrEnum):
    """Whether an instalment fell due before the day, falls due on it, or later."""

    PAST_DUE = "past_due"
    DUE = "due"
    IN_ADVANCE = "in_advance"


class Component(StrEnum):
    """What an amount consists of."""

    PENALTY = "penalty"
    FEE = "fee"
    INTEREST = "interest"
    PRINCIPAL = "principal"


class Bucket(ExactData):
    """One thing that money can cover."""

    timing: Timing
    component: Component


class Direction(StrEnum):
    """`horizontal` completes one instalment after another, `vertical` one bucket after another."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


class Excess(StrEnum):
    """What becomes of money beyond what is due.

    It is held as credit, pays coming instalments from the next or from the last one on, or lowers
    the principal at once, so that the instalments shrink or the term does. Methods without a level
    instalment to keep (interest only, single payment, an explicit list) are repaid from the end
    in either of these two cases.

    `reduce_later` lowers the principal from the next due date on and leaves the running instalment
    as it is; the later ones shrink. `next_principal` fills the principal of the coming instalments,
    the next first, and lowers the interest of all: the next ask for less, the others for their own.
    """

    CREDIT = "credit"
    NEXT_INSTALMENT = "next_instalment"
    LAST_INSTALMENT = "last_instalment"
    REDUCE_INSTALMENT = "reduce_instalment"
    SHORTEN_TERM = "shorten_term"
    REDUCE_LATER = "reduce_later"
    NEXT_PRINCIPAL = "next_principal"


class Returned(StrEnum):
    """When money that came back after it was accounted for is owed again."""

    AT_ONCE = "at_once"
    NEXT_INSTALMENT = "next_instalment"


_DEFAULT_ORDER = tuple(
    Bucket(timing=timing, component=component) for timing in Timing for component in Component
)


class Allocation(ExactData):
    """The order in which money covers what is owed, and the rule for what is left.

    `order` names each of the twelve buckets once. Horizontally, timings count in the order in which
    they first appear, instalments from the oldest on, and the components of each in the order given
    for its timing. Vertically the buckets count exactly as listed, each from the oldest instalment
    on. The buckets in advance are covered only when the excess rule pays coming instalments.

    `returned` says when money is owed again that was charged back in part, or after a new plan was
    agreed. It is paid before anything else.
    """

    order: tuple[Bucket, ...] = _DEFAULT_ORDER
    direction: Direction = Direction.HORIZONTAL
    excess: Excess = Excess.CREDIT
    returned: Returned = Returned.AT_ONCE

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if len(self.order) != len(_DEFAULT_ORDER) or set(self.order) != set(_DEFAULT_ORDER):
            raise InvalidTerms("the order names each of the twelve buckets once", field="order")
        return self

    def components(self, timing: Timing) -> tuple[Component, ...]:
        """Return the components of one timing in their order."""
        return tuple(bucket.component for bucket in self.order if bucket.timing is timing)

    def timings(self) -> tuple[Timing, ...]:
        """Return the timings in the order in which they first appear."""
        return tuple(dict.fromkeys(bucket.timing for bucket in self.order))
