# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Loans: their terms, their append-only events, and the projection of where they stand."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Final

from pydantic import Json, TypeAdapter

from domain.common.definitions import DefinitionRef
from domain.common.errors import ConflictingEvent
from domain.loans.bank_accounts import BankAccounts
from domain.loans.events import LoanEvent
from domain.loans.position import InstalmentPosition, InstalmentState, Position
from domain.loans.schedule import Plan
from domain.loans.state import LoanState, PastDue, state_of
from domain.loans.terms import LoanTerms
from storage.common.errors import IdempotencyMismatch
from storage.common.repository import TableRepository, stored
from storage.common.rows import RefName, Row

OWN_FUNDS: Final = "own"
"""The funder of a loan that the lender funds itself."""

_EVENT: Final[TypeAdapter[LoanEvent]] = TypeAdapter(LoanEvent)

_PROJECTED: Final = {
    "due_on": ("due_on", "date"),
    "principal": ("principal", "bigint"),
    "interest": ("interest", "bigint"),
    "fee": ("fee", "bigint"),
    "penalty": ("penalty", "bigint"),
    "paid_principal": ("principal_paid", "bigint"),
    "paid_interest": ("interest_paid", "bigint"),
    "paid_fee": ("fee_paid", "bigint"),
    "paid_penalty": ("penalty_paid", "bigint"),
    "waived_principal": ("principal_waived", "bigint"),
    "waived_interest": ("interest_waived", "bigint"),
    "waived_fee": ("fee_waived", "bigint"),
    "waived_penalty": ("penalty_waived", "bigint"),
    "written_off": ("written_off", "bigint"),
    "state": ("state", "text"),
    "paid_on": ("paid_on", "date"),
}
"""The columns of an instalment: the attribute of its position and the type of each."""

_INSTALMENT: Final = ", ".join(_PROJECTED)
_ATTRIBUTES: Final = ("number", *(attribute for attribute, _ in _PROJECTED.values()))
_TYPES: Final = ("integer", *(kind for _, kind in _PROJECTED.values()))
_ARRAYS: Final = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, start=2))
_WRITE_INSTALMENTS: Final = (
    "with gone as (delete from instalments where loan_id = $1 and number <> all($2::integer[]))"
    f" insert into instalments (loan_id, number, {_INSTALMENT})"
    f" select $1, * from unnest({_ARRAYS})"
    " on conflict (loan_id, number) do update set "
    + ", ".join(f"{column} = excluded.{column}" for column in _PROJECTED)
    + " where instalments is distinct from excluded"
)


class LoanRow(Row):
    """A loan and the summary of its position on `business_date`. Amounts in minor units.

    `funder` is the code of whoever lends the money, `own` for the lender itself; through
    `bank_accounts`, if they are named, the money moves. `episode` counts its overdue episodes.
    `zone` is where its business dates are; it is collected by `ladder`, serviced by `servicing`.
    """

    id: str
    drawdown_id: str
    line_id: str
    applicant_id: str
    currency: str
    principal: int
    terms: Json[LoanTerms]
    plan: Json[Plan]
    plan_hash: str
    state: LoanState
    bucket: str
    days_past_due: int
    principal_outstanding: int
    next_due_on: date | None
    next_due_amount: int | None
    business_date: date
    disbursed_on: date
    settled_on: date | None
    state_seq: int
    recorded_at: datetime
    funder: str
    bank_accounts: Json[BankAccounts] | None
    episode: int
    zone: str
    ladder: RefName
    servicing: RefName


class InstalmentRow(Row):
    """One instalment on the loan's `business_date`: amounts include what was waived of them."""

    number: int
    due_on: date
    principal: int
    interest: int
    waived_interest: int
    penalty: int
    paid_principal: int
    paid_interest: int
    paid_penalty: int
    state: InstalmentState
    paid_on: date | None
    fee: int
    paid_fee: int
    waived_principal: int
    waived_fee: int
    waived_penalty: int
    written_off: int


