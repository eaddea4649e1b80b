"""Whether ledger, projection and events of a loan say the same.

The position is worked out anew from terms and events, so that a lost or invented journal entry and
a projection that was written otherwise both show.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Json

from domain.common.errors import DomainError
from domain.loans.events import LoanEvent
from domain.loans.ledger import Account, balances
from domain.loans.position import position
from domain.loans.terms import LoanTerms
from storage.common.repository import Repository
from storage.common.rows import Cursor, Row
from storage.loans.loans import LoanRepository

_NOT_LISTED: Final = frozenset({Account.PRINCIPAL_RECEIVABLE, Account.CASH})
"""Principal is compared by itself; cash is what the other accounts of balanced entries leave."""

_BOOKS: Final = (
    "select id, currency, funder, terms, principal_outstanding, recorded_at,"
    " coalesce(greatest((select max(journal.business_date) from journal"
    " where journal.loan_id = loans.id), (select max(booked_on) from loan_events"
    " where loan_events.loan_id = loans.id)), business_date) as as_of from loans"
)


class AccountComparison(BaseModel):
    """The balance of an account by the ledger and by the position; debit positive."""

    model_config = ConfigDict(frozen=True)

    account: str
    ledger: int
    position: int


class LoanComparison(BaseModel):
    """One loan at the end of `as_of`, the day to which its books are kept. Amounts in minor units.

    What a loan earns after that day, such as the penalty of a loan in arrears, is booked with its
    next entry: it is in neither figure.

    `refusal` is the code of the error by which events and terms contradict each other; there is no
    position then, and `accounts` is empty.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    currency: str
    funder: str
    as_of: date
    recorded_at: datetime
    ledger_principal: int
    position_principal: int | None
    projected_principal: int
    accounts: tuple[AccountComparison, ...]
    refusal: str | None = None

    @property
    def differs(self) -> bool:
        """Say whether anything disagrees."""
        principals = {self.ledger_principal, self.position_principal, self.projected_principal}
        return len(principals) > 1 or any(one.ledger != one.position for one in self.accounts)


class _Books(Row):
    """What is on record of a loan, but for its events and entries."""

    id: str
    currency: str
    funder: str
    terms: Json[LoanTerms]
    principal_outstanding: int
    as_of: date
    recorded_at: datetime


class ReconciliationRepository(Repository):
    """The comparison of all loans, page by page."""

    async def page(self, after: Cursor | None, limit: int) -> list[LoanComparison]:
        """Compare loans from the oldest on, ordered by `recorded_at` and id, in three statements.

        Read it in a snapshot: what is booked between the statements would seem to differ.
        """
        books = await self._page(
            _Books,
            _BOOKS,
            after=after,
            limit=limit,
            order=("recorded_at", "id"),
            oldest_first=True,
        )
        loan_ids = [loan.id for loan in books]
        sums = await self._sums(loan_ids)
        events = await LoanRepository(self._tx).events_of(loan_ids)
        return [_compared(loan, sums.get(loan.id, {}), events.get(loan.id, ())) for loan in books]

    async def _sums(self, loan_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return the balances by loan and account, in the loan's own currency."""
        records = await self._connection.fetch(
            "select loans.id, split_part(entries.account, ':', 1) as account,"
            " sum(entries.amount)::bigint as balance from loans"
            " join journal on journal.loan_id = loans.id"
            " join entries on entries.journal_id = journal.id"
            " and entries.currency = loans.currency"
            " where loans.id = any($1::text[]) group by 1, 2",
            loan_ids,
        )
        sums: dict[str, dict[str, int]] = {}
        for record in records:
            sums.setdefault(record["id"], {})[record["account"]] = record["balance"]
        return sums


def _compared(
    loan: _Books, ledger: Mapping[str, int], events: tuple[LoanEvent, ...]
) -> LoanComparison:
    refusal = principal = None
    accounts: tuple[AccountComparison, ...] = ()
    try:
        stands = position(loan.terms, events, loan.as_of)
    except DomainError as error:
        refusal = error.code
    else:
        principal = stands.principal_outstanding
        accounts = tuple(
            AccountComparison(account=account, ledger=ledger.get(account, 0), position=balance)
            for account, balance in balances(stands).items()
            if account not in _NOT_LISTED
        )
    return LoanComparison(
        id=loan.id,
        currency=loan.currency,
        funder=loan.funder,
        as_of=loan.as_of,
        recorded_at=loan.recorded_at,
        ledger_principal=ledger.get(Account.PRINCIPAL_RECEIVABLE, 0),
        position_principal=principal,
        projected_principal=loan.principal_outstanding,
        accounts=accounts,
        refusal=refusal,
    )
