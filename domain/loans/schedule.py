"""The repayment plan that follows from loan terms.

Interest is rounded once an instalment and one instalment absorbs what rounding leaves over; rows
always equal the agreed number and their principal sums to what was lent.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.common.data import Data
from domain.common.errors import InvalidTerms
from domain.common.money import Amount
from domain.loans.accrual import Accrual
from domain.loans.amortisation import Row
from domain.loans.fees import FeeTiming, total_of
from domain.loans.loan_schedule import LoanSchedule
from domain.loans.terms import LoanTerms


@dataclass(slots=True)
class PlanRow:
    """One instalment of a plan: amounts in minor units, `days` from due date to due date.

    `interest` is the sum of the pieces in `arithmetic`, rounded once. An instalment that collects
    no interest yet (grace, holiday) has no pieces: a later one has them. `carried` is what of it is
    left to the next instalment, because the level one is too low: the interest of a row is that of
    its pieces, with what the row before carried and without what it carries itself. Row 0 is a down
    payment.
    """

    # Not frozen, as `Accrual`: plans have hundreds, which nobody changes once they are made.

    number: int
    due_on: date
    principal: Amount
    interest: Amount
    total: Amount
    balance_after: Amount
    days: int
    fee: Amount = 0
    arithmetic: tuple[Accrual, ...] = ()
    carried: Amount = 0


class Plan(Data):
    """A whole repayment plan. `hash` names its terms and every row: equal hashes, equal plans.

    `deducted` are the fees taken out of the proceeds; they are part of `total_fees` and `total`.
    """

    currency: str
    rows: tuple[PlanRow, ...]
    total_interest: Amount
    total_fees: Amount = 0
    deducted: Amount = 0
    total: Amount
    hash: str


def build_plan(terms: LoanTerms) -> Plan:
    """Return the plan that `terms` lead to.

    Raises `InvalidTerms` for what only shows when planning: a fixed instalment that never repays
    the loan, a holiday that leaves nothing to pay, a tranche after the last due date.
    """
    rows = plan_rows(terms)
    total_interest = sum(row.interest for row in rows)
    deducted = deducted_fees(terms)
    total_fees = deducted + sum(row.fee for row in rows)
    return Plan.model_construct(
        currency=terms.currency,
        rows=rows,
        total_interest=total_interest,
        total_fees=total_fees,
        deducted=deducted,
        total=terms.principal + total_interest + total_fees,
        hash=plan_hash(terms, rows),
    )


def plan_rows(terms: LoanTerms) -> tuple[PlanRow, ...]:
    """Return the rows of the plan alone, for callers that need no totals and no hash."""
    schedule = LoanSchedule(terms)
    schedule.disburse(terms.disbursed_on, terms.first_disbursement)
    for tranche in terms.tranches:
        schedule.disburse(tranche.on, tranche.amount, tranche.down_payment)
    previous = terms.disbursed_on
    if terms.explicit:
        _refuse_unkept(terms, schedule.rows)
    rows = []
    for row in schedule.rows:
        due_on = row.period.due_on
        days = (due_on - previous).days
        previous = due_on
        principal, interest, fee = row.principal, row.interest, row.fee
        rows.append(
            PlanRow(
                row.period.number,
                due_on,
                principal,
                interest,
                principal + interest + fee,
                row.balance_after,
                days,
                fee,
                row.accruals,
                row.carried,
            )
        )
    return tuple(rows)


def _refuse_unkept(terms: LoanTerms, rows: Sequence[Row]) -> None:
    """Refuse listed instalments that the loan cannot keep: less than the interest, or too much."""
    for row in rows:
        agreed = row.period.agreed
        if agreed is None or not (row.period.pays_principal and row.period.pays_interest):
            continue
        left = row.balance_after + row.principal
        reason = None
        if agreed.total is None and agreed.principal is None:
            if not left and terms.principal > terms.down_payment:
                reason = "the ones before it leave nothing to repay: leave it out"
        elif agreed.principal not in (None, row.principal):
            reason = f"its principal is {agreed.principal}, and only {left} is left to repay"
        elif agreed.total is not None and agreed.total < row.interest:
            reason = f"its total of {agreed.total} does not pay its interest of {row.interest}"
        elif agreed.total not in (None, row.principal + row.interest):
            reason = f"its total is {agreed.total}, and only {left + row.interest} is left to pay"
        if reason is not None:
            number = row.period.number
            raise InvalidTerms(
                f"instalment {number} of explicit: {reason}", field=f"explicit.{number - 1}"
            )


def deducted_fees(terms: LoanTerms) -> int:
    """Return the fees that the first disbursement is reduced by."""
    if not terms.fees:
        return 0
    return total_of(terms.fees, FeeTiming.DEDUCTED, terms.principal, terms.interest_rounding)


def plan_hash(terms: LoanTerms, rows: Sequence[PlanRow]) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of `terms` and `rows`.

    Terms left at their default do not enter, so that a term added later with a default leaves the
    hashes of plans already signed as they are.
    """
    agreed = terms.model_dump(mode="json", exclude_defaults=True)
    written = json.dumps(agreed, sort_keys=True, separators=(",", ":"))
    listed = ",".join(
        f'[{row.number},"{row.due_on}",{row.principal},{row.interest},{row.balance_after}'
        + (f",{row.fee}]" if row.fee else "]")
        for row in rows
    )
    return hashlib.sha256(f'{{"rows":[{listed}],"terms":{written}}}'.encode()).hexdigest()


def same_amounts(plan_a: Plan, plan_b: Plan) -> bool:
    """Say whether two plans charge the same, instalment by instalment; due dates may differ.

    A quote made one day and disbursed the next may shift its dates but never its amounts.
    """
    return plan_a.currency == plan_b.currency and _amounts(plan_a) == _amounts(plan_b)


def _amounts(plan: Plan) -> list[tuple[int, int, int]]:
    return [(row.principal, row.interest, row.fee) for row in plan.rows]
