"""What happened to a loan: dated facts under business keys, in the order in which they count."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import ConflictingEvent, InvalidReversal
from domain.money import Amount, PositiveAmount


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(min_length=1)
    on: date


class Disbursed(_Event):
    """The principal went out to the borrower."""

    kind: Literal["disbursed"] = "disbursed"
    amount: PositiveAmount


class Paid(_Event):
    """Money came in. What is due is covered oldest first; what is left is held as credit.

    `instalment` says what it was collected for and is kept for the record: it does not change the
    order of allocation.
    """

    kind: Literal["paid"] = "paid"
    amount: PositiveAmount
    instalment: int | None = None


class PaidOff(_Event):
    """Money came in to settle the whole loan early, under a payoff quote of the same day.

    It settles when it and the credit held cover what a payoff costs on that day. If an earlier fact
    is corrected afterwards so that they do not, it counts as an ordinary payment. The amount is
    zero when the credit alone covers the payoff.
    """

    kind: Literal["paid_off"] = "paid_off"
    amount: Amount


class Reversed(_Event):
    """An earlier payment or disbursement, named by its key, turned out not to have happened."""

    kind: Literal["reversed"] = "reversed"
    reverses: str


LoanEvent = Annotated[Disbursed | Paid | PaidOff | Reversed, Field(discriminator="kind")]
"""Any event of a loan, told apart by `kind`."""


def events_in_force(
    events: Iterable[LoanEvent], as_of: date
) -> tuple[Disbursed | Paid | PaidOff, ...]:
    """Return what stands at the end of `as_of`, by date, on one day in the order given.

    Repeats of an event are dropped, so are reversals up to `as_of` together with what they reverse.
    Raises `ConflictingEvent` when one key names two different events, and `InvalidReversal` when a
    reversal names something that did not precede it, is itself a reversal, or is already reversed.
    """
    standing: dict[str, Disbursed | Paid | PaidOff] = {}
    for event in sorted(_distinct(events), key=lambda event: event.on):
        if event.on > as_of:
            break
        if not isinstance(event, Reversed):
            standing[event.key] = event
        elif standing.pop(event.reverses, None) is None:
            raise InvalidReversal(
                f"{event.key} reverses {event.reverses}, which is no standing event of that day"
            )
    return tuple(standing.values())


def _distinct(events: Iterable[LoanEvent]) -> Iterable[LoanEvent]:
    seen: dict[str, LoanEvent] = {}
    for event in events:
        known = seen.setdefault(event.key, event)
        if known is not event and known != event:
            raise ConflictingEvent(f"two different events carry the key {event.key}")
    return seen.values()
