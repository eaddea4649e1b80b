"""Closing the books to a day, and what takes two people: opening them again, entries by hand.

`over` is the last business day that is over, None while there is no loan.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from domain.common.definitions import SecondPersonNeeded
from domain.common.errors import NotFound
from domain.common.money import minor_digits
from domain.loans.closing import (
    DayNotReady,
    InvalidManualEntry,
    ManualEntry,
    ManualLine,
    PeriodClosed,
    Reopening,
    RequestDecided,
    check_lines,
)
from domain.loans.ledger import Account
from domain.people.principals import Principal
from services.common.commands import Command
from services.loans.batches import batches_behind
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.loans.batches import BatchRow
from storage.loans.closings import ClosingRepository, ClosingRow, RequestRow
from storage.loans.journal import JournalRepository

BOOKS: Final = "books"
"""What closings and entries by hand are about, in the audit."""

_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Closed:
    """A closing, with the batches that were made of what was not handed over yet."""

    closing: ClosingRow
    batches: list[BatchRow]


async def close_period(
    tx: Transaction, caller: Principal, until: date, *, reason: str, over: date | None
) -> Closed:
    """Close the books to a day: nothing is booked on it or before it any more.

    What is left of its days is put in batches. Closing to the same day again changes nothing.
    Raises `DayNotReady` for a day that is not over, or is not accrued yet, and `PeriodClosed` for
    one before that to which they are closed.
    """
    closings = ClosingRepository(tx)
    await closings.lock()
    closed_to = await closings.closed_to()
    if over is None or until > over:
        raise DayNotReady(f"the last day that is over is {over or 'none'}", field="until")
    if closed_to is not None and until < closed_to:
        raise PeriodClosed(f"the books are closed to {closed_to} already", field="until")
    if until == closed_to:
        return Closed((await closings.closings(1))[0], [])
    closing = await closings.close(until, reason=reason, closed_by=caller.actor)
    made = await batches_behind(tx, closed_to, until, caller.actor)
    detail = {"until": until.isoformat(), "reason": reason}
    await AuditRepository(tx).add_by(caller, "close_period", BOOKS, "closed", detail=detail)
    return Closed(closing, made)


async def request_entry(
    tx: Transaction,
    caller: Principal,
    command: Command,
    entry: ManualEntry,
    *,
    reason: str,
    over: date | None,
) -> RequestRow:
    """Ask for an entry by hand, which a second person posts. A repeat returns the same request.

    Raises `InvalidManualEntry`, and `PeriodClosed` for a day that is closed.
    """
    minor_digits(entry.currency)
    check_lines(entry.lines)
    await _refuse_day(tx, entry.business_date, over)
    return await _request(tx, caller, command, entry, reason)


async def request_reversal(
    tx: Transaction,
    caller: Principal,
    command: Command,
    entry_key: str,
    business_date: date,
    *,
    reason: str,
    over: date | None,
) -> RequestRow:
    """Ask for an entry that takes one by hand back, which a second person posts.

    Raises `NotFound`, `PeriodClosed`, and `InvalidManualEntry` for one that is taken back already.
    """
    taken_back = await JournalRepository(tx).manual(entry_key)
    if taken_back is None:
        raise NotFound("entry by hand")
    await _refuse_day(tx, business_date, over)
    entry = ManualEntry(
        business_date=business_date,
        currency=taken_back.currency,
        product=taken_back.product,
        funder=taken_back.funder,
        lines=tuple(_opposite(line.account, line.amount) for line in taken_back.lines),
        reverses=entry_key,
    )
    return await _request(tx, caller, command, entry, reason)


async def request_reopening(
    tx: Transaction, caller: Principal, command: Command, open_from: date, *, reason: str
) -> RequestRow:
    """Ask for the books to be opened again from a day on, which a second person does.

    Raises `PeriodClosed` for a day that is open.
    """
    _refuse_open(open_from, await ClosingRepository(tx).closed_to())
    return await _request(tx, caller, command, Reopening(open_from=open_from), reason)


async def approve_request(
    tx: Transaction, caller: Principal, request_id: str, over: date | None
) -> RequestRow:
    """Do what somebody else asked for, once.

    Raises `NotFound`, `SecondPersonNeeded`, `RequestDecided`, and `PeriodClosed` when the books
    were closed, or opened, meanwhile.
    """
    closings = ClosingRepository(tx)
    await closings.lock()
    asked = await _open_request(tx, request_id)
    if asked.requested_by == caller.actor:
        raise SecondPersonNeeded("who asked for this does not approve it: somebody else does")
    if asked.kind == "reopening":
        open_from = Reopening.model_validate(asked.content).open_from
        _refuse_open(open_from, await closings.closed_to())
        await closings.close(open_from - _A_DAY, reason=asked.reason, closed_by=caller.actor)
    else:
        entry = ManualEntry.model_validate(asked.content)
        await _refuse_day(tx, entry.business_date, over)
        await JournalRepository(tx).post_summed(
            entry_key_of(asked),
            "manual",
            entry.business_date,
            entry.currency,
            [(line.ledger_account, line.amount) for line in entry.lines],
            product=entry.product,
            funder=entry.funder,
        )
    return await _decide(tx, caller, asked, "approved")


async def reject_request(tx: Transaction, caller: Principal, request_id: str) -> RequestRow:
    """Turn a request down, or take one's own back. Raises `NotFound` and `RequestDecided`."""
    return await _decide(tx, caller, await _open_request(tx, request_id), "rejected")


