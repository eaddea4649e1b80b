"""When an applicant who stopped providing is reminded, and when he is left in peace."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.common.calendar import instant_at
from domain.products.products import AgreedProduct

QUIET_FROM: Final = time(22)
QUIET_UNTIL: Final = time(8)
"""Nobody is messaged between these hours, local time (domain facts, section 7)."""


def outside_quiet_hours(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return `instant`, or the end of the quiet hours that it falls into."""
    local = instant.astimezone(zone)
    if local.time() < QUIET_UNTIL:
        return instant_at(local.date(), QUIET_UNTIL, zone)
    if local.time() >= QUIET_FROM:
        return instant_at(local.date() + timedelta(days=1), QUIET_UNTIL, zone)
    return instant


def quiet_from(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return when the quiet hours of the day of `instant` begin."""
    return instant_at(instant.astimezone(zone).date(), QUIET_FROM, zone)


def next_reminder(
    product: AgreedProduct, last_step_at: datetime, sent: int, zone: ZoneInfo
) -> datetime | None:
    """Return when an applicant who last did something then is reminded next; None: not any more."""
    if sent >= len(product.content.reminders_after):
        return None
    return outside_quiet_hours(last_step_at + product.content.reminders_after[sent], zone)
