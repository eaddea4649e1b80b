"""What authority it takes to record something of a loan."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from domain.loans.events import (
    AnyEvent,
    HolidayGranted,
    RateChanged,
    Rescheduled,
    Reversed,
    WrittenOff,
)
from domain.loans.position import Position
from domain.people.authority import Action

_ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "waived": Action.WAIVE,
        "reversed": Action.REVERSE,
        "rate_changed": Action.CHANGE_RATE,
        "rescheduled": Action.RESCHEDULE,
        "holiday_granted": Action.RESCHEDULE,
        "written_off": Action.WRITE_OFF,
        "refunded": Action.REFUND,
    }
)


def action_of(event: AnyEvent) -> Action:
    """Return the action that recording an event of a loan is."""
    return _ACTIONS.get(event.kind, Action.RECORD)


def amount_at_stake(event: AnyEvent, before: Iterable[AnyEvent], stands: Position) -> int:
    """Return the amount that an event decides about, in minor units.

    That is the money it names; a reversal decides about what the event that it takes back did, and
    what names no money about everything that the loan still owes. `before` are the events on
    record.
    """
    match event:
        case Reversed():
            known = tuple(before)
            taken_back = next((one for one in known if one.key == event.reverses), None)
            return 0 if taken_back is None else amount_at_stake(taken_back, known, stands)
        case RateChanged() | Rescheduled() | HolidayGranted() | WrittenOff():
            return stands.outstanding.total
        case _:
            return event.amount
