"""What lateness costs as days pass: a fee for a missed instalment, penalty on the whole balance."""

from collections.abc import Iterable
from datetime import date, timedelta

from domain.loans.allocation import Component
from domain.loans.instalment_account import InstalmentAccount
from domain.loans.penalty import bearing_days
from domain.loans.penalty_terms import PenaltyBase
from domain.loans.terms import LoanTerms


class Lateness:
    """The lateness of one loan; days pass in order, and nothing else happens within them."""

    def __init__(self, terms: LoanTerms) -> None:
        self._terms = terms
        self._fees: list[int] = []
        self._looked_at: set[int] = set()
        self._borne_to = date.min

    @property
    def costs(self) -> bool:
        """Say whether there is anything to do as days pass."""
        on_balance = self._terms.penalty_base is PenaltyBase.BALANCE
        return self._terms.late_fee is not None or on_balance

    def pass_to(self, on: date, instalments: Iterable[InstalmentAccount], balance: int) -> None:
        """Let the days pass up to `on`: what was unpaid before that day counts."""
        late = [item for item in instalments if item.due_on < on and item.row.period.number]
        self._charge_fees(on, late)
        if self._terms.penalty_base is PenaltyBase.BALANCE:
            self._bear(on, late, balance)

    def _charge_fees(self, on: date, late: list[InstalmentAccount]) -> None:
        policy = self._terms.late_fee
        if policy is None:
            return
        for item in late:
            charged_on = item.due_on + timedelta(days=policy.after_days + 1)
            number = item.row.period.number
            if charged_on > on or number in self._looked_at:
                continue
            self._looked_at.add(number)
            unpaid, fee = _unpaid(item), 0
            if unpaid > 0:
                fee = policy.of(
                    unpaid=unpaid,
                    asked=item.asked,
                    charged=self._fees,
                    rounding=self._terms.interest_rounding,
                )
            if fee > 0:
                self._fees.append(fee)
                with item.bearing(charged_on):
                    item.charge(Component.FEE, fee)

    def _bear(self, on: date, late: list[InstalmentAccount], balance: int) -> None:
        """Have the oldest late instalment bear the penalty of the days since it was counted."""
        oldest = next(
            (
                item
                for item in late
                if item.principal_unpaid or item.interest_unpaid or item.fee_unpaid
            ),
            None,
        )
        if oldest is None or (on - oldest.due_on).days <= self._terms.grace_days:
            return
        since = max(oldest.due_on, self._borne_to)
        oldest.late_base_days += balance * bearing_days(self._terms, oldest.due_on, since, on)
        self._borne_to = on


def _unpaid(item: InstalmentAccount) -> int:
    return item.principal_unpaid + item.interest_unpaid + item.fee_unpaid
