"""What shapes a plan: methods, listed instalments and changes agreed in advance."""

from enum import StrEnum

from pydantic import Field

from domain.common.calendar import Day
from domain.common.data import ExactData
from domain.common.money import Percent


class Method(StrEnum):
    """How principal and interest are divided into instalments.

    * `equal_instalment`: principal and interest together are level (annuity).
    * `equal_principal`: the principal is level, interest falls with the balance.
    * `flat`: the principal is level, interest is charged on the original principal throughout.
    * `interest_only`: interest is paid as it falls due, the principal with the last instalment.
    * `single_payment`: one instalment of everything.
    * `balloon`: level instalments that leave `balloon` to be paid with the last one.
    * `fixed_instalment`: instalments of `instalment_amount`; their number follows.
    * `explicit`: the instalments listed in `explicit`.
    * `rentals_in_advance`: level rentals, the first on the day of disbursement, that leave
      `residual` to be paid one period after the last (leases).
    """

    EQUAL_INSTALMENT = "equal_instalment"
    EQUAL_PRINCIPAL = "equal_principal"
    FLAT = "flat"
    INTEREST_ONLY = "interest_only"
    SINGLE_PAYMENT = "single_payment"
    BALLOON = "balloon"
    FIXED_INSTALMENT = "fixed_instalment"
    EXPLICIT = "explicit"
    RENTALS_IN_ADVANCE = "rentals_in_advance"


class InterestBasis(StrEnum):
    """What interest is computed on.

    * `scheduled`: on the balance of the plan. A payment that comes a few days early or late changes
      no interest; what lateness costs is the penalty.
    * `daily`: on what is really owed, day by day, late principal included. Each instalment keeps
      its total, and the last takes the rest: money that comes late pays the interest earned up to
      its day first and repays less principal, money that comes early repays more.
    * `daily_as_billed`: the same, but instalments that are late are covered as they were billed;
      the interest earned since comes with the instalment that runs.
    """

    SCHEDULED = "scheduled"
    DAILY = "daily"
    DAILY_AS_BILLED = "daily_as_billed"


class Residue(StrEnum):
    """Where what rounding leaves over goes.

    To the last instalment, to the first one, or (`last_interest`) to the interest of the last one,
    which is then as high as the others.
    """

    LAST = "last"
    FIRST = "first"
    LAST_INTEREST = "last_interest"


class UnmetInterest(StrEnum):
    """What becomes of interest that a level instalment does not pay, after a long first period say.

    It is `collected` all the same, so that this instalment is higher; or it is `carried` forward,
    without interest, and the next instalments pay it before they repay principal.
    """

    COLLECTED = "collected"
    CARRIED = "carried"


class LevelRate(StrEnum):
    """What the level instalment is computed with.

    The `exact` interest of every period by the day count; or the `nominal` rate of a period (the
    annual one over the periods of a year) while interest follows the day count, so that the last
    instalment takes the difference.
    """

    EXACT = "exact"
    NOMINAL = "nominal"


class FlatBase(StrEnum):
    """What flat interest is charged on: what is `financed` (less down payments), or `disbursed`."""

    FINANCED = "financed"
    DISBURSED = "disbursed"


class ShortMonth(StrEnum):
    """When an instalment falls due in a month that has no such day: its last, or the next 1st."""

    LAST_DAY = "last_day"
    NEXT_FIRST = "next_first"


class ExplicitInstalment(ExactData):
    """One agreed instalment: its `principal` or its `total` with interest; the last has neither."""

    due_on: Day
    principal: int | None = Field(default=None, strict=True)
    total: int | None = Field(default=None, strict=True)


class Tranche(ExactData):
    """A later disbursement; its `amount` is part of the terms' principal.

    `down_payment` of it is paid at once, as one more row 0 of the plan.
    """

    on: Day
    amount: int = Field(strict=True)
    down_payment: int = Field(default=0, strict=True)


class RateStep(ExactData):
    """From the day `on` the rate is `annual_rate`; the rest of the plan is levelled anew then."""

    on: Day
    annual_rate: Percent


class Holiday(ExactData):
    """A payment holiday: nothing is due on the `count` due dates after `on`.

    Interest keeps accruing and is collected with the instalment after the holiday. With `extend`
    the plan grows by as many instalments, otherwise the remaining ones do.
    """

    on: Day
    count: int = Field(strict=True)
    extend: bool = Field(default=False, strict=True)