def entry_key_of(request: RequestRow) -> str:
    """Return the key of the entry that an approved request posted."""
    return f"books:manual:{request.id}"


async def _request(
    tx: Transaction,
    caller: Principal,
    command: Command,
    content: ManualEntry | Reopening,
    reason: str,
) -> RequestRow:
    row = await ClosingRepository(tx).request(
        command.new_id("act", "books"),
        content.kind,
        content.model_dump_json(),
        reason=reason,
        requested_by=caller.actor,
    )
    if row is None:
        raise InvalidManualEntry(
            "this entry is taken back already, or somebody asked for it", field="reverses"
        )
    detail: dict[str, Any] = {"request": row.id, "kind": row.kind}
    await AuditRepository(tx).add_by(caller, "ask_of_books", BOOKS, "asked", detail=detail)
    return row


async def _decide(tx: Transaction, caller: Principal, asked: RequestRow, state: Any) -> RequestRow:
    row = await ClosingRepository(tx).decide(asked.id, state, caller.actor)
    detail = {"request": asked.id, "kind": asked.kind}
    await AuditRepository(tx).add_by(caller, "decide_of_books", BOOKS, state, detail=detail)
    return row


async def _open_request(tx: Transaction, request_id: str) -> RequestRow:
    row = await ClosingRepository(tx).for_decision(request_id)
    if row is None:
        raise NotFound("request")
    if row.state != "open":
        raise RequestDecided(f"this request is {row.state}")
    return row


async def _refuse_day(tx: Transaction, day: date, over: date | None) -> None:
    closed_to = await ClosingRepository(tx).closed_to()
    if closed_to is not None and day <= closed_to:
        raise PeriodClosed(
            f"the books are closed to {closed_to}: give a later day", field="business_date"
        )
    if over is not None and day > over + _A_DAY:
        raise InvalidManualEntry(f"{day} is ahead", field="business_date")


def _refuse_open(open_from: date, closed_to: date | None) -> None:
    if closed_to is None or open_from > closed_to:
        raise PeriodClosed(
            f"the books are closed to {closed_to or 'no day'}: this day is open", field="open_from"
        )


def _opposite(account: str, amount: int) -> ManualLine:
    plain, _, bank_account = account.partition(":")
    return ManualLine(account=Account(plain), bank_account=bank_account or None, amount=-amount)
