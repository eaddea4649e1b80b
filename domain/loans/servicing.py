"""What a loan's process does next, and when: a function of the loan's position and a policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.common.calendar import instant_at
from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.errors import FieldError
from domain.loans.delinquency import Delinquency
from domain.loans.position import InstalmentPosition, Position
from domain.loans.state import oldest_due, past_due


class ArrearsBucket(Content):
    """A bucket that a loan enters when it is `from_days` past due."""

    name: str
    from_days: int = Field(strict=True)


class UnknownBucket(FieldError):
    """No servicing policy has a bucket of this name."""


class ServicingPolicy(Content):
    """When a loan moves by itself, and how its lateness is told.

    `debit_at` is the local time of the first debit of a due date, `age_at` that at which a new day
    past due counts. `buckets` follow each other; the first is that of a loan which is not late. How
    days past due are counted, and the classes of risk, are the terms' (`Delinquency`).
    """

    debit_at: time
    age_at: time
    buckets: tuple[ArrearsBucket, ...]

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Return the days past due at which a loan enters its next bucket."""
        return tuple(bucket.from_days for bucket in self.buckets[1:])

    def reached(self, days_past_due: int) -> int:
        """Return the highest boundary that so many days past due have reached, 0 for none."""
        return max((days for days in self.boundaries if days <= days_past_due), default=0)

    def bucket_of(self, days_past_due: int) -> str:
        """Return the name of the bucket of a loan so late."""
        return [one.name for one in self.buckets if one.from_days <= days_past_due][-1]


_MAX_NAME_LENGTH: Final = 20


def _check(policy: ServicingPolicy, _: InForce) -> Iterator[Finding]:
    if len(policy.buckets) < 2:
        message = (
            "there is a bucket for loans that are not late, and one at least for those that are"
        )
        yield Finding("buckets", message, "M0 from day 0, M1 from day 1")
    if policy.buckets and policy.buckets[0].from_days != 0:
        message = "the first bucket is that of a loan which is not late: it begins on day 0"
        yield Finding("buckets.0.from_days", message, "0")
    names: set[str] = set()
    for index, bucket in enumerate(policy.buckets):
        field = f"buckets.{index}.name"
        if not 1 <= len(bucket.name.strip()) <= _MAX_NAME_LENGTH:
            yield Finding(field, f"a name has 1 to {_MAX_NAME_LENGTH} characters", "M1")
        if bucket.name in names:
            yield Finding(field, f"another bucket is called {bucket.name!r}", f"M{index}")
        names.add(bucket.name)
    for index, (before, after) in enumerate(pairwise(policy.buckets), start=1):
        if after.from_days <= before.from_days:
            message = f"buckets follow each other; the one before begins on day {before.from_days}"
            yield Finding(f"buckets.{index}.from_days", message, str(before.from_days + 30))


SERVICING_POLICY: Final = Kind("servicing_policy", ServicingPolicy, _check)


class Step(StrEnum):
    """What there is to do."""

    COLLECT = "collect"
    RECORD_DELINQUENCY = "record_delinquency"


@dataclass(frozen=True)
class NextStep:
    """One thing to do at an instant: debit instalment `number`, or enter the
    bucket that begins at `days_past_due`."""

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
    due = (row for row in position.instalments if row.due_on <= position.as_of)
    return max((row.number for row in due if not row.is_charge), default=0)


def next_step(
    position: Position,
    collected_to: int,
    bucket_start: int,
    zone: ZoneInfo,
    policy: ServicingPolicy,
    delinquency: Delinquency,
) -> NextStep | None:
    """Return what comes next, or None when nothing will by itself.

    `collected_to` is the last instalment whose debit was attempted, `bucket_start` the days
    past due from which the recorded bucket counts. When a loan is late its terms say
    (`delinquency`), and at what time of the day that counts, the policy.
    """
    steps = [
        step
        for step in (
            _collect(position, collected_to, zone, policy),
            _next_bucket(position, bucket_start, zone, policy, delinquency),
        )
        if step is not None
    ]
    return min(steps, key=lambda step: step.at, default=None)


def _collect(
    position: Position, collected_to: int, zone: ZoneInfo, policy: ServicingPolicy
) -> NextStep | None:
    for row in position.instalments:
        # A charge is debited with the instalment after it. What credit held covers on its due date
        # is billed like any other, and not debited.
        is_open = row.outstanding or row.paid_on == row.due_on
        if row.number > collected_to and is_open and not row.is_charge:
            at = instant_at(row.due_on, policy.debit_at, zone)
            return NextStep(Step.COLLECT, at, row.number)
    return None


def _next_bucket(
    position: Position,
    bucket_start: int,
    zone: ZoneInfo,
    policy: ServicingPolicy,
    delinquency: Delinquency,
) -> NextStep | None:
    oldest, late = oldest_due(position), past_due(position, delinquency)
    boundary = next((days for days in policy.boundaries if days > bucket_start), None)
    if oldest is None or late is None or boundary is None:
        return None
    reached = late.since + timedelta(days=max(boundary - late.days, 0))
    # What counts as late at the end of the due date is acted on when that day is over.
    day = max(reached, oldest + timedelta(days=1))
    row = oldest_unpaid(position)
    number = 0 if row is None else row.number
    return NextStep(Step.RECORD_DELINQUENCY, instant_at(day, policy.age_at, zone), number, boundary)
