"""The ledger as finance reads it."""

from datetime import date
from typing import Annotated

from fastapi import Query

from api.auth import Caller
from api.gate import gated_router
from api.schemas.operations import AccountBalance, TrialBalance
from api.services import Using

router = gated_router("/ledger", "ledger")


@router.get("/trial-balance", summary="The trial balance of a currency")
async def trial_balance(
    caller: Caller,
    services: Using,
    currency: Annotated[str, Query(pattern=r"^[A-Z]{3}$")] = "CNY",
    loan_id: Annotated[str | None, Query(pattern=r"^loa_[0-9a-z]{26}$")] = None,
    as_of: date | None = None,
) -> TrialBalance:
    """Return the balance of every account; `total` is zero."""
    async with services.database.read() as tx:
        balances = await tx.journal.trial_balance(currency=currency, loan_id=loan_id, as_of=as_of)
    return TrialBalance(
        currency=currency,
        as_of=as_of,
        loan_id=loan_id,
        balances=[
            AccountBalance(account=account, balance=balance)
            for account, balance in balances.items()
        ],
        total=sum(balances.values()),
    )
