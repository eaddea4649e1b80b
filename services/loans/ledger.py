"""The ledger as finance reads it: of all loans, of some, or of one with its part of the sums."""

from collections import Counter
from datetime import date, datetime

from services.loans.accruals import accrued_of_loan
from storage.common.repository import Transaction
from storage.loans.journal import JournalRepository


async def trial_balance(
    tx: Transaction,
    *,
    currency: str,
    loan_id: str | None = None,
    product: str | None = None,
    funder: str | None = None,
    as_of: date | None = None,
    recorded_until: datetime | None = None,
) -> dict[str, int]:
    """Return the balance in minor units of every account that was posted to; they sum to zero.

    That of one loan has its part of what is accrued in sums, worked out again; with
    `recorded_until` its own entries alone.
    """
    found = await JournalRepository(tx).trial_balance(
        currency=currency,
        loan_id=loan_id,
        product=product,
        funder=funder,
        as_of=as_of,
        recorded_until=recorded_until,
    )
    if loan_id is None or recorded_until is not None or not found:
        return found
    own = Counter(found)
    for account, amount in (await accrued_of_loan(tx, loan_id, as_of)).items():
        own[account.value] += amount
    return dict(sorted(own.items()))
