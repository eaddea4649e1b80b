"""Which versions of holiday calendars running loans were brought up to."""

from datetime import date, datetime, timedelta

from pydantic import Json

from domain.common.definitions import DefinitionRef
from domain.loans.terms import LoanTerms
from storage.common.repository import Repository
from storage.common.rows import Row


class LoanOnCalendar(Row):
    """A running loan whose due dates move with a calendar."""

    id: str
    terms: Json[LoanTerms]
    zone: str
    business_date: date


class CalendarRepository(Repository):
    """What is still to be done about calendars that came into force."""

    async def is_applied(self, calendar: DefinitionRef, since: datetime, grace: timedelta) -> bool:
        """Say whether every running loan was brought up to a version in force `since` an instant.

        Plans that were quoted before it are booked for a while after it: loans are looked through
        again, twice a day at most, until the time of `grace` is over.
        """
        applied: bool = await self._connection.fetchval(
            "select exists (select from calendars_applied where calendar = $1"
            " and (applied_at >= $2::timestamptz + $3"
            " or applied_at > now() - interval '12 hours'))",
            str(calendar),
            since,
            grace,
        )
        return applied

    async def record_applied(self, calendar: DefinitionRef) -> None:
        """Record that every loan that runs now was brought up to a version."""
        await self._connection.execute(
            "insert into calendars_applied (calendar) values ($1)"
            " on conflict (calendar) do update set applied_at = now()",
            str(calendar),
        )

    async def loans(self, code: str, after: str, limit: int) -> list[LoanOnCalendar]:
        """Return running loans that rest on a calendar, by id, those behind the id `after`."""
        return await self._all(
            LoanOnCalendar,
            "select id, terms, zone, business_date from loans"
            " where state in ('current', 'overdue') and lower(terms ->> 'calendar') = $1"
            " and terms ->> 'business_day_rule' <> 'none' and id > $2 order by id limit $3",
            code,
            after,
            limit,
        )
