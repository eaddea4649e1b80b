"""What one instalment owes and got."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from domain.common.rounding import round_ratio
from domain.loans.accrual import total, until
from domain.loans.allocation import Component
from domain.loans.amortisation import Row
from domain.loans.penalty import penalty_base, penalty_days, penalty_interest
from domain.loans.terms import LoanTerms


@dataclass(slots=True)
class Amounts:
    """Minor units by component."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0

    @property
    def total(self) -> int:
        """Return the sum of the components."""
        return self.principal + self.interest + self.fee + self.penalty

    def add(self, component: Component, amount: int) -> None:
        """Add to one component."""
        setattr(self, component, getattr(self, component) + amount)


_NOTHING: Final = Amounts()
"""Never changed, but replaced: most instalments settle nothing before their time."""

Redated = Mapping[int, tuple[date, date]]
"""Due dates that were moved: by instalment, the day of the plan and the day in its place."""


@dataclass(slots=True)
class InstalmentAccount:
    """One instalment: what its row asks for and what became of it.

    `settled` is what no plan asks for any more: principal that an excess rule repaid early (it
    belongs to the instalment that ran then), and all that a payoff settled or a write-off gave up;
    `kept` is what was paid of it, `forgone` what was waived. `charged` came on top of the row,
    `moved` went into a new plan. `grown` is interest of days after the due date, which bears no
    penalty. `late_base_days` sums the days of lateness of amounts that bore penalty until they were
    covered, `redated` is the loan's. `principal`, `interest` and `fee` are what the instalment asks
    for in all.
    """

    terms: LoanTerms
    row: Row
    settled: Amounts = field(default_factory=lambda: _NOTHING)
    kept: Amounts = field(default_factory=lambda: _NOTHING)
    forgone: Amounts = field(default_factory=lambda: _NOTHING)
    charged: Amounts = field(default_factory=Amounts)
    moved: Amounts = field(default_factory=Amounts)
    paid: Amounts = field(default_factory=Amounts)
    waived: Amounts = field(default_factory=Amounts)
    written_off: Amounts = field(default_factory=Amounts)
    grown: int = 0
    late_base_days: int = 0
    penalty_fixed: int | None = None
    paid_on: date | None = None
    redated: Redated = field(default_factory=dict)

    due_on: date = field(init=False)
    principal: int = field(init=False)
    interest: int = field(init=False)
    fee: int = field(init=False)
    principal_unpaid: int = field(init=False)
    interest_unpaid: int = field(init=False)
    fee_unpaid: int = field(init=False)

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Bring totals and unpaid amounts up to what the instalment is made of."""
        row, settled, charged, moved = self.row, self.settled, self.charged, self.moved
        paid, waived, lost = self.paid, self.waived, self.written_off
        self.due_on = self._redated_on() if self.redated else row.period.due_on
        self.principal = row.principal + settled.principal - moved.principal
        self.interest = row.interest + settled.interest + charged.interest - moved.interest
        self.fee = row.fee + settled.fee + charged.fee - moved.fee
        self.principal_unpaid = self.principal - paid.principal - waived.principal - lost.principal
        self.interest_unpaid = self.interest - paid.interest - waived.interest - lost.interest
        self.fee_unpaid = self.fee - paid.fee - waived.fee - lost.fee

    def _redated_on(self) -> date:
        planned = self.row.period.due_on
        was, now = self.redated.get(self.row.period.number, (planned, planned))
        return now if was == planned else planned

    def penalty(self, on: date) -> int:
        """Return all penalty earned up to `on`, rounded once, and charged; paid or not."""
        charged = self.charged.penalty - self.moved.penalty
        if on <= self.due_on and not self.late_base_days:
            return charged
        if self.penalty_fixed is not None:
            return self.penalty_fixed + charged
        late = self.late_base_days
        days = penalty_days(self.terms, self.due_on, on)
        if days:
            late += self._bearing() * days
        if not late:
            return charged
        asked = self.principal, self.interest, self.fee
        return penalty_interest(self.terms, late, *asked) + charged

    def penalty_unpaid(self, on: date) -> int:
        """Return the penalty earned up to `on` and still owed."""
        gone = self.paid.penalty + self.waived.penalty + self.written_off.penalty
        return self.penalty(on) - gone

    def unpaid_of(self, component: Component, on: date) -> int:
        """Return what is still owed of one component."""
        name = _UNPAID.get(component)
        owed: int = self.penalty_unpaid(on) if name is None else getattr(self, name)
        return owed

    def unpaid(self, on: date) -> int:
        """Return everything still owed, with penalty up to `on`."""
        owed = self.interest_unpaid + self.principal_unpaid + self.fee_unpaid
        return owed + self.penalty_unpaid(on)

    @property
    def asked(self) -> int:
        """Return what the instalment asked for when it fell due, by its plan."""
        return self.row.principal + self.row.interest + self.row.fee - self.grown

    def unearned_interest(self, until: date) -> int:
        """Return what of the interest a settlement that pays it up to a day forgoes."""
        asked = self.interest - self.settled.interest
        waived = self.waived.interest - self.forgone.interest
        return max(asked - self.earned_interest(until) - waived, 0)

    def unearned_fee(self) -> int:
        """Return what of the fees a settlement makes unnecessary."""
        asked = self.fee - self.settled.fee - self.waived.fee + self.forgone.fee
        return min(self.row.recurring_fee, max(asked, 0))

    def earned_interest(self, on: date) -> int:
        """Return what is earned by `on` of the interest not settled, rounded as the terms say.

        When the last day is over that is all of it.
        """
        row = self.row
        if on >= row.period.end or not row.interest:
            return self.interest - self.settled.interest
        share = max(min(self._interest_by(on), row.interest), 0)
        return share + self.charged.interest - self.moved.interest

    def _interest_by(self, on: date) -> int:
        """Return what was earned by `on` and not asked for with an instalment before this one."""
        chain = [self.row]
        while (before := chain[-1].before) is not None:
            chain.append(before)
        left = chain[-1].brought
        for row in reversed(chain):
            parts = [until(self.terms.day_count, accrual, on) for accrual in row.accruals]
            earned = total(part for part in parts if part is not None)
            left += round_ratio(*earned, *self.terms.interest_rounding)
            if row is not self.row:
                left = max(left - row.interest, 0)
        return left

    def cover(self, into: Amounts, component: Component, funds: int, on: date) -> int:
        """Book up to `funds` of what is owed of a component as paid, waived or written off.

        Returns how much that took.
        """
        unpaid = self.unpaid_of(component, on)
        taken = min(funds, unpaid)
        if taken <= 0:
            return 0
        with self.bearing(on):
            into.add(component, taken)
            if component in _UNPAID:
                setattr(self, _UNPAID[component], unpaid - taken)
        return taken

    def note_paid(self, on: date) -> None:
        """Remember the day on which nothing was owed any more."""
        if self.principal_unpaid or self.interest_unpaid or self.paid_on is not None:
            return
        if not self.unpaid(on):
            self.paid_on = on

    def charge(self, component: Component, amount: int) -> None:
        """Ask for more than the row does."""
        self.charged.add(component, amount)
        self.paid_on = None
        self.refresh()

    def release(self) -> int:
        """Take back what was paid in advance, apart from what is settled; return it."""
        back = self.paid.total - self.kept.total
        if back:
            self.paid = replace(self.kept)
            self.paid_on = None
            self.refresh()
        return back

    def prepay(self, amount: int, on: date) -> None:
        """Take principal that its plan does not ask for any more."""
        self.settled = replace(self.settled, principal=self.settled.principal + amount)
        self.kept = replace(self.kept, principal=self.kept.principal + amount)
        self.paid.principal += amount
        self.refresh()
        self.note_paid(on)

    def close(self, row: Row) -> None:
        """Keep what a payoff settled or a write-off gave up, whatever is planned from now on."""
        old, settled = self.row, self.settled
        self.settled = replace(
            settled,
            principal=settled.principal + old.principal,
            interest=settled.interest + old.interest,
            fee=settled.fee + old.fee,
        )
        self.kept, self.forgone = replace(self.paid), replace(self.waived)
        self.row = row
        self.refresh()

    def rebind(self, row: Row) -> None:
        """Follow another row; what was waived before is only kept as far as there is any."""
        self.row = row
        self.refresh()
        waived = self.waived
        if self.interest_unpaid < 0 or self.fee_unpaid < 0:
            waived.interest = max(waived.interest + min(self.interest_unpaid, 0), 0)
            waived.fee = max(waived.fee + min(self.fee_unpaid, 0), 0)
            self.refresh()
        if self.principal_unpaid or self.interest_unpaid or self.fee_unpaid:
            self.paid_on = None

    def with_fee_paid(self, row: Row) -> Row:
        """Return a row that asks for what was paid of its fee: it was owed on the day of paying."""
        gone = self.paid.fee + self.forgone.fee + self.written_off.fee + self.moved.fee
        more = gone - self.settled.fee - self.charged.fee - row.fee
        if more <= 0:
            return row
        return replace(row, fee=row.fee + more, recurring_fee=row.recurring_fee + more)

    def move_out(self, on: date) -> Amounts:
        """Give everything unpaid away to a new plan; return it."""
        unpaid = Amounts(
            self.principal_unpaid, self.interest_unpaid, self.fee_unpaid, self.penalty_unpaid(on)
        )
        self._fix_penalty(on)
        for component in Component:
            self.moved.add(component, getattr(unpaid, component))
        self.refresh()
        self.note_paid(on)
        return unpaid

    def write_off(self, on: date) -> None:
        """Give up what is owed: the principal, and of the rest what fell due."""
        self._fix_penalty(on)
        is_due = self.due_on <= on
        for component in Component:
            into = self.written_off
            if not is_due and component in (Component.INTEREST, Component.FEE):
                into = self.waived
            into.add(component, max(self.unpaid_of(component, on), 0))
        self.refresh()

    def _fix_penalty(self, on: date) -> None:
        self.penalty_fixed = self.penalty(on) - self.charged.penalty + self.moved.penalty

    @contextmanager
    def bearing(self, on: date) -> Iterator[None]:
        """Keep the penalty of the days up to `on` as it is while what bears it changes."""
        days = penalty_days(self.terms, self.due_on, on) if on > self.due_on else 0
        before = self._bearing() if days else 0
        yield
        if days:
            self.late_base_days += (before - self._bearing()) * days

    def _bearing(self) -> int:
        return penalty_base(
            self.terms,
            principal=self.principal_unpaid,
            interest=max(self.interest_unpaid - self.grown, 0),
            fee=self.fee_unpaid,
            original=self.asked,
        )


_UNPAID = {
    Component.PRINCIPAL: "principal_unpaid",
    Component.INTEREST: "interest_unpaid",
    Component.FEE: "fee_unpaid",
}
