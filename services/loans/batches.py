"""Handing days over to the lender's accounting: sums under its own codes, in numbered batches.

A batch is made of what the lender's days hold and no batch held before: mostly once a day, again
for what was booked of the same day afterwards. Made batches never change.
"""

import csv
from collections.abc import Iterable
from datetime import date
from io import StringIO
from itertools import groupby
from typing import Final

from domain.common.errors import NotFound
from domain.common.money import plain_amount
from domain.loans.account_mapping import ACCOUNT_MAPPING, STANDARD_MAPPING
from domain.loans.closing import DayNotReady
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository
from storage.loans.accruals import AccrualRepository
from storage.loans.batches import BatchLineRow, BatchRepository, BatchRow
from storage.loans.closings import ClosingRepository

_COLUMNS: Final = (
    *("batch", "business_date", "currency", "line", "code", "account", "bank_account"),
    *("product", "funder", "debit", "credit"),
)


async def make_batches(tx: Transaction, until: date, made_by: str) -> list[BatchRow]:
    """Make the batches of all days up to one; none for days that hold nothing new.

    Raises `DayNotReady` for a day whose accruals are not booked yet.
    """
    await ClosingRepository(tx).lock()
    return await batches_behind(tx, await ClosingRepository(tx).closed_to(), until, made_by)


async def batches_behind(
    tx: Transaction, after: date | None, until: date, made_by: str
) -> list[BatchRow]:
    """Make the batches of the days behind one, for whoever holds the lock of closings."""
    accrued_to = await AccrualRepository(tx).posted()
    if accrued_to is None or accrued_to < until:
        raise DayNotReady(
            f"accruals are booked to {accrued_to or 'no day yet'}: book those of {until} first",
            field="until",
        )
    mapping = await DefinitionRepository(tx).in_force(ACCOUNT_MAPPING, STANDARD_MAPPING)
    waiting = await BatchRepository(tx).waiting(after, until)
    made = []
    for (day, currency), sums in groupby(waiting, lambda one: (one.business_date, one.currency)):
        lines = [
            (mapping.content.code_of(one.account, one.product, one.funder), one) for one in sums
        ]
        made.append(
            await BatchRepository(tx).add(
                day, currency, mapping=str(mapping.ref), made_by=made_by, lines=lines
            )
        )
    return made


async def batch_csv(tx: Transaction, number: int) -> str:
    """Return a batch as CSV, the same bytes whenever it is asked for; raises `NotFound`."""
    batch = await BatchRepository(tx).get(number)
    if batch is None:
        raise NotFound("batch")
    return _csv(batch, await BatchRepository(tx).lines(number))


def _csv(batch: BatchRow, lines: Iterable[BatchLineRow]) -> str:
    text = StringIO()
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    for line in lines:
        account, _, bank_account = line.account.partition(":")
        amount = plain_amount(abs(line.amount), batch.currency)
        sides = (amount, "") if line.amount > 0 else ("", amount)
        table.writerow(
            (
                *(batch.number, batch.business_date, batch.currency, line.line, line.code),
                *(account, bank_account, line.product, line.funder, *sides),
            )
        )
    return text.getvalue()
