"""The repayment plan that follows from loan terms.

Interest is rounded once an instalment and the last instalment absorbs what rounding leaves over;
rows always equal the agreed number and their principal sums to what was lent.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.calendar import monthly_due_dates
from domain.loan_terms import LoanTerms
from domain.money import Amount, half_up

_MONTHS_PER_YEAR = 12


class PlanRow(BaseModel):
    """One instalment of a plan: amounts in minor units, `days` as they count between due dates."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    due_on: date
    principal: Amount
    interest: Amount
    total: Amount
    balance_after: Amount
    days: int


class Plan(BaseModel):
    """A whole repayment plan. `hash` names its terms and every row: equal hashes, equal plans."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    currency: str
    rows: tuple[PlanRow, ...]
    total_interest: Amount
    total: Amount
    hash: str


def build_plan(terms: LoanTerms) -> Plan:
    """Return the plan that `terms` lead to."""
    rows = plan_rows(terms)
    total_interest = sum(row.interest for row in rows)
    return Plan(
        currency=terms.currency,
        rows=rows,
        total_interest=total_interest,
        total=terms.principal + total_interest,
        hash=plan_hash(terms, rows),
    )


def plan_rows(terms: LoanTerms) -> tuple[PlanRow, ...]:
    """Return the rows of the plan alone, for callers that need no totals and no hash."""
    numerator, denominator = _period_rate(terms)
    instalment = _level_instalment(terms)
    balance = terms.principal
    previous = terms.disbursed_on
    rows = []
    due_dates = monthly_due_dates(terms.first_due_on, terms.due_day, terms.instalments)
    for number, due_on in enumerate(due_dates, start=1):
        interest = half_up(balance * numerator, denominator)
        # A tiny loan's instalment, rounded up, can repay it early: later rows are then empty.
        is_last = number == terms.instalments
        principal = balance if is_last else min(instalment - interest, balance)
        balance -= principal
        rows.append(
            PlanRow(
                number=number,
                due_on=due_on,
                principal=principal,
                interest=interest,
                total=principal + interest,
                balance_after=balance,
                days=(due_on - previous).days,
            )
        )
        previous = due_on
    return tuple(rows)


def plan_hash(terms: LoanTerms, rows: Sequence[PlanRow]) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of `terms` and `rows`.

    Terms left at their default do not enter, so that a term added later with a default leaves the
    hashes of plans already signed as they are.
    """
    canonical = {
        "terms": terms.model_dump(mode="json", exclude_defaults=True),
        "rows": [
            [row.number, row.due_on.isoformat(), row.principal, row.interest, row.balance_after]
            for row in rows
        ],
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def same_amounts(plan_a: Plan, plan_b: Plan) -> bool:
    """Say whether two plans charge the same, instalment by instalment; due dates may differ.

    A quote made one day and disbursed the next may shift its dates but never its amounts.
    """
    return plan_a.currency == plan_b.currency and _amounts(plan_a) == _amounts(plan_b)


def _amounts(plan: Plan) -> list[tuple[int, int]]:
    return [(row.principal, row.interest) for row in plan.rows]


def _period_rate(terms: LoanTerms) -> tuple[int, int]:
    """Return the rate of one month as an exact fraction."""
    numerator, denominator = terms.annual_rate.as_integer_ratio()
    return numerator, denominator * 100 * _MONTHS_PER_YEAR


def _level_instalment(terms: LoanTerms) -> int:
    """Return P·i·(1+i)^n / ((1+i)^n - 1), or P/n without interest, in integers and rounded once."""
    numerator, denominator = _period_rate(terms)
    if numerator == 0:
        return half_up(terms.principal, terms.instalments)
    grown = (denominator + numerator) ** terms.instalments
    base = denominator**terms.instalments
    return half_up(terms.principal * numerator * grown, denominator * (grown - base))
