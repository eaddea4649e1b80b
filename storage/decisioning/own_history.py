"""What a person has to do with the lender already, in all channels: one statement a decision."""

from datetime import datetime

from storage.common.errors import RecordMissing
from storage.common.repository import Repository
from storage.common.rows import Row


class OwnHistoryRow(Row):
    """Loans, applications, level and labels of a person. Amounts in minor units, days past due.

    `limit` is the greatest that the person had, None without one.
    """

    loans: int
    settled_loans: int
    open_loans: int
    days_past_due_now: int
    days_past_due_max: int
    outstanding: int
    applications_24h: int
    rejections_90d: int
    limit: int | None
    level: int
    labels: tuple[str, ...]


class OwnHistoryRepository(Repository):
    """Reads what is known of a person without asking anybody."""

    async def of(self, applicant_id: str, identity_number: str, at: datetime) -> OwnHistoryRow:
        """Return the history at an instant, of whoever has the identity number in any channel.

        Raises `RecordMissing` for an unknown applicant.
        """
        row = await self._one(
            OwnHistoryRow,
            "with person as (select id from applicants where id = $1"
            " union select id from applicants where identity_number_idx = $2),"
            " borrowed as (select count(*) as loans,"
            " count(*) filter (where l.state = 'settled') as settled_loans,"
            " count(*) filter (where l.state in ('current', 'overdue')) as open_loans,"
            " coalesce(sum(l.principal_outstanding), 0) as outstanding,"
            " greatest(max(late.now), 0) as days_past_due_now,"
            " greatest(max(late.ever), 0) as days_past_due_max"
            " from loans l join person on person.id = l.applicant_id"
            " cross join lateral (select ($3::timestamptz at time zone l.zone)::date as day) today"
            " cross join lateral (select max(coalesce(i.paid_on, today.day) - i.due_on) as ever,"
            " max(today.day - i.due_on) filter (where i.state not in ('paid', 'written_off'))"
            " as now from instalments i where i.loan_id = l.id and i.due_on < today.day) late),"
            " asked as (select count(*) filter (where a.created_at > $3 - interval '24 hours')"
            " as applications_24h, count(*) filter (where a.state = 'rejected'"
            " and a.changed_at > $3 - interval '90 days') as rejections_90d"
            " from applications a join person on person.id = a.applicant_id)"
            " select borrowed.*, asked.*, (select max(credit_limit) from lines"
            " join person on person.id = applicant_id) as limit, me.level, me.labels"
            " from applicants me, borrowed, asked where me.id = $1",
            applicant_id,
            self._blind_index.of("identity_number", identity_number),
            at,
        )
        if row is None:
            raise RecordMissing(f"no applicant {applicant_id}")
        return row
