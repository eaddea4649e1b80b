"""The ledger as finance reads it: trial balances, a loan's entries, and whether the books agree."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime

from api.http.calls import Called
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.loans.ledger_schemas import (
    AccountBalance,
    EntryResponse,
    LoanReconciliation,
    TrialBalance,
)
from services.loans.ledger import trial_balance as read_trial_balance
from services.loans.reading import list_entries
from storage.loans.reconciliation import ReconciliationRepository

router = authorised_router("/ledger", "ledger")


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the calendar") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


@router.get("/trial-balance", summary="The trial balance of a currency, at any moment")
async def trial_balance(
    call: Called,
    currency: Annotated[str, Query(pattern=r"^[A-Z]{3}$")] = "CNY",
    loan_id: Annotated[str | None, Query(pattern=r"^loa_[0-9a-z]{26}$")] = None,
    product: Annotated[
        str | None, Query(pattern=r"^[a-z][a-z0-9_-]{0,63}$", description="of the loans to count")
    ] = None,
    funder: Annotated[
        str | None, Query(pattern=r"^[a-z0-9_-]{1,32}$", description="of the loans to count")
    ] = None,
    as_of: Annotated[
        date | None, Query(description="the last business date that counts; all without it")
    ] = None,
    recorded_until: Annotated[
        Instant | None,
        Query(description="what was on record at this instant (with its offset from UTC)"),
    ] = None,
) -> TrialBalance:
    """Return the balance of every account; `total` is zero.

    What loans accrue between their own entries is in it once its day is booked, in that of a single
    loan as its part.
    """
    async with call.database.read() as tx:
        balances = await read_trial_balance(
            tx,
            currency=currency,
            loan_id=loan_id,
            product=product,
            funder=funder,
            as_of=as_of,
            recorded_until=recorded_until,
        )
    return TrialBalance(
        currency=currency,
        loan_id=loan_id,
        product=product,
        funder=funder,
        as_of=as_of,
        recorded_until=recorded_until,
        balances=[
            AccountBalance(account=account, balance=balance)
            for account, balance in balances.items()
        ],
        total=sum(balances.values()),
    )


@router.get("/loans/{loan_id}/entries", summary="A loan's journal entries, the oldest first")
async def entries(loan_id: str, call: Called, page: Paged) -> Page[EntryResponse]:
    """Return a page of the entries in the order in which they were posted, with their lines.

    Nothing is ever changed or taken out: a correction is a further entry.
    """
    after = page.after_number()
    async with call.database.read() as tx:
        rows = await list_entries(tx, call.caller, loan_id, after, page.limit)
    return page.of(EntryResponse, rows, "recorded_at")


@router.get("/reconciliation", summary="Compare ledger, projection and events, loan by loan")
async def reconciliation(call: Called, page: Paged) -> Page[LoanReconciliation]:
    """Return a page of loans, the oldest first, each with what its books say on their last day.

    The position is worked out anew from the loan's terms and events.
    """
    async with call.database.snapshot() as tx:
        rows = await ReconciliationRepository(tx).page(page.after, page.limit)
    items = [LoanReconciliation.of(row) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "recorded_at"))
