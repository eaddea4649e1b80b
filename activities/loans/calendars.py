"""Holiday calendars that came into force: the provisional due dates of running loans follow."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

import structlog

from activities.common.performing import performs
from domain.common.business_days import HOLIDAY_CALENDAR, HolidayCalendar
from domain.common.calendar import business_date
from domain.common.definitions import Agreed
from domain.common.errors import DomainError
from domain.loans.calendar_change import due_dates_moved
from domain.loans.events import LoanEvent
from messages import calls
from messages.loans import AdoptCalendar
from messages.maintenance import Maintain, Maintained
from runtime.clock import utc_now
from runtime.temporal.siblings import Siblings
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.loans.calendars import CalendarRepository, LoanOnCalendar
from storage.loans.loans import LoanRepository

_LOANS: Final = 200
_AT_ONCE: Final = 20
_PART_SECONDS: Final = 10.0
_GRACE: Final = timedelta(days=7)
"""So long after a release loans may still be booked by a plan that was quoted before it."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class _Part:
    """What came of some loans; `last` is None when there were no more."""

    last: str | None
    moved: int = 0
    busy: int = 0


@dataclass(frozen=True)
class Calendars:
    """Brings running loans up to the holiday calendars in force."""

    database: Database
    siblings: Siblings

    @performs(calls.MOVE_DUE_DATES)
    async def move_due_dates(self, request: Maintain) -> Maintained:
        """Have each loan whose provisional due dates a calendar in force moves record that, once.

        A loan that is busy is left for the next run, which looks through all loans of its calendar
        again; those behind it, and other calendars, do not wait for it. So is a calendar of which
        a version came into force on the way. Nothing is read of loans, and nothing done, unless a
        calendar came into force that was not applied to all of them.
        """
        ends, changed = monotonic() + _PART_SECONDS, 0
        applying, _, after = request.cursor.partition(" ")
        busy, passed = request.busy, request.passed
        while True:
            async with self.database.read() as tx:
                calendar = await _to_apply(tx, passed)
            if calendar is None:
                return Maintained(changed=changed, after=None)
            if applying != str(calendar.ref):
                applying, after, busy = str(calendar.ref), "", 0
            part = await self._apply(calendar, after)
            changed, busy = changed + part.moved, busy + part.busy
            if part.last is not None:
                after = part.last
            else:
                if not busy:
                    async with self.database.transaction() as tx:
                        await CalendarRepository(tx).record_applied(calendar.ref)
                passed = (*passed, applying)
            if monotonic() >= ends:
                return Maintained(
                    changed=changed,
                    after=0,
                    busy=busy,
                    passed=passed,
                    cursor=f"{applying} {after}",
                )

    async def _apply(self, calendar: Agreed[HolidayCalendar], after: str) -> _Part:
        async with self.database.read() as tx:
            loans = await CalendarRepository(tx).loans(calendar.ref.code, after, _LOANS)
            events = await LoanRepository(tx).events_of([loan.id for loan in loans])
        meant = await asyncio.to_thread(_moving, loans, events, calendar.content, utc_now())
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def adopt(loan: LoanOnCalendar) -> int | None:
            command = AdoptCalendar(
                calendar=str(calendar.ref), sha256=calendar.ref.sha256, years=calendar.content.years
            )
            async with at_once:
                return await self.siblings.adopt_calendar(loan.id, command)

        moved = await asyncio.gather(*map(adopt, meant))
        return _Part(
            loans[-1].id if loans else None,
            sum(1 for count in moved if count),
            sum(1 for count in moved if count is None),
        )


async def _to_apply(tx: Transaction, passed: Collection[str]) -> Agreed[HolidayCalendar] | None:
    """Return a calendar in force that running loans were not all brought up to, none `passed`."""
    for calendar in await DefinitionRepository(tx).all_in_force(HOLIDAY_CALENDAR):
        if str(calendar.ref) in passed:
            continue
        since = await _in_force_since(tx, calendar)
        if not await CalendarRepository(tx).is_applied(calendar.ref, since, _GRACE):
            return calendar
    return None


async def _in_force_since(tx: Transaction, calendar: Agreed[HolidayCalendar]) -> datetime:
    releases = await DefinitionRepository(tx).releases(HOLIDAY_CALENDAR.name, calendar.ref.code)
    return max(one.effective_from for one in releases if one.version == calendar.ref.version)


def _moving(
    loans: Sequence[LoanOnCalendar],
    events: Mapping[str, Sequence[LoanEvent]],
    calendar: HolidayCalendar,
    now: datetime,
) -> list[LoanOnCalendar]:
    """Return the loans that have anything to record of the calendar.

    A loan whose events contradict each other is logged and left out: where it stands nobody knows.
    """
    found = []
    for loan in loans:
        try:
            if _moves(loan, events.get(loan.id, ()), calendar, now):
                found.append(loan)
        except DomainError as error:
            _log.error("due_dates_not_moved", loan_id=loan.id, error_type=type(error).__name__)
    return found


def _moves(
    loan: LoanOnCalendar, events: Sequence[LoanEvent], calendar: HolidayCalendar, now: datetime
) -> bool:
    """Say whether the loan's process has anything to record of the calendar."""
    today = max(business_date(now, loan.zone), loan.business_date)
    found = due_dates_moved(
        loan.terms, events, calendar.years, calendar="", key="tried", today=today
    )
    return found is not None
