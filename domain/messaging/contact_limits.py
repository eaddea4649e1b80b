"""The hours in which nobody is messaged: a definition in force, read by whoever sends."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import field_validator

from domain.common.calendar import instant_at
from domain.common.definitions import Content, Finding, InForce, Kind


class ContactLimits(Content):
    """When nobody is contacted: from `quiet_from` over midnight to `quiet_until`, local time."""

    quiet_from: time
    quiet_until: time

    @field_validator("quiet_from", "quiet_until")
    @classmethod
    def _local(cls, hour: time) -> time:
        if hour.tzinfo is not None:
            raise ValueError("hours are local to whoever is contacted: 22:00:00, without a zone")
        return hour

    def allow(self, hour: time) -> bool:
        """Say whether somebody may be contacted at a local time of day."""
        return self.quiet_until <= hour < self.quiet_from

    def not_before(
        self, instant: datetime, zone: ZoneInfo, lasting: timedelta = timedelta()
    ) -> datetime | None:
        """Return the end of the quiet hours, in UTC; None when a contact falls into none.

        It begins at `instant` and may last so long.
        """
        return self._quiet_until(instant, zone) or self._quiet_until(instant + lasting, zone)

    def _quiet_until(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        local = instant.astimezone(zone)
        if local.time() < self.quiet_until:
            return instant_at(local.date(), self.quiet_until, zone)
        if local.time() >= self.quiet_from:
            return instant_at(local.date() + timedelta(days=1), self.quiet_until, zone)
        return None


def check_limits(limits: ContactLimits, _: InForce) -> Iterator[Finding]:
    """Say what is wrong with limits: hours that leave no time to contact anybody, or no rest."""
    if limits.quiet_from <= limits.quiet_until:
        yield Finding(
            "quiet_from",
            "quiet hours begin in the evening and end in the morning after",
            "22:00:00, quiet_until 08:00:00",
        )


CONTACT_LIMITS: Final = Kind("contact_limits", ContactLimits, check_limits)

HOME_LIMITS: Final = "cn"
"""The limits on contact that our borrowers and applicants are under, by code."""
