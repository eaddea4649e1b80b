"""What was recorded of a loan: its events, with who recorded them and what undid them."""

from collections.abc import Collection
from datetime import date, datetime

from pydantic import Json

from domain.loans.events import LoanEvent
from storage.common.repository import Repository
from storage.common.rows import Row


class RecordRow(Row):
    """One event on record, in the order `id` of recording.

    `on` is its value date. `recorded_by` is the person of the staff who recorded it, None where the
    process did (a disbursement, a debit), `reference` what they said that it goes back to, and
    `reversed_by` the key of the event that undid it, if one did.
    """

    id: int
    key: str
    kind: str
    on: date
    event: Json[LoanEvent]
    recorded_at: datetime
    recorded_by: str | None
    reference: str | None
    reversed_by: str | None


class RecordRepository(Repository):
    """The events of loans as they are listed."""

    async def of_loan(
        self, loan_id: str, after: int, limit: int, without: Collection[str] = ()
    ) -> list[RecordRow]:
        """Return what was recorded of a loan behind a record, the oldest first.

        Events of the kinds `without` are left out.
        """
        return await self._all(
            RecordRow,
            "select recorded.sequence as id, recorded.event_key as key, recorded.kind,"
            ' recorded.business_date as "on", recorded.event, recorded.recorded_at,'
            " audit.actor as recorded_by, nullif(audit.detail ->> 'reference', '') as reference,"
            " (select undone.event_key from loan_events undone"
            " where undone.loan_id = recorded.loan_id and undone.kind = 'reversed'"
            " and undone.event ->> 'reverses' = recorded.event_key limit 1) as reversed_by"
            " from loan_events recorded left join audit on audit.event_key = recorded.event_key"
            " and audit.action = 'record_' || recorded.kind"
            " where recorded.loan_id = $1 and recorded.sequence > $2"
            " and recorded.kind <> all($4::text[])"
            " order by recorded.sequence limit $3",
            loan_id,
            after,
            limit,
            list(without),
        )
