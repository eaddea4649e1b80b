"""Which recorded events stand, in which order they count, and which later news disturbed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from domain.common.errors import ConflictingEvent, InvalidEvent, InvalidReversal
from domain.loans.events import (
    AnyEvent,
    ChargedBack,
    DueDayChanged,
    LoanEvent,
    Paid,
    PaidOff,
    ReAged,
    Rescheduled,
    Reversed,
)

_AGREEMENTS = (Rescheduled, ReAged, DueDayChanged)
"""New plans that lender and borrower agreed on; what comes back later does not change them."""

_Place = tuple[date, int]
"""Where an event counts: by its day, on one day in the order of recording."""


class Entry(NamedTuple):
    """An event that stands.

    `disturbed` when something was recorded after it that counts before it: what was possible when
    it was recorded may not be any more, and is then taken as far as it goes instead of refused.
    """

    event: AnyEvent
    disturbed: bool = False


def entries(events: Iterable[LoanEvent], as_of: date) -> tuple[Entry, ...]:
    """Return what stands at the end of `as_of`: by date, on one day in the order given.

    The order given is the order of recording, which is the only one that says what was known when
    on one day. Repeats of an event are dropped, so is what a reversal up to `as_of` reverses; the
    reversal itself stays. A payment taken back after a new plan was agreed stays too, and is
    charged back in full. Raises `ConflictingEvent` when one key names two different events,
    `InvalidReversal` when a reversal names something that did not precede it, is itself a reversal,
    is already reversed or was charged back, and `InvalidEvent` when a chargeback names no payment
    or takes back more than it was.
    """
    known = [event for event in _distinct(events) if event.on <= as_of]
    in_order = all(one.on <= two.on for one, two in pairwise(known))
    if in_order and not any(isinstance(event, Reversed | ChargedBack) for event in known):
        return tuple([Entry(event) for event in known])
    order = sorted(range(len(known)), key=lambda number: known[number].on)
    in_force: dict[str, int] = {}
    replaced: dict[int, AnyEvent] = {}
    returned: dict[str, int] = {}
    for number in order:
        event = known[number]
        match event:
            case Reversed():
                taken_back = _taken_back(event, in_force, known, returned)
                if _is_agreed_since(taken_back, (known[key] for key in in_force.values()), event):
                    replaced[number] = _in_full(event, taken_back)
                    returned[event.reverses] = _amount(taken_back)
                else:
                    del in_force[event.reverses]
                    if isinstance(taken_back, ChargedBack):
                        returned[taken_back.payment] -= taken_back.amount
            case ChargedBack():
                payment = known[in_force[event.payment]] if event.payment in in_force else None
                returned[event.payment] = _charged_back(event, payment, returned)
        in_force[event.key] = number
    late = _disturbed(known)
    return tuple(
        Entry(replaced.get(number, known[number]), number in late) for number in in_force.values()
    )


def events_in_force(events: Iterable[LoanEvent], as_of: date) -> tuple[AnyEvent, ...]:
    """Return the events that stand at the end of `as_of`, in the order in which they count.

    Raises what `entries` raises.
    """
    return tuple(entry.event for entry in entries(events, as_of))


def _taken_back(
    event: Reversed,
    in_force: Mapping[str, int],
    known: Sequence[AnyEvent],
    returned: Mapping[str, int],
) -> AnyEvent:
    """Return what a reversal reverses."""
    number = in_force.get(event.reverses)
    if number is None or isinstance(known[number], Reversed):
        raise InvalidReversal(
            f"{event.key} reverses {event.reverses}, which is no event in force on that day",
            field="reverses",
        )
    if returned.get(event.reverses):
        raise InvalidReversal(
            f"{event.reverses} was charged back: charge back what is left of it", field="reverses"
        )
    return known[number]


def _charged_back(event: ChargedBack, payment: AnyEvent | None, returned: Mapping[str, int]) -> int:
    """Return what of a payment was taken back so far."""
    if not isinstance(payment, Paid | PaidOff):
        raise InvalidEvent(f"{event.payment} is no payment in force on {event.on}", field="payment")
    back = returned.get(event.payment, 0) + event.amount
    if back > payment.amount:
        left = payment.amount - back + event.amount
        raise InvalidEvent(f"{left} is left of {event.payment} to take back", field="amount")
    return back


def _is_agreed_since(
    taken_back: AnyEvent, in_force: Iterable[AnyEvent], reversal: Reversed
) -> bool:
    """Say whether a new plan was agreed between a payment and what takes it back."""
    if not isinstance(taken_back, Paid | PaidOff):
        return False
    after = False
    for event in in_force:
        if event.key == taken_back.key:
            after = True
        elif after and isinstance(event, _AGREEMENTS) and event.on <= reversal.on:
            return True
    return False


def _in_full(event: Reversed, payment: AnyEvent) -> ChargedBack:
    return ChargedBack(key=event.key, on=event.on, payment=event.reverses, amount=_amount(payment))


def _amount(event: AnyEvent) -> int:
    return event.amount if isinstance(event, Paid | PaidOff) else 0


def _disturbed(known: Sequence[AnyEvent]) -> frozenset[int]:
    """Return which events something recorded later precedes."""
    number_of = {event.key: number for number, event in enumerate(known)}
    late = set()
    first: _Place = (date.max, len(known))
    for number in range(len(known) - 1, -1, -1):
        event = known[number]
        place = event.on, number
        if first < place:
            late.add(number)
        if isinstance(event, Reversed) and event.reverses in number_of:
            target = number_of[event.reverses]
            place = min(place, (known[target].on, target))
        first = min(first, place)
    return frozenset(late)


def _distinct(events: Iterable[LoanEvent]) -> Iterable[LoanEvent]:
    seen: dict[str, LoanEvent] = {}
    for event in events:
        known = seen.setdefault(event.key, event)
        if known is not event and known != event:
            raise ConflictingEvent(f"two different events carry the key {event.key}", field="key")
    return seen.values()
