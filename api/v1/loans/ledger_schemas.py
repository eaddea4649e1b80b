"""What finance reads: balances, journal entries, and comparisons of the books."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Self

from api.http.schemas import Currency, MinorUnits, ResponseBody
from domain.loans.ledger import Account
from storage.loans.reconciliation import LoanComparison


class AccountBalance(ResponseBody):
    """The balance of one account: debit positive, credit negative."""

    account: str
    balance: MinorUnits


def listed(balances: Mapping[Account, int]) -> list[AccountBalance]:
    """Return balances as answers list them; accounts at zero are left out."""
    return [
        AccountBalance(account=account.value, balance=balance)
        for account, balance in balances.items()
        if balance
    ]


class TrialBalance(ResponseBody):
    """The accounts of a currency with what they were asked for by; they sum to zero.

    Null means all: every loan, product, funder and business date, whenever it was recorded.
    """

    currency: Currency
    loan_id: str | None
    product: str | None
    funder: str | None
    as_of: date | None
    recorded_until: datetime | None
    balances: list[AccountBalance]
    total: MinorUnits


class EntryLineResponse(ResponseBody):
    """One line of a journal entry: debit positive, credit negative."""

    account: str
    amount: MinorUnits


class EntryResponse(ResponseBody):
    """A journal entry: counts from `business_date`, was posted at `recorded_at`; sums to zero."""

    entry_key: str
    kind: str
    business_date: date
    recorded_at: datetime
    currency: Currency
    lines: list[EntryLineResponse]


class PrincipalComparison(ResponseBody):
    """The principal outstanding by the ledger, by the position and by the loan's projection."""

    ledger: MinorUnits
    position: MinorUnits | None
    projection: MinorUnits


class AccountComparisonResponse(ResponseBody):
    """The balance of an account by the ledger and by the position; debit positive."""

    account: str
    ledger: MinorUnits
    position: MinorUnits


class LoanReconciliation(ResponseBody):
    """A loan at the end of `as_of`, the day to which its books are kept.

    `position` is null, and `refusal` says why, when the loan's events contradict each other.
    """

    loan_id: str
    currency: Currency
    funder: str
    as_of: date
    principal: PrincipalComparison
    accounts: list[AccountComparisonResponse]
    refusal: str | None
    differs: bool

    @classmethod
    def of(cls, loan: LoanComparison) -> Self:
        """Return the answer for a comparison."""
        return cls(
            loan_id=loan.id,
            currency=loan.currency,
            funder=loan.funder,
            as_of=loan.as_of,
            principal=PrincipalComparison(
                ledger=loan.ledger_principal,
                position=loan.position_principal,
                projection=loan.projected_principal,
            ),
            accounts=[AccountComparisonResponse.model_validate(one) for one in loan.accounts],
            refusal=loan.refusal,
            differs=loan.differs,
        )
