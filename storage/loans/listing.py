# ruff: noqa: S608 -- statements join constant texts; values are always parameters
"""Lists of loans as they stand today, worked out by the database from what is stored of each.

Between two events of a loan its days past due grow and its next due date passes. A list reads when
a loan is past due unless something is paid, and counts from there: it shows on every day what the
loan itself shows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.common.definitions import DefinitionRef
from domain.loans.state import LoanState
from storage.common.repository import Repository
from storage.common.rows import Cursor, RefName, Row

_UNPAID: Final = (
    "principal + interest + fee + penalty - paid_principal - paid_interest - paid_fee"
    " - paid_penalty - waived_principal - waived_interest - waived_fee - waived_penalty"
    " - written_off"
)
_LISTED: Final = (
    "select loans.id, line_id, drawdown_id, currency, principal,"
    " principal_outstanding, disbursed_on, settled_on, recorded_at, servicing,"
    " today.day as business_date, late.days as days_past_due,"
    " case when loans.state in ('settled', 'written_off') then loans.state"
    " when late.days > 0 then 'overdue' else 'current' end as state,"
    " coalesce((select class ->> 'name'"
    " from jsonb_array_elements(terms -> 'delinquency' -> 'classes')"
    " as class where (class ->> 'from_days')::integer <= late.days"
    " order by (class ->> 'from_days')::integer desc limit 1), '') as risk_class,"
    " case when next_due_on < today.day then ahead.due_on else next_due_on end as next_due_on,"
    " case when next_due_on < today.day then ahead.unpaid else next_due_amount end"
    " as next_due_amount,"
    " in_flight.since as waiting_since"
    " from loans"
    " left join unnest($2::text[], $3::date[]) as clock (loan_id, day) on clock.loan_id = loans.id"
    " cross join lateral (select greatest(loans.business_date,"
    " coalesce(clock.day, ($1::timestamptz at time zone loans.zone)::date)) as day) as today"
    " cross join lateral (select case when past_due_from <= today.day"
    " then today.day - past_due_from + past_due_days else 0 end as days) as late"
    f" left join lateral (select due_on, {_UNPAID} as unpaid from instalments"
    " where instalments.loan_id = loans.id and instalments.due_on >= today.day"
    f" and instalments.state <> 'written_off' and {_UNPAID} > 0"
    " order by due_on, number limit 1) as ahead on loans.next_due_on < today.day"
    " left join lateral (select requested_at as since from repayments"
    " where repayments.loan_id = loans.id and repayments.state = 'processing') as in_flight on true"
)
"""Loans on their business dates at the instant $1; $2 and $3: those with clocks of their own."""

_Tests = Iterator[tuple[str, tuple[object, ...]]]
"""Conditions with `{}` for each of their values."""


class LoanWaiting(StrEnum):
    """What a loan waits for: `bank`, to hear what became of a debit."""

    BANK = "bank"


class LoanListRow(Row):
    """A loan in a list on its `business_date`. Amounts in minor units.

    `waiting_since` is when the debit was ordered of which the bank has not said how it ended.
    """

    id: str
    line_id: str
    drawdown_id: str
    currency: str
    principal: int
    state: LoanState
    risk_class: str | None
    days_past_due: int
    principal_outstanding: int
    next_due_on: date | None
    next_due_amount: int | None
    business_date: date
    disbursed_on: date
    settled_on: date | None
    recorded_at: datetime
    servicing: RefName
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class BucketDays:
    """The days past due of a bucket in one policy: from `first` until before `ends`, if it ends."""

    servicing: DefinitionRef
    first: int
    ends: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanFilter:
    """What a list of loans is narrowed to; None: not by this. Bounds are inclusive.

    `bucket` says what a bucket means in each policy that has one of its name.
    """

    channel: str | None = None
    applicant_id: str | None = None
    state: LoanState | None = None
    waiting: LoanWaiting | None = None
    bucket: tuple[BucketDays, ...] | None = None
    risk_class: str | None = None
    days_past_due_from: int | None = None
    days_past_due_to: int | None = None
    due_from: date | None = None
    due_to: date | None = None


class LoanListRepository(Repository):
    """The list of loans."""

    async def page(
        self,
        after: Cursor | None,
        limit: int,
        *,
        now: datetime,
        clocks: Mapping[str, date],
        narrowed: LoanFilter,
    ) -> list[LoanListRow]:
        """Return loans from the newest on, ordered by `recorded_at` and id, as they stand `now`.

        `clocks` are the business dates of loans with a clock of their own (time travel).
        """
        given: list[object] = [now, list(clocks), list(clocks.values())]
        stored = _conditions(given, _of_stored(narrowed, _latest(now, clocks), after))
        shown = _conditions(given, _of_shown(narrowed))
        return await self._all(
            LoanListRow,
            f"select {LoanListRow.columns()} from ({_LISTED}{stored}) as listed{shown}"
            f" order by recorded_at desc, id desc limit ${len(given) + 1}",
            *given,
            limit,
        )

    async def zones_of_unsettled(self, limit: int) -> dict[str, str]:
        """Return the time zones of the newest loans that are not settled, by their ids."""
        records = await self._connection.fetch(
            "select id, zone from loans where state <> 'settled'"
            " order by recorded_at desc limit $1",
            limit,
        )
        return {record["id"]: record["zone"] for record in records}


def _of_stored(narrowed: LoanFilter, latest: date, after: Cursor | None) -> _Tests:
    """Yield what can be found by what is stored; `latest` is no earlier than any loan's today."""
    if after is not None:
        yield "(loans.recorded_at, loans.id::text) < ({}, {}::text)", (after.at, after.id)
    if narrowed.channel is not None:
        yield "loans.channel = {}", (narrowed.channel,)
    if narrowed.applicant_id is not None:
        yield "loans.applicant_id = {}", (narrowed.applicant_id,)
    if narrowed.waiting is not None:
        yield "in_flight.since is not null", ()
    if narrowed.state in (LoanState.SETTLED, LoanState.WRITTEN_OFF):
        yield "loans.state = {}", (narrowed.state,)
    if narrowed.state is LoanState.OVERDUE or (narrowed.days_past_due_from or 0) > 0:
        yield "loans.past_due_from <= {}", (latest,)
    if narrowed.due_to is not None:
        yield "loans.next_due_on <= {}", (narrowed.due_to,)


