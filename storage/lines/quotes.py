"""Trial plans that a borrower was shown."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import Json

from domain.common.definitions import DefinitionRef
from domain.loans.schedule import Plan
from domain.loans.terms import LoanTerms
from domain.pricing.cost_sheet import CostSheet
from domain.pricing.rate_caps import CapFinding
from storage.common.errors import IdempotencyMismatch
from storage.common.repository import TableRepository
from storage.common.rows import RefName, Row


class QuoteRow(Row):
    """A quote: the terms, the plan that follows from them and its hash; `amount` in minor units.

    `cost_sheet` is the all-in cost sheet that was shown with it, if the loan has an annual cost,
    `cap_warnings` are the soft rate caps that the plan is above, `rate_caps` names the version of
    the caps that it was found within.
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
    cap_warnings: Json[tuple[CapFinding, ...]]
    rate_caps: RefName | None


class QuoteRepository(TableRepository[QuoteRow]):
    """Quotes as they were shown: the plan with its costs, never changed."""

    table = "quotes"
    row = QuoteRow

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
        cap_warnings: Sequence[CapFinding] = (),
    ) -> QuoteRow:
        """Record a quote; a repeat returns the recorded one.

        Raises `IdempotencyMismatch` when the id names another plan or line.
        """
        inserted = await self._insert_row(
            id=quote_id,
            line_id=line_id,
            currency=terms.currency,
            amount=terms.principal,
            terms=terms,
            plan=plan,
            plan_hash=plan.hash,
            quoted_at=quoted_at,
            expires_at=expires_at,
            cost_sheet=cost_sheet,
            cost_sheet_hash=None if cost_sheet is None else cost_sheet.hash,
            cap_warnings=json.dumps([one.model_dump(mode="json") for one in cap_warnings]),
            rate_caps=rate_caps,
        )
        row = inserted or await self.get(quote_id)
        if row is None or (row.line_id, row.plan_hash) != (line_id, plan.hash):
            raise IdempotencyMismatch(f"{quote_id} quotes something else")
        return row
