# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Trial plans that a borrower was shown."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydantic import Json

from domain.common.definitions import DefinitionRef
from domain.loans.schedule import Plan
from domain.loans.terms import LoanTerms
from domain.pricing.cost_sheet import CostSheet
from storage.common.errors import IdempotencyMismatch
from storage.common.repository import Repository
from storage.common.rows import Row

if TYPE_CHECKING:
    pass

_COLUMNS: Final = (
    "id, line_id, currency, amount, terms, plan, plan_hash, quoted_at, expires_at, cost_sheet,"
    " cost_sheet_hash, rate_caps"
)


class QuoteRow(Row):
    """A quote: the terms, the plan that follows from them and its hash; `amount` in minor units.

    `cost_sheet` is the all-in cost sheet that was shown with it, if the loan has an annual cost.
    `rate_caps` names the version of the caps that the plan was found within.
    """

    id: str
    line_id: str
    currency: str
    amount: int
    terms: Json[LoanTerms]
    plan: Json[Plan]
    plan_hash: str
    quoted_at: datetime
    expires_at: datetime
    cost_sheet: Json[CostSheet] | None
    cost_sheet_hash: str | None
    rate_caps: str | None


class QuoteRepository(Repository):
    """The quotes."""

    async def insert(
        self,
        *,
        quote_id: str,
        line_id: str,
        terms: LoanTerms,
        plan: Plan,
        quoted_at: datetime,
        expires_at: datetime,
        rate_caps: DefinitionRef,
        cost_sheet: CostSheet | None = None,
    ) -> QuoteRow:
        """Record a quote; a repeat returns the recorded one.

        Raises `IdempotencyMismatch` when the id names another plan or line.
        """
        record = await self._connection.fetchrow(
            f"insert into quotes ({_COLUMNS})"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            f" on conflict (id) do nothing returning {_COLUMNS}",
            quote_id,
            line_id,
            terms.currency,
            terms.principal,
            terms.model_dump_json(),
            plan.model_dump_json(),
            plan.hash,
            quoted_at,
            expires_at,
            None if cost_sheet is None else cost_sheet.model_dump_json(),
            None if cost_sheet is None else cost_sheet.hash,
            str(rate_caps),
        )
        row = QuoteRow.read_if_any(record) or await self.get(quote_id)
        if row is None or (row.line_id, row.plan_hash) != (line_id, plan.hash):
            raise IdempotencyMismatch(f"{quote_id} quotes something else")
        return row

    async def get(self, quote_id: str) -> QuoteRow | None:
        """Return the quote, None if unknown."""
        return QuoteRow.read_if_any(
            await self._connection.fetchrow(
                f"select {_COLUMNS} from quotes where id = $1", quote_id
            )
        )
