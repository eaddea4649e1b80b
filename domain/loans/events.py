"""What happened to a loan: dated events under business keys, in the order in which they count."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from domain.common.calendar import Day
from domain.common.data import Data
from domain.common.frequency import Frequency
from domain.common.kinds import NamesItsKinds
from domain.common.money import Amount, Percent, PositiveAmount
from domain.loans.allocation import Component, Excess

Count = Annotated[int, Field(strict=True, ge=1)]


class _Event(Data):
    key: str = Field(min_length=1)
    on: Day


class Disbursed(_Event):
    """Principal went out to the borrower: that of the terms, or one of its tranches."""

    kind: Literal["disbursed"] = "disbursed"
    amount: PositiveAmount


class Split(Data):
    """A payment by component, in minor units."""

    principal: Amount = 0
    interest: Amount = 0
    fee: Amount = 0
    penalty: Amount = 0

    @property
    def total(self) -> int:
        """Return the sum of the parts."""
        return self.principal + self.interest + self.fee + self.penalty


class Paid(_Event):
    """Money came in. It covers what is due in the order of the terms' allocation.

    `excess` overrules the terms for what is left of this payment. `instalment` says what it was
    collected for, as statements show it: it does not change the order of allocation, unless
    `directed`, which pays that instalment first and the rest in order. `split` is a payment divided
    by hand: each part covers its component, due or not, from the oldest instalment on, and no more
    than is owed. On a loan that is written off the money is a recovery.
    """

    kind: Literal["paid"] = "paid"
    amount: PositiveAmount
    instalment: int | None = Field(default=None, strict=True)
    excess: Excess | None = None
    directed: bool = Field(default=False, strict=True)
    split: Split | None = None


class PaidOff(_Event):
    """Money came in to settle the whole loan early, under a payoff quote of the same day.

    It settles when it and the credit held cover what a payoff costs on that day. If an earlier
    event is corrected afterwards so that they do not, it counts as an ordinary payment. The amount
    is zero when the credit alone covers the payoff.
    """

    kind: Literal["paid_off"] = "paid_off"
    amount: Amount


class Reversed(_Event):
    """An earlier event, named by its key, turned out not to have happened, or was taken back.

    A payment returned by the bank and a chargeback are reversals: what stood before the payment
    stands again, penalty for the days since included. Where a new plan was agreed in between, that
    plan stands, and the payment is charged back in full (`ChargedBack`).
    """

    kind: Literal["reversed"] = "reversed"
    reverses: str
    reason: Literal["error", "returned", "chargeback"] = "error"


class ChargedBack(_Event):
    """Part of a payment, named by its key, was taken back on that day.

    What the payment covered stays covered. The amount comes out of the credit held; what that does
    not cover is owed again, at once or with the next instalment as the terms' allocation says.
    """

    kind: Literal["charged_back"] = "charged_back"
    payment: str
    amount: PositiveAmount


class Charged(_Event):
    """A fee or a penalty was charged.

    It is due with the next instalment, or at once after all; with `due_on` on a day of its own,
    which may be that of the event: then it is late from the day after.
    """

    kind: Literal["charged"] = "charged"
    component: Literal[Component.FEE, Component.PENALTY] = Component.FEE
    amount: PositiveAmount
    name: str = ""
    due_on: Day | None = None


class Waived(_Event):
    """The lender forwent up to `amount` of a component: of one instalment, or the oldest first.

    Principal is only waived once it is due. Without a component the amount is waived of what is due
    in the order of the terms' allocation, principal apart: income is forgone, not money lent.
    """

    kind: Literal["waived"] = "waived"
    component: Component | None = None
    amount: PositiveAmount
    instalment: int | None = Field(default=None, strict=True)


class RateChanged(_Event):
    """From that day interest runs at another rate; the instalments ahead are levelled anew."""

    kind: Literal["rate_changed"] = "rate_changed"
    annual_rate: Percent


class Rescheduled(_Event):
    """What is ahead is replaced by `instalments` new ones from `first_due_on`.

    With `include_overdue` everything unpaid moves into the new plan: principal is repaid over it,
    interest, fees and penalty come with its first instalment and bear no interest. Without a
    `frequency` instalments are monthly, without a rate it stays. Without a `due_day` the day of the
    first due date counts, or the loan's own where the first month is too short for it.
    """

    kind: Literal["rescheduled"] = "rescheduled"
    instalments: Count
    first_due_on: Day
    frequency: Frequency | None = None
    due_day: int | None = Field(default=None, strict=True)
    annual_rate: Percent | None = None
    include_overdue: bool = Field(default=True, strict=True)


class HolidayGranted(_Event):
    """Nothing is due on the next `count` due dates; `extend` adds as many at the end."""

    kind: Literal["holiday_granted"] = "holiday_granted"
    count: Count
    extend: bool = Field(default=False, strict=True)


class DueDayChanged(_Event):
    """The next instalment falls due on `first_due_on`, the others follow by the loan's frequency.

    A `due_day` that the month of the first is too short for can be given, such as the 31st. Number
    and level of the instalments stay; the last one takes the difference in interest. What fell due
    stays as it is.
    """

    kind: Literal["due_day_changed"] = "due_day_changed"
    first_due_on: Day
    due_day: int | None = Field(default=None, strict=True)


class ReAged(_Event):
    """What is overdue moved into the instalments ahead, whose due dates stay: nothing is late.

    `spread` levels the principal anew over all of them, and divides interest, fees and penalty
    evenly among them; `last` adds everything to the last one. What is moved of interest, fees and
    penalty bears no interest.
    """

    kind: Literal["re_aged"] = "re_aged"
    into: Literal["spread", "last"] = "spread"


class InterestPaused(_Event):
    """No interest runs from that day up to `until`; instalments keep their level meanwhile."""

    kind: Literal["interest_paused"] = "interest_paused"
    until: Day


class Accelerated(_Event):
    """The lender called the whole loan in, as the contract allows after a notice.

    All principal that is left is due on the day, with the interest earned by then; no instalment
    follows, and interest ends. The borrower was told on `told_on`; the notice that the terms agree
    has to be over. Penalty runs by the terms.
    """

    kind: Literal["accelerated"] = "accelerated"
    told_on: Day


class MovedDueDate(Data):
    """An instalment that was to fall due on one day and falls due on another."""

    instalment: int = Field(strict=True)
    was: Day
    now: Day


class DueDatesMoved(_Event):
    """Due dates ahead were provisional and follow the official notice of their year.

    Amounts stay, and so does the time that interest runs. `calendar` names the version of the
    holiday calendar that has the notice.
    """

    kind: Literal["due_dates_moved"] = "due_dates_moved"
    calendar: str
    dates: tuple[MovedDueDate, ...] = Field(min_length=1)


class WrittenOff(_Event):
    """The lender gave the loan up: nothing accrues any more, what was owed stays collectable."""

    kind: Literal["written_off"] = "written_off"


class ChargeOffReason(StrEnum):
    """Why income of a loan stops: it will hardly be paid, or it was obtained by fraud."""

    CREDIT = "credit"
    FRAUD = "fraud"


class ChargedOff(_Event):
    """Income stops and the principal counts as lost, by reason; the debt stays due as it is.

    Plan, payoff and days past due do not change. What is due paid in full cures it, of a fraud
    everything that is owed; `ChargeOffUndone` takes it back.
    """

    kind: Literal["charged_off"] = "charged_off"
    reason: ChargeOffReason = ChargeOffReason.CREDIT


class ChargeOffUndone(_Event):
    """The lender takes the charge-off that stands back: the books are as if it had not been."""

    kind: Literal["charge_off_undone"] = "charge_off_undone"


class Recovered(_Event):
    """Money came in on a loan that is written off."""

    kind: Literal["recovered"] = "recovered"
    amount: PositiveAmount


class Refunded(_Event):
    """Credit held for the borrower was paid back."""

    kind: Literal["refunded"] = "refunded"
    amount: PositiveAmount


AnyEvent = (
    Disbursed
    | Paid
    | PaidOff
    | Reversed
    | ChargedBack
    | Charged
    | Waived
    | RateChanged
    | Rescheduled
    | HolidayGranted
    | DueDayChanged
    | ReAged
    | InterestPaused
    | Accelerated
    | DueDatesMoved
    | WrittenOff
    | ChargedOff
    | ChargeOffUndone
    | Recovered
    | Refunded
)

LoanEvent = Annotated[AnyEvent, NamesItsKinds(), Field(discriminator="kind")]
"""Any event of a loan, told apart by `kind`."""
