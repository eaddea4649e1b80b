"""Business dates: which day an instant belongs to, and on which days instalments fall due."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _only_a_day(given: object) -> object:
    """Refuse what pydantic would take for a date besides: a number of seconds, an instant."""
    is_text = isinstance(given, str) and _DAY.fullmatch(given) is not None
    if not is_text and (isinstance(given, datetime) or not isinstance(given, date)):
        raise ValueError("must be a date in the form YYYY-MM-DD")
    return given


Day = Annotated[date, BeforeValidator(_only_a_day)]
"""A day of the calendar; as text exactly `YYYY-MM-DD`."""


def business_date(instant: datetime, zone: ZoneInfo | str) -> date:
    """Return the date on the wall calendar of `zone` at an aware instant; ValueError if naive."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(_zone(zone)).date()


def instant_at(on: date, at: time, zone: ZoneInfo | str) -> datetime:
    """Return the UTC instant at which the clocks of `zone` show `at` on the day `on`.

    A time that the clocks skip counts as if they had not been moved; of a time shown twice the
    first is meant (`fold=0` of the standard library).
    """
    return datetime.combine(on, at.replace(tzinfo=None), _zone(zone)).astimezone(UTC)


def month_day(year: int, month: int, day: int) -> date:
    """Return the day of a month, or the month's last day when it is shorter."""
    return date(year, month, day if day <= 28 else min(day, monthrange(year, month)[1]))


def months_after(on: date, months: int, day: int, *, rolls: bool = False) -> date:
    """Return the anchored `day` of the month that lies `months` after the month of `on`.

    In a shorter month that is its last day, or with `rolls` the 1st of the next month.
    """
    years, month = divmod(on.month - 1 + months, 12)
    found = month_day(on.year + years, month + 1, day)
    return found + timedelta(days=1) if rolls and found.day != day else found


def _zone(zone: ZoneInfo | str) -> ZoneInfo:
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)
