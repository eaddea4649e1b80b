"""The levels of customers: what they are worked out of, what was given, and when again."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from domain.common.definitions import DefinitionRef
from domain.decisioning.customer_levels import Held, History, Level
from storage.common.repository import RowRepository
from storage.common.rows import Row


class LevelChangeRow(Row):
    """A level that a customer was given, by rules or by a person, who gives a reason and a day."""

    id: int
    applicant_id: str
    level: int
    labels: tuple[str, ...]
    source: Literal["rules", "person"]
    rule: str | None
    definition: str | None
    reason: str | None
    until: date | None
    changed_by: str
    changed_at: datetime


class DueRow(Row):
    """A customer whose level is to be worked out, with what they hold."""

    id: str
    level: int
    labels: tuple[str, ...]
    level_since: date | None
    level_until: date | None

    @property
    def held(self) -> Held:
        """Return what they hold."""
        return Held(self.level, self.labels, self.level_since, self.level_until)


class _HistoryRow(Row, History):
    applicant_id: str


class LevelRepository(RowRepository[LevelChangeRow]):
    """The level of each customer, and every change of it."""

    table = "customer_level_changes"
    row = LevelChangeRow

    async def due(self, ref: DefinitionRef, at: datetime, limit: int) -> list[DueRow]:
        """Return customers whose level is due, or is not by the rules `ref`, and lock them.

        Those that somebody else has locked are left out: they come again.
        """
        return await self._all(
            DueRow,
            "select id, level, labels, level_since, level_until from applicants"
            " where level_by < $1 or level_by > $1 or level_due_at <= $2"
            " order by id limit $3 for no key update skip locked",
            str(ref),
            at,
            limit,
        )

    async def hold(self, applicant_id: str) -> DueRow | None:
        """Return what one customer holds, and lock them; None for an unknown id."""
        return await self._one(
            DueRow,
            "select id, level, labels, level_since, level_until from applicants"
            " where id = $1 for no key update",
            applicant_id,
        )

    async def histories(self, applicant_ids: Sequence[str], at: datetime) -> dict[str, History]:
        """Return what each has to do with the lender, as a person, in all channels."""
        rows = await self._all(
            _HistoryRow,
            "with person as (select unnest($1::text[]) as who, unnest($1::text[]) as id"
            " union select me.id, p.id from applicants me"
            " join applicants p on p.identity_number_idx = me.identity_number_idx"
            " where me.id = any($1::text[])),"
            " borrowed as (select who, count(*) as loans,"
            " count(*) filter (where l.state in ('current', 'overdue')) as open_loans,"
            " count(*) filter (where l.state = 'settled') as settled_loans,"
            " count(*) filter (where l.state = 'written_off') as written_off_loans,"
            " max(late.now) as days_late, max(late.ever) as worst_days_late,"
            " max(today.day - l.disbursed_on) as days_known"
            " from person join loans l on l.applicant_id = person.id"
            " cross join lateral (select ($2::timestamptz at time zone l.zone)::date as day) today"
            " cross join lateral (select max(coalesce(i.paid_on, today.day) - i.due_on) as ever,"
            " max(today.day - i.due_on) filter (where i.state not in ('paid', 'written_off'))"
            " as now from instalments i where i.loan_id = l.id and i.due_on < today.day) late"
            " group by who),"
            " asked as (select who, count(*) as applications,"
            " count(*) filter (where a.state = 'rejected') as rejections"
            " from person join applications a on a.applicant_id = person.id group by who)"
            " select given.id as applicant_id, coalesce(loans, 0) as loans,"
            " coalesce(open_loans, 0) as open_loans, coalesce(settled_loans, 0) as settled_loans,"
            " coalesce(written_off_loans, 0) as written_off_loans,"
            " greatest(days_late, 0) as days_late, greatest(worst_days_late, 0) as worst_days_late,"
            " greatest(days_known, 0) as days_known, coalesce(applications, 0) as applications,"
            " coalesce(rejections, 0) as rejections"
            " from unnest($1::text[]) as given (id) left join borrowed on borrowed.who = given.id"
            " left join asked on asked.who = given.id",
            list(applicant_ids),
            at,
        )
        return {row.applicant_id: row for row in rows}

    async def give(
        self,
        changed: Sequence[tuple[str, Level]],
        ref: DefinitionRef,
        on: date,
        at: datetime,
    ) -> None:
        """Give customers the levels that the rules `ref` say; each change goes on record.

        One that only keeps its level, with other labels, keeps the day since which it has it.
        """
        await self._connection.execute(
            "with given as (select * from unnest($1::text[], $2::integer[], $3::text[], $4::text[])"
            " as given (id, level, labels, rule)),"
            " written as (update applicants a set level = given.level,"
            " labels = string_to_array(given.labels, ','), level_until = null,"
            " level_since = case when a.level = given.level then a.level_since else $6::date end"
            " from given where a.id = given.id)"
            " insert into customer_level_changes (applicant_id, level, labels, source, rule,"
            " definition, changed_by, changed_at)"
            " select id, level, string_to_array(labels, ','), 'rules', rule, $5, 'rules', $7"
            " from given order by id",
            [applicant_id for applicant_id, _ in changed],
            [level.level for _, level in changed],
            [",".join(level.labels) for _, level in changed],
            [level.rule for _, level in changed],
            str(ref),
            on,
            at,
        )

    async def worked_out(
        self, again: Sequence[tuple[str, datetime]], ref: DefinitionRef, on: date
    ) -> None:
        """Record that levels were worked out by the rules `ref`, and when they are due again.

        What a person set ends with its last day.
        """
        await self._connection.execute(
            "update applicants a set level_by = $3, level_due_at = given.due_at,"
            " level_until = case when a.level_until >= $4::date then a.level_until end"
            " from unnest($1::text[], $2::timestamptz[]) as given (id, due_at)"
            " where a.id = given.id",
            [applicant_id for applicant_id, _ in again],
            [due_at for _, due_at in again],
            str(ref),
            on,
        )

    async def override(
        self,
        applicant_id: str,
        level: int,
        labels: Sequence[str],
        *,
        until: date,
        due_at: datetime,
        reason: str,
        by: str,
        at: datetime,
    ) -> None:
        """Give a customer the level that a person sets, until the end of a day."""
        await self._connection.execute(
            "with written as (update applicants set level = $2, labels = $3, level_since = null,"
            " level_until = $4, level_due_at = $5 where id = $1)"
            " insert into customer_level_changes (applicant_id, level, labels, source, reason,"
            " until, changed_by, changed_at) values ($1, $2, $3, 'person', $6, $4, $7, $8)",
            applicant_id,
            level,
            list(labels),
            until,
            due_at,
            reason,
            by,
            at,
        )

    async def changes(self, applicant_id: str, limit: int) -> list[LevelChangeRow]:
        """Return the changes of a customer's level, the newest first."""
        return await self._list("applicant_id = $1 order by id desc limit $2", applicant_id, limit)
