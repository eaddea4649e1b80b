# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Repayments: at most one of a loan is in flight."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import Json

from domain.loans.payoff import PayoffQuote
from domain.loans.repayment import RepaymentInFlight
from messages.loans import RepaymentSource
from storage.common.errors import IdempotencyMismatch
from storage.common.repository import TableRepository
from storage.common.rows import Cursor, Row


class RepaymentState(StrEnum):
    """A repayment is processing until its debit ended."""

    PROCESSING = "processing"
    SETTLED = "settled"
    FAILED = "failed"


class RepaymentRow(Row):
    """A repayment; `amount` in minor units."""

    id: str
    loan_id: str
    source: RepaymentSource
    order_no: str
    currency: str
    amount: int
    payoff_quote: Json[PayoffQuote] | None
    state: RepaymentState
    reason: str | None
    requested_on: date
    settled_on: date | None
    requested_at: datetime
    changed_at: datetime


class RepaymentRepository(TableRepository[RepaymentRow]):
    """Repayments by debit, from the request to their one end: settled or failed."""

    table = "repayments"
    row = RepaymentRow

    async def request(
        self,
        *,
        repayment_id: str,
        loan_id: str,
        source: RepaymentSource,
        order_no: str,
        currency: str,
        amount: int,
        requested_on: date,
        payoff: PayoffQuote | None = None,
    ) -> RepaymentRow:
        """Record a repayment before its debit is sent; a repeat returns the recorded one.

        Raises `RepaymentInFlight` while another one of the loan has not ended and
        `IdempotencyMismatch` when the id names a repayment of another content.
        """
        inserted = await self._one(
            RepaymentRow,
            "insert into repayments (id, loan_id, source, order_no, currency, amount, payoff_quote,"
            " state, requested_on) values ($1, $2, $3, $4, $5, $6, $7, 'processing', $8)"
            f" on conflict do nothing returning {RepaymentRow.columns()}",
            repayment_id,
            loan_id,
            source,
            order_no,
            currency,
            amount,
            payoff.model_dump_json() if payoff else None,
            requested_on,
        )
        row = inserted or await self.get(repayment_id)
        if row is None:
            raise RepaymentInFlight(f"another repayment of {loan_id} is in flight")
        if (row.loan_id, row.source, row.order_no, row.amount) != (
            loan_id,
            source,
            order_no,
            amount,
        ):
            raise IdempotencyMismatch(f"{repayment_id} repays something else")
        return row

    async def in_flight(self, loan_id: str) -> RepaymentRow | None:
        """Return the repayment of a loan that has not ended, None if there is none."""
        return await self._find("loan_id = $1 and state = 'processing'", loan_id)

    async def by_order(self, order_no: str) -> RepaymentRow | None:
        """Return the repayment that an order debits, None if there is none."""
        return await self._find("order_no = $1", order_no)

    async def settle(self, repayment_id: str, on: date) -> bool:
        """Record that the money came; False, and nothing changes, unless it was in flight."""
        settled = await self._connection.fetchval(
            "update repayments set state = 'settled', settled_on = $2, changed_at = now()"
            " where id = $1 and state = 'processing' returning true",
            repayment_id,
            on,
        )
        return settled is True

    async def fail(self, repayment_id: str, reason: str) -> bool:
        """Record that no money came; False, and nothing changes, unless it was in flight."""
        failed = await self._connection.fetchval(
            "update repayments set state = 'failed', reason = $2, changed_at = now()"
            " where id = $1 and state = 'processing' returning true",
            repayment_id,
            reason,
        )
        return failed is True

    async def of_loan(self, loan_id: str) -> list[RepaymentRow]:
        """Return a loan's repayments, the newest first."""
        return await self._list(
            "loan_id = $1 order by requested_on desc, requested_at desc, id", loan_id
        )

    async def page(
        self,
        after: Cursor | None,
        limit: int,
        *,
        loan_id: str | None = None,
        state: RepaymentState | None = None,
        channel: str | None = None,
        applicant_id: str | None = None,
    ) -> list[RepaymentRow]:
        """Return repayments from the newest on, ordered by `requested_at` and id."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            order=("requested_at", "id"),
            filters={
                "loan_id = {}": loan_id,
                "state = {}": state,
                "channel = {}": channel,
                "loan_id in (select id from loans where applicant_id = {})": applicant_id,
            },
        )
