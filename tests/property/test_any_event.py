"""Any event after any event: what must hold for loans of every kind in every state.

The states come about as they do in life: settled, overpaid, refunded, written off, in a holiday, in
arrears, between tranches, charged back. The invariants are sums that a lender's books rest on; none
is read from the code. Events are recorded in any order of days.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.common.errors import FieldError, NothingOutstanding
from domain.loans.allocation import Component, Excess
from domain.loans.early_settlement import PayoffInterest
from domain.loans.events import (
    AnyEvent,
    Charged,
    ChargedBack,
    Disbursed,
    DueDayChanged,
    HolidayGranted,
    InterestPaused,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    ReAged,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    Split,
    Waived,
    WrittenOff,
)
from domain.loans.ledger import balances
from domain.loans.new_plan import NOT_CONTINUED
from domain.loans.payoff import payoff_quote
from domain.loans.plan_terms import InterestBasis, LevelRate, RateStep, Residue
from domain.loans.position import InstalmentPosition, Position, position
from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms
from tests.property.loans import agreed_terms

_PREPAYING = (
    *(Excess.REDUCE_INSTALMENT, Excess.SHORTEN_TERM, Excess.REDUCE_LATER, Excess.NEXT_PRINCIPAL),
)
_RATES = st.decimals(0, 60, places=2)


def names_its_own_field(event: AnyEvent, refused: FieldError) -> None:
    assert refused.field in type(event).model_fields, refused


class AnyEventMachine(RuleBasedStateMachine):
    """A loan of any terms to which anything happens, on time or found out late."""

    @initialize(agreed=agreed_terms(max_instalments=8))
    def agree(self, agreed: tuple[LoanTerms, Plan]) -> None:
        self.terms, plan = agreed
        self.today = self.terms.disbursed_on
        self.end = plan.rows[-1].due_on + timedelta(days=90)
        self.events: list[LoanEvent] = []
        self.tranches = list(self.terms.tranches)
        first = self.terms.first_disbursement
        assert self.record(Disbursed(key="d", on=self.today, amount=first))

    def now(self) -> Position:
        return position(self.terms, self.events, self.today)

    def key(self) -> str:
        return f"e{len(self.events)}"

    def day(self, back: int) -> date:
        return max(self.terms.disbursed_on, self.today - timedelta(days=back))

    def record(self, event: AnyEvent) -> bool:
        """Append an event if it can be; a refusal names a field of its own."""
        before = self.now()
        try:
            after = position(self.terms, [*self.events, event], self.today)
        except FieldError as refused:
            names_its_own_field(event, refused)
            return False
        self.events.append(event)
        is_late = event.on < self.today
        opens = isinstance(event, Reversed | Disbursed | ChargedBack) or is_late
        if before.settled and before.disbursed == self.terms.principal and not opens:
            assert after.settled
        return True

    @rule(days=st.integers(1, 70))
    def pass_days(self, days: int) -> None:
        self.today = min(self.today + timedelta(days=days), self.end)
        while self.tranches and self.tranches[0].on <= self.today:
            tranche = self.tranches.pop(0)
            key = f"t{len(self.tranches)}"
            if not self.record(Disbursed(key=key, on=tranche.on, amount=tranche.amount)):
                self.tranches.clear()

    @rule(
        excess=st.none() | st.sampled_from(Excess),
        share=st.integers(1, 150),
        back=st.just(0) | st.integers(0, 60),
    )
    def pay(self, excess: Excess | None, share: int, back: int) -> None:
        amount = max(self.terms.principal * share // 300, 1)
        self.record(Paid(key=self.key(), on=self.day(back), amount=amount, excess=excess))

    @rule()
    def pay_what_is_due(self) -> None:
        due = self.now().total_due
        if due and self.now().written_off_on is None:
            self.record(Paid(key=self.key(), on=self.today, amount=due))
            assert self.now().total_due == 0

    @rule(number=st.integers(0, 9), amount=st.integers(1, 10**6))
    def pay_a_named_instalment(self, number: int, amount: int) -> None:
        self.record(
            Paid(key=self.key(), on=self.today, amount=amount, instalment=number, directed=True)
        )

    @rule(parts=st.tuples(*[st.integers(0, 3)] * 4))
    def pay_by_hand(self, parts: tuple[int, ...]) -> None:
        owed = self.now().outstanding
        names = ("principal", "interest", "fee", "penalty")
        chosen = {
            name: getattr(owed, name) * part // 3 for name, part in zip(names, parts, strict=True)
        }
        split = Split(**chosen)
        if split.total:
            self.record(Paid(key=self.key(), on=self.today, amount=split.total, split=split))

    @rule(short=st.sampled_from([0, 0, 1, 100]))
    def pay_off(self, short: int) -> None:
        amount = max(self.now().payoff - short, 0)
        self.record(PaidOff(key=self.key(), on=self.today, amount=amount))

    @rule(which=st.integers(0, 50), reason=st.sampled_from(["error", "returned", "chargeback"]))
    def reverse(self, which: int, reason: str) -> None:
        chosen = self.events[which % len(self.events)]
        if not isinstance(chosen, Disbursed):
            self.record(Reversed(key=self.key(), on=self.today, reverses=chosen.key, reason=reason))

    @rule(which=st.integers(0, 50), share=st.integers(1, 4))
    def charge_back(self, which: int, share: int) -> None:
        chosen = self.events[which % len(self.events)]
        amount = max(getattr(chosen, "amount", 4) * share // 4, 1)
        self.record(ChargedBack(key=self.key(), on=self.today, payment=chosen.key, amount=amount))

    @rule(component=st.sampled_from([Component.FEE, Component.PENALTY]), back=st.integers(0, 40))
    def charge(self, component: Component, back: int) -> None:
        self.record(Charged(key=self.key(), on=self.day(back), component=component, amount=700))

    @rule(component=st.none() | st.sampled_from(Component), amount=st.integers(1, 10**6))
    def waive(self, component: Component | None, amount: int) -> None:
        self.record(Waived(key=self.key(), on=self.today, component=component, amount=amount))

    @rule(rate=_RATES, back=st.just(0) | st.integers(0, 60))
    def change_rate(self, rate: Decimal, back: int) -> None:
        self.record(RateChanged(key=self.key(), on=self.day(back), annual_rate=rate))

    @rule(days=st.integers(0, 60))
    def pause(self, days: int) -> None:
        until = self.today + timedelta(days=days)
        self.record(InterestPaused(key=self.key(), on=self.today, until=until))

    @rule(count=st.integers(1, 3), extend=st.booleans(), back=st.just(0) | st.integers(0, 40))
    def holiday(self, count: int, extend: bool, back: int) -> None:
        on = self.day(back)
        self.record(HolidayGranted(key=self.key(), on=on, count=count, extend=extend))

    @rule(count=st.integers(1, 6), days=st.integers(0, 45), overdue=st.booleans())
    def reschedule(self, count: int, days: int, overdue: bool) -> None:
        event = Rescheduled(
            key=self.key(),
            on=self.today,
            instalments=count,
            first_due_on=self.today + timedelta(days=days),
            include_overdue=overdue,
        )
        if self.record(event) and overdue:
            assert self.now().total_overdue == 0

    @rule(days=st.integers(0, 45))
    def move_due_date(self, days: int) -> None:
        first = self.today + timedelta(days=days)
        self.record(DueDayChanged(key=self.key(), on=self.today, first_due_on=first))

    @rule(into=st.sampled_from(["spread", "last"]))
    def re_age(self, into: str) -> None:
        if self.record(ReAged(key=self.key(), on=self.today, into=into)):
            assert self.now().total_overdue == 0

    @rule()
    def write_off(self) -> None:
        self.record(WrittenOff(key=self.key(), on=self.today))

    @rule(amount=st.integers(1, 10**6))
    def recover(self, amount: int) -> None:
        self.record(Recovered(key=self.key(), on=self.today, amount=amount))

    @rule(share=st.integers(1, 3))
    def refund(self, share: int) -> None:
        amount = max(self.now().credit * share // 2, 1)
        self.record(Refunded(key=self.key(), on=self.today, amount=amount))

    @invariant()
    def the_sums_hold(self) -> None:
        if not getattr(self, "events", None):
            return
        now = self.now()
        assert sum(item.principal for item in now.instalments) == now.disbursed
        assert 0 <= now.principal_outstanding <= now.disbursed
        owed_again = now.outstanding.receivable + now.written_off.receivable
        assert now.received == now.paid.total + now.credit + now.refunded - owed_again
        assert min(now.credit, owed_again) >= 0
        assert sum(balances(now).values()) == 0
        for item in now.instalments:
            assert item.outstanding >= 0
            assert min(item.principal_paid, item.interest_paid, item.fee_paid) >= 0
            assert item.principal_paid + item.principal_waived <= item.principal
            assert item.interest_paid + item.interest_waived <= item.interest
        if now.written_off_on is None:
            assert now.settled == (now.outstanding.total == 0)
            assert not now.credit or not now.total_due

    @invariant()
    def a_payoff_leaves_nothing_and_one_less_leaves_one(self) -> None:
        if not getattr(self, "events", None):
            return
        try:
            quote = payoff_quote(self.terms, self.events, self.today)
        except NothingOutstanding:
            return
        assert quote.total == self.now().payoff
        for amount in {quote.total, quote.total - 1} - {-1}:
            off = PaidOff(key="off", on=self.today, amount=amount)
            after = position(self.terms, [*self.events, off], self.today)
            if amount == quote.total:
                assert after.settled
                assert after.outstanding.total == after.payoff == 0
                later = position(self.terms, [*self.events, off], self.end + timedelta(days=400))
                assert later.settled or later.disbursed > after.disbursed
            elif _is_exact(self.terms):
                is_daily = self.terms.interest_basis is not InterestBasis.SCHEDULED
                slack = is_daily or self.terms.allocation.excess in _PREPAYING
                assert abs(after.payoff - 1) <= slack


def _is_exact(terms: LoanTerms) -> bool:
    """Say whether early money spares nothing that a settlement costs: neither fee nor interest."""
    early, rule = terms.early_settlement, terms.allocation.excess
    if terms.interest_basis is not InterestBasis.SCHEDULED:
        rule = Excess.REDUCE_INSTALMENT  # Interest on the actual balance: what is paid lowers it.
    if rule is Excess.CREDIT:
        return True
    is_free = early.fee_percent is None and early.fee_amount == 0
    return is_free and (rule not in _PREPAYING or early.interest is PayoffInterest.TO_DAY)


TestAnyEvent = AnyEventMachine.TestCase
TestAnyEvent.settings = settings(
    max_examples=max(settings().max_examples // 8, 12), stateful_step_count=12
)


def _as_disbursed(terms: LoanTerms, on: date) -> list[LoanEvent]:
    first = Disbursed(key="d", on=terms.disbursed_on, amount=terms.first_disbursement)
    later = [Disbursed(key=f"t{one.on}", on=one.on, amount=one.amount) for one in terms.tranches]
    return [first, *(event for event in later if event.on <= on)]


def _ahead(terms: LoanTerms, on: date) -> list[InstalmentPosition]:
    """Return the instalments ahead, without those behind the last that repays principal."""
    items = position(terms, _as_disbursed(terms, on), on).instalments
    ahead = [item for item in items if item.due_on > on]
    while ahead and not ahead[-1].principal:
        ahead.pop()
    return ahead


def _same_rate(terms: LoanTerms, on: date) -> AnyEvent | None:
    steps = [(terms.disbursed_on, terms.annual_rate)]
    steps += [(step.on, step.annual_rate) for step in terms.rate_steps]
    rate = [rate for since, rate in steps if since <= on][-1]
    return RateChanged(key="same", on=on, annual_rate=rate)


def _nothing_to_waive(_: LoanTerms, on: date) -> AnyEvent | None:
    return Waived(key="same", on=on, component=Component.PENALTY, amount=1)


def _a_payoff_of_nothing(terms: LoanTerms, on: date) -> AnyEvent | None:
    if terms.interest_basis is not InterestBasis.SCHEDULED:
        return None  # A payment on the actual balance collects what was earned by its day.
    return PaidOff(key="same", on=on, amount=0)


def _same_due_dates(terms: LoanTerms, on: date) -> AnyEvent | None:
    ahead = _ahead(terms, on)
    if not ahead:
        return None
    return DueDayChanged(key="same", on=on, first_due_on=ahead[0].due_on)


def _same_plan(terms: LoanTerms, on: date) -> AnyEvent | None:
    ahead = _ahead(terms, on)
    # A new plan is one of regular instalments, without the graces and holidays of the old one.
    differs = terms.method in NOT_CONTINUED or terms.holidays or terms.weights
    graces = terms.principal_grace or terms.interest_grace or terms.interest_free
    if not ahead or differs or graces:
        return None
    return Rescheduled(
        key="same",
        on=on,
        instalments=len(ahead),
        first_due_on=ahead[0].due_on,
        frequency=terms.frequency,
        include_overdue=False,
    )


def _no_arrears(terms: LoanTerms, _: date) -> AnyEvent | None:
    return ReAged(key="same", on=terms.disbursed_on)


def _same_holiday(terms: LoanTerms, _: date) -> AnyEvent | None:
    if not terms.holidays:
        return None
    holiday = terms.holidays[0]
    return HolidayGranted(key="same", on=holiday.on, count=holiday.count)


NoChange = Callable[[LoanTerms, date], AnyEvent | None]

_NO_CHANGES: list[NoChange] = [
    _same_rate,
    _nothing_to_waive,
    _a_payoff_of_nothing,
    _same_due_dates,
    _same_plan,
    _no_arrears,
    _same_holiday,
]


@pytest.mark.parametrize("no_change", _NO_CHANGES)
@given(agreed_terms(), st.integers(0, 400))
def test_a_change_that_changes_nothing_changes_nothing(
    no_change: NoChange, agreed: tuple[LoanTerms, Plan], days: int
) -> None:
    terms, plan = agreed
    last = plan.rows[-1].due_on
    on = min(terms.disbursed_on + timedelta(days=days), last)
    fees = tuple(fee for fee in terms.fees if fee.event is None)
    plain = terms.model_copy(update={"fees": fees, "penalty_annual_rate": Decimal(0)})
    event = no_change(plain, on)
    if event is None:
        return
    known = _as_disbursed(plain, last)
    try:
        position(plain, [*_as_disbursed(plain, event.on), event], event.on)
    except FieldError as refused:
        names_its_own_field(event, refused)
        return
    for then in (event.on, event.on + timedelta(days=40), last + timedelta(days=10)):
        assert position(plain, [*known, event], then) == position(plain, known, then)


@given(agreed_terms(), st.integers(1, 400))
def test_a_step_to_the_same_rate_is_no_step(agreed: tuple[LoanTerms, Plan], days: int) -> None:
    terms, plan = agreed
    on = terms.disbursed_on + timedelta(days=days)
    if any(step.on >= on for step in terms.rate_steps):
        return
    rate = terms.rate_steps[-1].annual_rate if terms.rate_steps else terms.annual_rate
    step = RateStep(on=on, annual_rate=rate)
    stepped = terms.model_copy(update={"rate_steps": (*terms.rate_steps, step)})
    assert build_plan(stepped).rows == plan.rows


@given(agreed_terms(), st.integers(0, 200), st.integers(1, 10_000))
def test_a_prepayment_raises_no_instalment(
    agreed: tuple[LoanTerms, Plan], days: int, amount: int
) -> None:
    terms, plan = agreed
    if terms.interest_grace:
        return  # A level instalment less the interest that waits grows as the interest falls.
    # A level that does not repay by itself leaves the difference where the terms say: it may grow.
    if terms.residue is not Residue.LAST or terms.level_rate is not LevelRate.EXACT:
        return
    if terms.smooth or terms.weights:
        return
    # Where a stretch ends in another one, rounding may leave a unit an instalment more there.
    is_one = not (terms.rate_steps or terms.tranches or terms.holidays)
    unit = max(terms.instalment_rounding.unit, terms.interest_rounding.unit)
    slack = 0 if is_one else unit * len(plan.rows)
    on = terms.disbursed_on + timedelta(days=days)
    known = _as_disbursed(terms, on)
    due = position(terms, known, on).total_due
    if due:
        known.append(Paid(key="due", on=on, amount=due))
    before = position(terms, known, on)
    for excess in (Excess.REDUCE_INSTALMENT, Excess.REDUCE_LATER, Excess.NEXT_PRINCIPAL):
        early = Paid(key="early", on=on, amount=amount, excess=excess)
        after = position(terms, [*known, early], on)
        for old, new in zip(before.instalments, after.instalments, strict=True):
            if old.due_on > on:
                assert new.outstanding <= old.outstanding + slack
