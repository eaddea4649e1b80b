"""What a lender records of a running loan, what that moves, and what authority it takes."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from domain.common.errors import InvalidEvent
from domain.loans.events import (
    Accelerated,
    AnyEvent,
    ChargedBack,
    ChargedOff,
    ChargeOffUndone,
    Disbursed,
    DueDatesMoved,
    DueDayChanged,
    HolidayGranted,
    InterestPaused,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    ReAged,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    WrittenOff,
)
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms
from domain.people.authority import Action

_ACTIONS: Final[Mapping[str, Action]] = {
    "waived": Action.WAIVE,
    "reversed": Action.REVERSE,
    "rate_changed": Action.CHANGE_RATE,
    "rescheduled": Action.RESCHEDULE,
    "holiday_granted": Action.RESCHEDULE,
    "due_day_changed": Action.RESCHEDULE,
    "re_aged": Action.RESCHEDULE,
    "interest_paused": Action.CHANGE_RATE,
    "accelerated": Action.WRITE_OFF,
    "charged_back": Action.REVERSE,
    "written_off": Action.WRITE_OFF,
    "charged_off": Action.CHARGE_OFF,
    "charge_off_undone": Action.CHARGE_OFF,
    "refunded": Action.REFUND,
}

BOOKS_ONLY: Final = frozenset(("charged_off", "charge_off_undone"))
"""Kinds that concern the lender's books alone: what is owed stays, and borrowers are not told."""


def check_record(
    terms: LoanTerms, events: Iterable[LoanEvent], event: AnyEvent, today: date
) -> Position:
    """Return where the loan would stand today with `event`, which may be backdated.

    Raises `InvalidEvent` naming the field for a day ahead or before the disbursement and for a
    disbursement or its reversal, which are no matter of servicing; and what `position` raises when
    the event contradicts terms or earlier events.
    """
    known = tuple(events)
    if event.on > today:
        raise InvalidEvent(
            f"{event.on} is ahead: an event is recorded when it happened", field="on"
        )
    if event.on < terms.disbursed_on:
        raise InvalidEvent(f"the loan was disbursed on {terms.disbursed_on}", field="on")
    if isinstance(event, Disbursed):
        raise InvalidEvent("money goes out by a drawdown", field="kind")
    if isinstance(event, Reversed) and isinstance(_named(known, event.reverses), Disbursed):
        raise InvalidEvent("a disbursement is not reversed: pay the loan off", field="reverses")
    return position(terms, (*known, event), today)


def cash_moved(event: AnyEvent, events: Iterable[LoanEvent]) -> int:
    """Return the money that an event brings in (minor units), negative when it goes out.

    A reversal gives back what the event it names moved; `events` are those before it.
    """
    match event:
        case Paid() | PaidOff() | Recovered():
            return event.amount
        case Refunded() | ChargedBack():
            return -event.amount
        case Reversed():
            known = tuple(events)
            reversed_event = _named(known, event.reverses)
            return 0 if reversed_event is None else -cash_moved(reversed_event, known)
        case _:
            return 0


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
            taken_back = _named(known, event.reverses)
            return 0 if taken_back is None else amount_at_stake(taken_back, known, stands)
        case RateChanged() | Rescheduled() | HolidayGranted():
            return stands.outstanding.total
        case DueDayChanged() | ReAged() | InterestPaused():
            return stands.outstanding.total
        case WrittenOff() | ChargedOff() | ChargeOffUndone() | Accelerated():
            return stands.outstanding.total
        case DueDatesMoved():
            return 0
        case _:
            return event.amount


def _named(events: Iterable[LoanEvent], key: str) -> AnyEvent | None:
    return next((event for event in events if event.key == key), None)
