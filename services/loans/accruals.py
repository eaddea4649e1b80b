"""Income accrued by the end of each day: booked once a day, in its order, and caught up with.

Every day since the first loan is worked out and posted before the next one, whenever this runs. A
day that is posted is never worked out again: what became known later is in the next one.
"""

from asyncio import to_thread
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from domain.common.calendar import business_date
from domain.common.errors import DomainError, NotFound
from domain.common.zones import zone_of
from domain.loans.bookkeeping import accrued_since, first_open_day, movements
from domain.loans.events import LoanEvent
from domain.loans.ledger import Account
from storage.common.repository import Transaction
from storage.loans.accruals import AccrualDayRow, AccrualRepository, AccruingLoan, Group
from storage.loans.closings import ClosingRepository
from storage.loans.journal import JournalRepository
from storage.loans.loans import LoanRepository

LOANS: Final = 100
"""Loans worked out in one transaction: some 200 ms, on a thread of their own."""

_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class AccruedPart:
    """How far the accruals came: `day` was worked on, for `loans`; None when nothing was to do."""

    day: date | None
    loans: int
    is_posted: bool


@dataclass(frozen=True)
class LoanAccrual:
    """What one loan contributed to a day's sum, worked out again. Amounts in minor units."""

    loan_id: str
    kept_to: date
    amounts: dict[Account, int]


async def last_day_over(tx: Transaction, now: datetime, *, travels: bool = False) -> date | None:
    """Return the last business day that is over in every zone with loans; None without a loan.

    Where loans have clocks of their own (`travels`) the latest of them counts.
    """
    days = [
        max(business_date(now, zone_of(zone)), latest if travels else date.min)
        for zone, latest in (await AccrualRepository(tx).zones()).items()
    ]
    return min(days) - _A_DAY if days else None


async def accrue_part(tx: Transaction, until: date) -> AccruedPart:
    """Work out the next loans of the first day that is not posted, and post it with the last one.

    Repeat it until `day` is None: every day up to `until` is posted then. Each call is one short
    transaction, of which only one runs at a time.
    """
    accruals = AccrualRepository(tx)
    await accruals.lock()
    day = await _day_to_work_on(accruals, until)
    if day is None:
        return AccruedPart(None, 0, is_posted=False)
    loans = await accruals.loans(day.business_date, day.done_to, LOANS)
    found, refused = await _work_out(tx, loans, day.business_date)
    sums: dict[Group, dict[Account, int]] = defaultdict(lambda: defaultdict(int))
    for loan, amounts in found:
        for account, amount in amounts.items():
            sums[loan.group][account] += amount
    ids = [loan.id for loan in loans]
    await accruals.add(day.business_date, sums, loans=ids, refused=refused)
    is_last = len(loans) < LOANS
    if is_last:
        await _post(tx, day.business_date)
    return AccruedPart(day.business_date, len(loans), is_posted=is_last)


async def accrual_detail(
    tx: Transaction, day: date, group: Group, after: str, limit: int
) -> tuple[list[LoanAccrual], str | None]:
    """Return what the loans behind `after` contributed to a day's sum, and where to go on.

    Worked out again from terms and events; loans without a part in it are left out. Raises
    `NotFound` for a day that is not posted.
    """
    known = await AccrualRepository(tx).day(day)
    if known is None or known.posted_at is None:
        raise NotFound("accrual day")
    loans = await AccrualRepository(tx).loans(day, after, limit, group)
    found, _ = await _work_out(tx, loans, day)
    items = [
        LoanAccrual(loan.id, loan.kept_to, amounts)
        for loan, amounts in found
        if amounts and loan.kept_to is not None
    ]
    return items, loans[-1].id if len(loans) == limit else None


async def accrued_of_loan(tx: Transaction, loan_id: str, as_of: date | None) -> dict[Account, int]:
    """Return a loan's part of the accruals on record at the end of a day, the last one of None."""
    day = await AccrualRepository(tx).posted(as_of)
    loan = None if day is None else await LoanRepository(tx).get(loan_id)
    if day is None or loan is None:
        return {}
    kept_to = await AccrualRepository(tx).kept_to(loan_id, day)
    events = (await LoanRepository(tx).events_of([loan_id], day)).get(loan_id, ())
    return accrued_since(loan.terms, events, kept_to, day) if kept_to is not None else {}


async def _day_to_work_on(accruals: AccrualRepository, until: date) -> AccrualDayRow | None:
    last = await accruals.last()
    if last is not None and last.posted_at is None:
        return last if last.business_date <= until else None
    first = await accruals.first_disbursement() if last is None else last.business_date + _A_DAY
    if first is None or first > until:
        return None
    return await accruals.begin(first)


async def _work_out(
    tx: Transaction, loans: Sequence[AccruingLoan], day: date
) -> tuple[list[tuple[AccruingLoan, dict[Account, int]]], list[str]]:
    """Return what each loan accrued by a day, and those whose events contradict each other."""
    late = [loan for loan in loans if loan.kept_to is not None and loan.kept_to < day]
    events = await LoanRepository(tx).events_of([loan.id for loan in late], day)
    return await to_thread(_accrued, late, events, day)


def _accrued(
    loans: Sequence[AccruingLoan], events: Mapping[str, tuple[LoanEvent, ...]], day: date
) -> tuple[list[tuple[AccruingLoan, dict[Account, int]]], list[str]]:
    found: list[tuple[AccruingLoan, dict[Account, int]]] = []
    refused: list[str] = []
    for loan in loans:
        try:
            amounts = accrued_since(loan.terms, events.get(loan.id, ()), loan.kept_to or day, day)
        except DomainError:
            refused.append(loan.id)
        else:
            found.append((loan, amounts))
    return found, refused


async def _post(tx: Transaction, day: date) -> None:
    """Post by how much each level differs from that of the day posted before."""
    accruals = AccrualRepository(tx)
    before = await accruals.levels(await accruals.posted())
    after = await accruals.levels(day)
    open_from = first_open_day(await ClosingRepository(tx).closed_to())
    for currency, product, funder in sorted(before.keys() | after.keys()):
        group = currency, product, funder
        lines = movements(after.get(group, {}), before.get(group, {}))
        await JournalRepository(tx).post_summed(
            f"books:accrual:{day}:{currency}:{product}:{funder}",
            "accrual",
            max(day, open_from or day),
            currency,
            [(account.value, amount) for account, amount in lines.items()],
            product=product,
            funder=funder,
        )
    await accruals.finish(day)
