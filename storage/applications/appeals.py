"""Appeals against automated rejections: one an application, with its reason encrypted."""

from datetime import date, datetime
from typing import Final

from storage.common.repository import RowRepository
from storage.common.rows import Row

_REASON: Final = "appeals.reason"


class AppealRow(Row):
    """What was appealed, and when; the reason is the applicant's own words."""

    application_id: str
    reason_enc: bytes
    reject_code: str
    reapply_on: date | None
    made_by: str
    made_at: datetime


class AppealRepository(RowRepository[AppealRow]):
    """The appeals."""

    table = "appeals"
    row = AppealRow

    async def make(
        self,
        application_id: str,
        reason: str,
        *,
        reject_code: str,
        reapply_on: date | None,
        made_by: str,
        made_at: datetime,
    ) -> bool:
        """Record the appeal of an application; False if it was appealed before."""
        return await self._insert(
            self.table,
            application_id=application_id,
            reason_enc=self._encrypt(_REASON, application_id, reason),
            reject_code=reject_code,
            reapply_on=reapply_on,
            made_by=made_by,
            made_at=made_at,
        )

    async def get(self, application_id: str) -> AppealRow | None:
        """Return the appeal of an application, None if it was not appealed."""
        return await self._find("application_id = $1", application_id)

    def reason(self, row: AppealRow) -> str:
        """Return the applicant's words."""
        return self._decrypt(_REASON, row.application_id, row.reason_enc)
