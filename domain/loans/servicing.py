"""What a loan's process does next, and when: a pure function of the loan's position."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.common.calendar import instant_at
from domain.loans.position import InstalmentPosition, Position

COLLECT_AT = time(8, 30)
"""The first debit attempt of a due date (domain facts, section 7.2)."""

AGE_AT = time(0, 30)
"""When a new day past due counts."""

BOUNDARIES = (1, 31, 61, 91, 121, 151, 181)
"""Days past due at which a loan enters M1, M2, ... M6+."""


class Step(StrEnum):
    """What there is to do."""

    COLLECT = "collect"
    MARK = "mark"


def reached(days_past_due: int) -> int:
    """Return the highest boundary that so many days past due have reached, 0 for none."""
    return max((days for days in BOUNDARIES if days <= days_past_due), default=0)


@dataclass(frozen=True)
class NextStep:
    """One thing to do at an instant: debit instalment `number`, or mark `days_past_due`."""

    step: Step
    at: datetime
    number: int
    days_past_due: int = 0


def oldest_unpaid(position: Position) -> InstalmentPosition | None:
    """Return the first instalment that is not paid in full; None once all are."""
    unpaid = (row for row in position.instalments if row.outstanding)
    return next(unpaid, None)


def last_due_number(position: Position) -> int:
    """Return the number of the last instalment whose due date came, 0 before the first."""
    numbers = (row.number for row in position.instalments if row.due_on <= position.as_of)
    return max(numbers, default=0)


def next_step(
    position: Position, collected_to: int, marked: int, zone: ZoneInfo
) -> NextStep | None:
    """Return what comes next, or None when nothing will by itself.

    `collected_to` is the last instalment whose debit was tried, `marked` the highest delinquency
    boundary on record.
    """
    steps = [
        step
        for step in (_collect(position, collected_to, zone), _mark(position, marked, zone))
        if step is not None
    ]
    return min(steps, key=lambda step: step.at, default=None)


def _collect(position: Position, collected_to: int, zone: ZoneInfo) -> NextStep | None:
    for row in position.instalments:
        # What credit held covers on its due date is billed like any other, and not debited.
        is_open = row.outstanding or row.paid_on == row.due_on
        if row.number > collected_to and is_open:
            return NextStep(Step.COLLECT, instant_at(row.due_on, COLLECT_AT, zone), row.number)
    return None


def _mark(position: Position, marked: int, zone: ZoneInfo) -> NextStep | None:
    row = oldest_unpaid(position)
    boundary = next((days for days in BOUNDARIES if days > marked), None)
    if row is None or boundary is None:
        return None
    at = instant_at(row.due_on + timedelta(days=boundary), AGE_AT, zone)
    return NextStep(Step.MARK, at, row.number, boundary)
