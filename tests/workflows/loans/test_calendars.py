"""A year of holidays is published while loans run that rest on a guess of it."""

import json
from datetime import date, time
from typing import Any

import pytest

import activities.loans.calendars
from domain.common.business_days import (
    HOLIDAY_CALENDAR,
    BusinessCalendar,
    BusinessDayRule,
    HolidayCalendar,
    OfficialYear,
)
from domain.loans.events import DueDatesMoved, Refunded
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms
from domain.messaging.events import MessagePurpose
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from messages import calls, ids
from messages.ids import new_id
from messages.maintenance import MaintenanceJob, StartMaintenance
from storage.common.outbox import OutboxRepository
from storage.lines.quotes import QuoteRepository
from storage.loans.loans import LoanRepository
from tests.definitions import ref, release, shipped
from tests.integration import story
from tests.workflows.borrowing import DISBURSED_ON, Line, Loan
from tests.workflows.lender import Lender, eventually, person
from tests.workflows.runtime.test_maintenance import done

SATURDAYS = (date(2031, 3, 15), date(2031, 11, 15))
"""Due dates of the loan that are put off to the Monday behind, unless they are worked."""
NOTICE = OfficialYear(
    year=2031, version="2030-11-04", source="made up for this test", worked=SATURDAYS
)


def with_notice(year: OfficialYear) -> HolidayCalendar:
    known = shipped(HOLIDAY_CALENDAR, "cn")
    return HolidayCalendar(years=(*known.years, year))


async def lend_on_business_days(lender: Lender) -> Loan:
    """A loan whose due dates follow the Chinese calendar, of which 2031 is not published yet."""
    borrower = await story.borrower(lender.desk, person())
    terms = LoanTerms.model_validate(
        {
            **dict(story.quoted_terms(story.AMOUNT, story.DISBURSED_ON)),
            "business_day_rule": BusinessDayRule.FOLLOWING,
            "calendar": BusinessCalendar.CN,
        }
    )
    quote_id = new_id("quo")
    async with lender.database.transaction() as tx:
        await QuoteRepository(tx).insert(
            quote_id=quote_id,
            line_id=borrower.line_id,
            terms=terms,
            plan=build_plan(terms),
            quoted_at=borrower.opened_at,
            expires_at=borrower.opened_at.replace(year=borrower.opened_at.year + 1),
            rate_caps=ref(RATE_CAPS, HOME_CAPS),
        )
    command = borrower.command(quote_id)
    receipt = await lender.bench.perform(calls.RESERVE_DRAWDOWN, borrower.reservation(command))
    await lender.bench.perform(calls.DISBURSE, story.disbursement(receipt))
    booked = await lender.bench.perform(calls.BOOK_LOAN, borrower.booking(receipt, DISBURSED_ON))
    return Loan(lender, Line(lender, borrower), booked.loan_id)


async def recorded(loan: Loan) -> list[DueDatesMoved]:
    async with loan.lender.database.read() as tx:
        events = await LoanRepository(tx).events(loan.id)
    return [event for event in events if isinstance(event, DueDatesMoved)]


async def announced(loan: Loan) -> list[dict[str, Any]]:
    async with loan.lender.database.read() as tx:
        events = await OutboxRepository(tx).since(ids.loan_workflow(loan.id), 0, limit=100)
    return [one.payload for one in events if one.kind == "due_dates_moved"]


async def customer_messages(loan: Loan) -> list[dict[str, Any]]:
    """What messages to the borrower about moved due dates say."""
    async with loan.lender.database.read() as tx:
        rows = await tx.connection.fetch(
            "select said::text from customer_messages where subject = $1 and purpose = $2",
            ids.loan_workflow(loan.id),
            MessagePurpose.DUE_DATES_MOVED,
        )
    return [json.loads(row["said"]) for row in rows]


async def is_applied(lender: Lender, calendar: str) -> bool:
    async with lender.database.read() as tx:
        found: bool = await tx.connection.fetchval(
            "select exists (select from calendars_applied where calendar = $1)", calendar
        )
    return found


async def in_force(lender: Lender, calendar: str) -> int:
    """Do the job until the worker knows a version, as it does within a second; say what moved."""
    moved = 0

    async def applied() -> bool:
        nonlocal moved
        moved += await done(lender, MaintenanceJob.MOVE_DUE_DATES)
        return await is_applied(lender, calendar)

    assert await eventually(applied)
    return moved


