"""The devices that applicants applied with, by the opaque ids their apps give them."""

from datetime import datetime
from enum import StrEnum

from storage.common.repository import Repository
from storage.common.rows import Row


class Platform(StrEnum):
    """What a device runs."""

    ANDROID = "android"
    IOS = "ios"
    HARMONY = "harmony"
    WEB = "web"


class DeviceRow(Row):
    """A device of an applicant, with how often and since when it was seen."""

    device_id: str
    platform: Platform
    applications: int
    first_seen_at: datetime
    last_seen_at: datetime


class DeviceRepository(Repository):
    """Which applicants were seen with which device, when first and when last."""

    async def see(
        self,
        application_id: str,
        applicant_id: str,
        device_id: str,
        platform: Platform,
        at: datetime,
    ) -> None:
        """Record the device that an application came from; a repeat changes nothing."""
        await self._insert(
            "devices",
            application_id=application_id,
            applicant_id=applicant_id,
            device_id=device_id,
            platform=platform,
            seen_at=at,
        )

    async def of(self, applicant_id: str) -> list[DeviceRow]:
        """Return an applicant's devices, the one seen last first."""
        return await self._all(
            DeviceRow,
            "select device_id, (array_agg(platform order by seen_at desc))[1] as platform,"
            " count(*) as applications, min(seen_at) as first_seen_at, max(seen_at) as last_seen_at"
            " from devices where applicant_id = $1 group by device_id"
            " order by max(seen_at) desc, device_id",
            applicant_id,
        )
