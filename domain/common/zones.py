"""Time zones by name, read once: workflow code may not open the files that they come from."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from domain.common.errors import DomainError


class UnknownZone(DomainError):
    """No time zone has this name."""


ZONES: Final[Mapping[str, ZoneInfo]] = {
    name: ZoneInfo(name) for name in sorted(available_timezones())
}
"""Every zone of the time zone database."""


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of a name such as `Asia/Shanghai`; raises `UnknownZone`."""
    zone = ZONES.get(name)
    if zone is None:
        raise UnknownZone(f"there is no time zone {name!r}; names are like Asia/Shanghai")
    return zone
