"""What happened to a loan: dated events under business keys, in the order in which they count."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from domain.common.calendar import Day
from domain.common.data import Data
from domain.common.errors import ConflictingEvent, InvalidReversal
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


class Paid(_Event):
    """Money came in. It covers what is due in the order of the terms' allocation.

    `excess` overrules the terms for what is left of this payment. `instalment` says what it was
    collected for, as statements show it: it does not change the order of allocation. On a loan that
    is written off the money is a recovery.
    """

    kind: Literal["paid"] = "paid"
    amount: PositiveAmount
    instalment: int | None = Field(default=None, strict=True)
    excess: Excess | None = None


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
    stands again, penalty for the days since included.
    """

    kind: Literal["reversed"] = "reversed"
    reverses: str
    reason: Literal["error", "returned", "chargeback"] = "error"


class Charged(_Event):
    """A fee or a penalty was charged; it is due with the next instalment, or at once after all."""

    kind: Literal["charged"] = "charged"
    component: Literal[Component.FEE, Component.PENALTY] = Component.FEE
    amount: PositiveAmount
    name: str = ""


class Waived(_Event):
    """The lender forwent up to `amount` of a component: of one instalment, or the oldest first.

    Principal is only waived once it is due.
    """

    kind: Literal["waived"] = "waived"
    component: Component
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
    `frequency` instalments are monthly, without a rate it stays.
    """

    kind: Literal["rescheduled"] = "rescheduled"
    instalments: Count
    first_due_on: Day
    frequency: Frequency | None = None
    annual_rate: Percent | None = None
    include_overdue: bool = Field(default=True, strict=True)


class HolidayGranted(_Event):
    """Nothing is due on the next `count` due dates; `extend` adds as many at the end."""

    kind: Literal["holiday_granted"] = "holiday_granted"
    count: Count
    extend: bool = Field(default=False, strict=True)


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
    | Charged
    | Waived
    | RateChanged
    | Rescheduled
    | HolidayGranted
    | DueDatesMoved
    | WrittenOff
    | ChargedOff
    | ChargeOffUndone
    | Recovered
    | Refunded
)

LoanEvent = Annotated[AnyEvent, NamesItsKinds(), Field(discriminator="kind")]
"""Any event of a loan, told apart by `kind`."""


def events_in_force(events: Iterable[LoanEvent], as_of: date) -> tuple[AnyEvent, ...]:
    """Return what stands at the end of `as_of`: by date, on one day in the order given.

    The order given is the order of recording, which is the only one that says what was known when
    on one day. Repeats of an event are dropped, so is what a reversal up to `as_of` reverses; the
    reversal itself stays. Raises `ConflictingEvent` when one key names two different events, and
    `InvalidReversal` when a reversal names something that did not precede it, is itself a reversal,
    or is already reversed.
    """
    in_force: dict[str, AnyEvent] = {}
    for event in sorted(_distinct(events), key=lambda event: event.on):
        if event.on > as_of:
            break
        if isinstance(event, Reversed):
            reversed_event = in_force.pop(event.reverses, None)
            if reversed_event is None or isinstance(reversed_event, Reversed):
                raise InvalidReversal(
                    f"{event.key} reverses {event.reverses}, which is no event in force on that day"
                )
        in_force[event.key] = event
    return tuple(in_force.values())


def _distinct(events: Iterable[LoanEvent]) -> Iterable[LoanEvent]:
    seen: dict[str, LoanEvent] = {}
    for event in events:
        known = seen.setdefault(event.key, event)
        if known is not event and known != event:
            raise ConflictingEvent(f"two different events carry the key {event.key}")
    return seen.values()