def _of_shown(narrowed: LoanFilter) -> _Tests:
    """Yield what is only known of a loan on its day."""
    if narrowed.state in (LoanState.CURRENT, LoanState.OVERDUE):
        yield "state = {}", (narrowed.state,)
    if narrowed.risk_class is not None:
        yield "risk_class = {}", (narrowed.risk_class,)
    if narrowed.days_past_due_from is not None:
        yield "days_past_due >= {}", (narrowed.days_past_due_from,)
    if narrowed.days_past_due_to is not None:
        yield "days_past_due <= {}", (narrowed.days_past_due_to,)
    if narrowed.due_from is not None:
        yield "next_due_on >= {}", (narrowed.due_from,)
    if narrowed.due_to is not None:
        yield "next_due_on <= {}", (narrowed.due_to,)
    if narrowed.bucket is not None:
        yield (
            "exists (select from unnest({}::text[], {}::integer[], {}::integer[])"
            " as bucket (servicing, first, ends) where bucket.servicing = listed.servicing"
            " and days_past_due >= first and (ends is null or days_past_due < ends))",
            (
                [str(one.servicing) for one in narrowed.bucket],
                [one.first for one in narrowed.bucket],
                [one.ends for one in narrowed.bucket],
            ),
        )


def _conditions(given: list[object], tests: _Tests) -> str:
    """Return the conditions as the end of a statement, and add their values to those `given`."""
    texts = []
    for text, values in tests:
        places = [f"${len(given) + place}" for place in range(1, len(values) + 1)]
        texts.append(text.format(*places))
        given += values
    return f" where {' and '.join(texts)}" if texts else ""


def _latest(now: datetime, clocks: Mapping[str, date]) -> date:
    """Return a day that no loan is beyond: zones are at most 14 hours ahead of UTC."""
    return max([(now + timedelta(days=1)).date(), *clocks.values()])
