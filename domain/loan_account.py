"""The running account of a loan: its events folded in order, one instalment at a time.

This is the one place that allocates money. Everything shown elsewhere is read from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from domain.errors import DisbursementMismatch
from domain.loan_events import Disbursed, LoanEvent, Paid, PaidOff, events_in_force
from domain.loan_terms import LoanTerms
from domain.money import half_up
from domain.schedule import PlanRow, plan_rows

_DAYS_PER_YEAR = 365


@dataclass(slots=True)
class InstalmentAccount:
    """What one instalment owes and got. Days are always counted to a given date."""

    terms: LoanTerms
    row: PlanRow
    starts_on: date
    principal_paid: int = 0
    interest_paid: int = 0
    penalty_paid: int = 0
    interest_waived: int = 0
    late_principal_days: int = 0
    paid_on: date | None = None

    @property
    def principal_unpaid(self) -> int:
        """Return the principal still owed."""
        return self.row.principal - self.principal_paid

    @property
    def interest_unpaid(self) -> int:
        """Return the interest of the whole period still owed."""
        return self.row.interest - self.interest_waived - self.interest_paid

    def penalty(self, on: date) -> int:
        """Return all penalty earned up to `on`, rounded once, paid or not."""
        late = self.late_principal_days + self.principal_unpaid * self._penalty_days(on)
        if not late:
            return 0
        numerator, denominator = self.terms.penalty_annual_rate.as_integer_ratio()
        return half_up(late * numerator, denominator * 100 * _DAYS_PER_YEAR)

    def penalty_unpaid(self, on: date) -> int:
        """Return the penalty earned up to `on` and still owed."""
        return self.penalty(on) - self.penalty_paid

    def unpaid(self, on: date) -> int:
        """Return everything still owed, with penalty up to `on`."""
        return self.penalty_unpaid(on) + self.interest_unpaid + self.principal_unpaid

    def accrued_interest(self, on: date) -> int:
        """Return the interest earned by `on`: by actual days over the days of the period."""
        if on >= self.row.due_on:
            return self.row.interest
        elapsed = max((on - self.starts_on).days, 0)
        return half_up(self.row.interest * elapsed, self.row.days)

    def pay(self, funds: int, on: date) -> int:
        """Take what is owed out of `funds`, penalty, interest, principal; return what is left."""
        if self.paid_on is not None:
            return funds
        penalty = min(funds, self.penalty_unpaid(on))
        interest = min(funds - penalty, self.interest_unpaid)
        principal = min(funds - penalty - interest, self.principal_unpaid)
        self.penalty_paid += penalty
        self.interest_paid += interest
        self.principal_paid += principal
        self.late_principal_days += principal * self._penalty_days(on)
        taken = penalty + interest + principal
        if taken and not self.unpaid(on):
            self.paid_on = on
        return funds - taken

    def waive_unearned_interest(self, on: date) -> None:
        """Forgo the interest that has not been earned by `on`."""
        self.interest_waived = self.row.interest - self.accrued_interest(on)

    def _penalty_days(self, on: date) -> int:
        days = (on - self.row.due_on).days
        return days if days > self.terms.grace_days else 0


class LoanAccount:
    """A loan's money up to some day, built by applying its events in order."""

    def __init__(self, terms: LoanTerms) -> None:
        self.terms = terms
        self.disbursed = 0
        self.received = 0
        self.credit = 0
        self.instalments: tuple[InstalmentAccount, ...] = ()

    def apply(self, event: Disbursed | Paid | PaidOff) -> None:
        """Take one event; they come in the order in which they count."""
        self.advance(event.on)
        match event:
            case Disbursed():
                self._disburse(event)
            case Paid():
                self._receive(event.amount, event.on)
            case PaidOff():
                self._pay_off(event.amount, event.on)

    def advance(self, on: date) -> None:
        """Let the days pass up to `on`: credit held pays each instalment on its due date."""
        for instalment in self.instalments:
            if not self.credit or instalment.row.due_on > on:
                return
            self.credit = instalment.pay(self.credit, instalment.row.due_on)

    @property
    def is_open(self) -> bool:
        """Say whether the loan owes anything, due or not; penalty is never owed alone."""
        return any(
            instalment.principal_unpaid or instalment.interest_unpaid
            for instalment in self.instalments
        )

    def payoff_cost(self, on: date) -> int:
        """Return what settling the open loan on `on` costs, before credit held."""
        return sum(
            instalment.penalty_unpaid(on)
            + instalment.accrued_interest(on)
            - instalment.interest_paid
            + instalment.principal_unpaid
            for instalment in self.instalments
        )

    def _disburse(self, event: Disbursed) -> None:
        if self.disbursed:
            raise DisbursementMismatch(f"{event.key} disburses a loan that was disbursed before")
        if (event.on, event.amount) != (self.terms.disbursed_on, self.terms.principal):
            raise DisbursementMismatch(
                f"{event.key} disburses {event.amount} on {event.on}; the terms say "
                f"{self.terms.principal} on {self.terms.disbursed_on}"
            )
        self.disbursed = event.amount
        self.instalments = _open_instalments(self.terms)

    def _receive(self, amount: int, on: date) -> None:
        self.received += amount
        funds = self.credit + amount
        for instalment in self.instalments:
            if not funds or instalment.row.due_on > on:
                break
            funds = instalment.pay(funds, on)
        self.credit = funds

    def _pay_off(self, amount: int, on: date) -> None:
        if not self.is_open or self.credit + amount < self.payoff_cost(on):
            self._receive(amount, on)
            return
        self.received += amount
        funds = self.credit + amount
        for instalment in self.instalments:
            instalment.waive_unearned_interest(on)
            funds = instalment.pay(funds, on)
        self.credit = funds


def replay(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> LoanAccount:
    """Return the account at the end of `as_of`; raises what `events_in_force` and `apply` raise."""
    account = LoanAccount(terms)
    for event in events_in_force(events, as_of):
        account.apply(event)
    account.advance(as_of)
    return account


def _open_instalments(terms: LoanTerms) -> tuple[InstalmentAccount, ...]:
    rows = plan_rows(terms)
    starts = (terms.disbursed_on, *(row.due_on for row in rows))
    return tuple(
        InstalmentAccount(terms=terms, row=row, starts_on=start)
        for row, start in zip(rows, starts, strict=False)
    )