async def test_running_loans_follow_a_calendar_once_and_keep_their_amounts(
    lender: Lender,
) -> None:
    loan = await lend_on_business_days(lender)
    other = await lend_on_business_days(lender)
    first_due = date(2031, 2, 17)
    await loan.live_until(first_due)
    debited = await loan.debited()
    assert len(debited) == 1
    async with lender.database.read() as tx:
        before = await LoanRepository(tx).instalments(loan.id)

    # Nothing new is known of 2031 by what is shipped.
    assert await done(lender, MaintenanceJob.MOVE_DUE_DATES) == 0
    version = await release(lender.database, HOLIDAY_CALENDAR, "cn", with_notice(NOTICE))
    assert await in_force(lender, str(version)) == 2

    (event,) = await recorded(loan)
    assert event.calendar == str(version)
    assert [(one.was, one.now) for one in event.dates] == [
        (date(2031, 3, 17), date(2031, 3, 15)),
        (date(2031, 11, 17), date(2031, 11, 15)),
    ]
    assert len(await recorded(other)) == 1
    (message,) = await customer_messages(loan)
    assert message == {"contract": loan.id[-6:].upper(), "moved": 2, "due_on": "2031-03-15"}
    (announcement,) = await announced(loan)
    assert announcement["changes"]["instalments"]
    async with lender.database.read() as tx:
        after = await LoanRepository(tx).instalments(loan.id)
    moved = {one.was: one.now for one in event.dates}
    assert [row.due_on for row in after] == [moved.get(row.due_on, row.due_on) for row in before]
    assert [(row.principal, row.interest) for row in after] == [
        (row.principal, row.interest) for row in before
    ]

    # Again, and the same days under another version, change nothing and tell nobody.
    assert await done(lender, MaintenanceJob.MOVE_DUE_DATES) == 0
    again = NOTICE.model_copy(update={"version": "2030-11-05"})
    version = await release(lender.database, HOLIDAY_CALENDAR, "cn", with_notice(again))
    assert await in_force(lender, str(version)) == 0
    assert (len(await recorded(loan)), len(await announced(loan))) == (1, 1)
    assert len(await customer_messages(loan)) == 1

    # It is debited on the day that the borrower was told.
    await loan.live_until(SATURDAYS[0])
    assert len(await loan.debited()) == 2
    assert set(await loan.entry_sums()) == {0}


async def test_a_loan_that_cannot_follow_yet_holds_up_no_other(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One loan contradicts its own record, the next one's debit hangs; the third has neither."""
    monkeypatch.setattr(activities.loans.calendars, "_LOANS", 1)
    broken = await lend_on_business_days(lender)
    busy = await lend_on_business_days(lender)
    behind = await lend_on_business_days(lender)
    impossible = Refunded(key=f"{broken.id}:impossible", on=DISBURSED_ON, amount=1)
    async with lender.database.transaction() as tx:
        await LoanRepository(tx).append_event(broken.id, impossible, DISBURSED_ON)
    await lender.simulators.fault("payments", status=429)
    await busy.reach(date(2031, 2, 17), time(8, 30))
    await eventually(busy.repayments)

    notice = NOTICE.model_copy(update={"version": "2030-11-06"})
    version = str(await release(lender.database, HOLIDAY_CALENDAR, "cn", with_notice(notice)))

    # All loans but the last were looked through by the version before: this one begins anew.
    older = StartMaintenance(
        job=MaintenanceJob.MOVE_DUE_DATES, cursor=f"holiday_calendar/cn@1 {'~' * 30}", busy=1
    )

    async def followed() -> list[DueDatesMoved]:
        await done(lender, MaintenanceJob.MOVE_DUE_DATES, older)
        return await recorded(behind)

    (event,) = await eventually(followed)
    assert event.calendar == version
    assert await recorded(busy) == []
    assert not await is_applied(lender, version)

    # It follows once it is free; then the calendar is done with.
    await lender.simulators.repair()
    await in_force(lender, version)
    assert len(await recorded(busy)) == len(await recorded(behind)) == 1
    assert await recorded(broken) == []