class LoanRepository(TableRepository[LoanRow]):
    """Loans with their append-only events; the projection is computed from these."""

    table = "loans"
    row = LoanRow

    async def book(
        self,
        *,
        loan_id: str,
        drawdown_id: str,
        line_id: str,
        applicant_id: str,
        terms: LoanTerms,
        plan: Plan,
        zone: str,
        ladder: DefinitionRef,
        servicing: DefinitionRef,
        funder: str = OWN_FUNDS,
        bank_accounts: BankAccounts | None = None,
    ) -> LoanRow:
        """Record a loan on its day of disbursement; a repeat returns the recorded one.

        Raises `IdempotencyMismatch` when the drawdown became another loan.
        """
        inserted = await self._one(
            LoanRow,
            "insert into loans (id, drawdown_id, line_id, applicant_id, currency, principal, terms,"
            " plan, plan_hash, state, principal_outstanding, next_due_on, next_due_amount,"
            " business_date, disbursed_on, funder, bank_accounts, zone, ladder, servicing)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'current', $6, $10, $11, $12, $12, $13,"
            " $14, $15, $16, $17)"
            f" on conflict do nothing returning {LoanRow.columns()}",
            loan_id,
            drawdown_id,
            line_id,
            applicant_id,
            terms.currency,
            terms.principal,
            terms.model_dump_json(),
            plan.model_dump_json(),
            plan.hash,
            plan.rows[0].due_on,
            plan.rows[0].total,
            terms.disbursed_on,
            funder,
            stored(bank_accounts),
            zone,
            str(ladder),
            str(servicing),
        )
        row = inserted or await self.get(loan_id)
        if row is None or row.drawdown_id != drawdown_id:
            raise IdempotencyMismatch(f"{drawdown_id} became another loan than {loan_id}")
        return row

    async def events(self, loan_id: str) -> tuple[LoanEvent, ...]:
        """Return the loan's events in the order in which they were recorded."""
        records = await self._connection.fetch(
            "select event from loan_events where loan_id = $1 order by sequence", loan_id
        )
        return tuple(_EVENT.validate_json(record["event"]) for record in records)

    async def events_of(
        self, loan_ids: Sequence[str], booked_until: date | None = None
    ) -> dict[str, tuple[LoanEvent, ...]]:
        """Return the events of several loans, in one statement; a loan without any is left out.

        `booked_until` leaves out what the books took in after that day.
        """
        records = await self._connection.fetch(
            "select loan_id, event from loan_events where loan_id = any($1::text[])"
            " and ($2::date is null or booked_on <= $2) order by loan_id, sequence",
            loan_ids,
            booked_until,
        )
        return {
            loan_id: tuple(_EVENT.validate_json(record["event"]) for record in of_loan)
            for loan_id, of_loan in groupby(records, lambda record: record["loan_id"])
        }

    async def event(self, event_key: str) -> LoanEvent | None:
        """Return the event recorded under a business key, None if there is none."""
        text = await self._connection.fetchval(
            "select event from loan_events where event_key = $1", event_key
        )
        return None if text is None else _EVENT.validate_json(text)

    async def append_event(
        self, loan_id: str, event: LoanEvent, booked_on: date | None = None
    ) -> bool:
        """Record an event; False when it is recorded already.

        `booked_on` is the day on which it enters the books, its own unless it is backdated.
        Raises `ConflictingEvent` when its key names another event.
        """
        inserted = await self._connection.fetchval(
            "insert into loan_events (loan_id, event_key, kind, business_date, booked_on, event)"
            " values ($1, $2, $3, $4, $5, $6) on conflict (event_key) do nothing returning true",
            loan_id,
            event.key,
            event.kind,
            event.on,
            booked_on or event.on,
            event.model_dump_json(),
        )
        if inserted:
            return True
        if await self.event(event.key) != event:
            raise ConflictingEvent(f"{event.key} is recorded with another content", field="key")
        return False

    async def project(
        self,
        loan_id: str,
        position: Position,
        bucket: str,
        late: PastDue | None,
        business_date: date,
        state_seq: int,
    ) -> bool:
        """Write where the loan stands; False, and nothing changes, if a later state is written.

        `late` is when it is past due unless something is paid, by which lists know it later.
        """
        due = position.next_due
        written = await self._connection.fetchval(
            "update loans set state = $2, bucket = $3, days_past_due = $4,"
            " principal_outstanding = $5, next_due_on = $6, next_due_amount = $7,"
            " business_date = $8, settled_on = $9, state_seq = $10,"
            " past_due_from = $11, past_due_days = $12"
            " where id = $1 and state_seq <= $10 returning true",
            loan_id,
            state_of(position),
            bucket,
            position.days_past_due,
            position.principal_outstanding,
            due.on if due else None,
            due.amount if due else None,
            business_date,
            position.settled_on,
            state_seq,
            late.since if late else None,
            late.days if late else None,
        )
        if written:
            await self._write_instalments(loan_id, position.instalments)
        return written is True

    async def note_episode(self, loan_id: str, episode: int) -> None:
        """Record that the loan's overdue episode of this number began."""
        await self._connection.execute(
            "update loans set episode = greatest(episode, $2) where id = $1", loan_id, episode
        )

    async def instalments(self, loan_id: str) -> list[InstalmentRow]:
        """Return the loan's instalments as last projected."""
        return await self._all(
            InstalmentRow,
            f"select number, {_INSTALMENT} from instalments where loan_id = $1 order by number",
            loan_id,
        )

    async def any_overdue(self, applicant_id: str, on: date) -> bool:
        """Say whether a loan of the applicant is overdue on a day, or written off."""
        overdue: bool = await self._connection.fetchval(
            "select exists (select from loans where applicant_id = $1"
            " and (state in ('overdue', 'written_off') or past_due_from <= $2))",
            applicant_id,
            on,
        )
        return overdue

    async def _write_instalments(
        self, loan_id: str, instalments: Sequence[InstalmentPosition]
    ) -> None:
        """Write the instalments and take out those that a new plan no longer has."""
        columns = [getattr(item, name) for name in _ATTRIBUTES for item in instalments]
        count = len(instalments)
        await self._connection.execute(
            _WRITE_INSTALMENTS,
            loan_id,
            *(columns[start : start + count] for start in range(0, len(columns), count or 1)),
        )
