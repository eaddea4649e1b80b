"""The ledger as CSV: every line of some days, in an order that never changes, page by page."""

import csv
from collections.abc import AsyncIterator, Iterable
from datetime import date
from io import StringIO
from typing import Any, Final

from domain.common.money import plain_amount
from domain.loans.account_mapping import ACCOUNT_MAPPING, STANDARD_MAPPING, AccountMapping
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.loans.ledger_lines import LedgerLine, LedgerLineRepository, Place

LINES: Final = 2_000
"""Lines read in one statement, and written in one piece."""

_COLUMNS: Final = (
    *("business_date", "entry", "line", "recorded_at", "kind", "entry_key", "loan_id", "product"),
    *("funder", "account", "bank_account", "code", "currency", "amount"),
)


async def ledger_csv(
    database: Database,
    first: date,
    last: date,
    *,
    account: str | None = None,
    funder: str | None = None,
) -> AsyncIterator[str]:
    """Yield the lines of the days from `first` to `last` that were on record at the beginning.

    Amounts have a point and no sign but that of a credit; `code` is that of the account mapping in
    force. However long it takes, no transaction is held open.
    """
    async with database.read() as tx:
        mapping = await DefinitionRepository(tx).in_force(ACCOUNT_MAPPING, STANDARD_MAPPING)
        until_entry = await LedgerLineRepository(tx).last_entry()
    yield _written([_COLUMNS])
    after: Place | None = None
    while True:
        async with database.read() as tx:
            lines = await LedgerLineRepository(tx).page(
                first,
                last,
                account=account,
                funder=funder,
                until_entry=until_entry,
                after=after,
                limit=LINES,
            )
        if lines:
            yield _written(_row(line, mapping.content) for line in lines)
            after = lines[-1].place
        if len(lines) < LINES:
            return


def _row(line: LedgerLine, mapping: AccountMapping) -> tuple[Any, ...]:
    account, _, bank_account = line.account.partition(":")
    return (
        *(line.business_date, line.entry, line.line, line.recorded_at.isoformat(), line.kind),
        *(line.entry_key, line.loan_id or "", line.product, line.funder, account, bank_account),
        *(mapping.code_of(line.account, line.product, line.funder), line.currency),
        plain_amount(line.amount, line.currency),
    )


def _written(rows: Iterable[tuple[Any, ...]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
