"""What it takes to settle a loan early, and the settling itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.common.rounding import percent_of
from domain.loans.allocation import Component
from domain.loans.early_settlement import PayoffInterest
from domain.loans.instalment_account import InstalmentAccount
from domain.loans.terms import LoanTerms


@dataclass(slots=True)
class Settlement:
    """The cost by component, in minor units. `unearned` was paid in advance and counts back."""

    principal: int = 0
    interest_due: int = 0
    accrued_interest: int = 0
    fees: int = 0
    settlement_fee: int = 0
    penalty: int = 0
    receivable: int = 0
    unearned: int = 0

    @property
    def owed(self) -> int:
        """Return what is owed before anything counts back."""
        return (
            self.principal
            + self.interest_due
            + self.accrued_interest
            + self.fees
            + self.settlement_fee
            + self.penalty
            + self.receivable
        )

    @property
    def total(self) -> int:
        """Return what settles the loan."""
        return self.owed - self.unearned


def settlement_on(
    terms: LoanTerms, instalments: Sequence[InstalmentAccount], on: date
) -> Settlement:
    """Return what settling on a day costs."""
    cost = Settlement()
    early_principal = 0
    for item in instalments:
        cost.principal += item.principal_unpaid
        cost.penalty += item.penalty_unpaid(on)
        if item.due_on <= on:
            cost.interest_due += item.interest_unpaid
            cost.fees += item.fee_unpaid
            continue
        early_principal += item.principal_unpaid
    until = _interest_until(terms, instalments, on)
    for item in instalments:
        if item.due_on > on:
            interest = item.interest_unpaid - item.unearned_interest(until)
            fee = item.fee_unpaid - item.unearned_fee()
            cost.accrued_interest += max(interest, 0)
            cost.fees += max(fee, 0)
            cost.unearned -= min(interest, 0) + min(fee, 0)
    if early_principal:
        cost.settlement_fee = _fee(terms, early_principal)
    return cost


def settle(terms: LoanTerms, instalments: Sequence[InstalmentAccount], on: date) -> int:
    """Forgo what is not earned and charge the settlement fee; return what counts back."""
    cost = settlement_on(terms, instalments, on)
    until = _interest_until(terms, instalments, on)
    ahead = [item for item in instalments if item.due_on > on]
    for item in ahead:
        item.waived.interest += item.unearned_interest(until)
        item.waived.fee += item.unearned_fee()
        item.refresh()
        item.paid.interest += min(item.interest_unpaid, 0)
        item.paid.fee += min(item.fee_unpaid, 0)
        item.refresh()
    if cost.settlement_fee:
        ahead[0].charge(Component.FEE, cost.settlement_fee)
    for item in ahead:
        item.note_paid(on)
    return cost.unearned


def _interest_until(terms: LoanTerms, instalments: Sequence[InstalmentAccount], on: date) -> date:
    """Return the day up to which a settlement pays interest."""
    match terms.early_settlement.interest:
        case PayoffInterest.TO_DAY:
            return on
        case PayoffInterest.TO_NEXT_DUE:
            ahead = (item.row.period.end for item in instalments if item.due_on > on)
            return max(next(ahead, on), on)
        case _:
            return date.max


def _fee(terms: LoanTerms, principal: int) -> int:
    policy = terms.early_settlement
    if policy.fee_percent is None:
        return policy.fee_amount
    return policy.fee_amount + percent_of(principal, policy.fee_percent, terms.interest_rounding)
