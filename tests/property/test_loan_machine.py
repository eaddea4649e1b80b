"""A loan lived step by step beside a small independent model, which knows only sums.

The model shares no code with `domain`: it counts what money moved and what was agreed, keeps the
instalments' amounts of the plan as first shown, and knows the order in which a plain loan is paid.
"""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.loans.allocation import Component
from domain.loans.events import (
    Disbursed,
    LoanEvent,
    Paid,
    PaidOff,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.ledger import balances, cash_balance, journal_between
from domain.loans.payoff import payoff_quote
from domain.loans.position import Position, position
from domain.loans.terms import monthly_terms

MADE = date(2026, 1, 31)
AMOUNT = st.integers(1, 400_000)


class LoanMachine(RuleBasedStateMachine):
    """Disburse, pay, overpay, repeat, reverse, backdate, waive, reschedule, write off, recover."""

    def __init__(self) -> None:
        super().__init__()
        self.today = MADE
        self.events: list[LoanEvent] = []
        self.cash = 0
        self.written_off = False
        self.plain = True
        self.booked: Position | None = None
        self.ledger: dict[str, int] = {}

    @initialize(principal=st.integers(100_000, 2_000_000), months=st.integers(1, 6))
    def disburse(self, principal: int, months: int) -> None:
        self.terms = monthly_terms(
            currency="CNY",
            principal=principal,
            annual_rate=Decimal(24),
            instalments=months,
            disbursed_on=MADE,
            penalty_annual_rate=Decimal(36),
        )
        self.record(Disbursed(key="d", on=MADE, amount=principal), -principal)

    def record(self, event: LoanEvent, cash: int) -> None:
        self.events.append(event)
        self.cash += cash
        now = self.now()
        moved = cash_balance(now) - (cash_balance(self.booked) if self.booked else 0)
        assert moved == cash
        for line in journal_between(self.booked, now, cash):
            self.ledger[line.account] = self.ledger.get(line.account, 0) + line.amount
        self.booked = now

    def now(self) -> Position:
        return position(self.terms, self.events, self.today)

    def key(self) -> str:
        return f"e{len(self.events)}"

    @rule(days=st.integers(1, 45))
    def pass_days(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule(amount=AMOUNT)
    def pay(self, amount: int) -> None:
        self.record(Paid(key=self.key(), on=self.today, amount=amount), amount)

    @rule()
    def pay_what_is_due(self) -> None:
        due = self.now().total_due
        if due:
            self.record(Paid(key=self.key(), on=self.today, amount=due), due)
            assert self.now().total_due == 0

    @rule(amount=AMOUNT, back=st.integers(1, 60))
    @precondition(lambda self: not self.written_off)
    def pay_backdated(self, amount: int, back: int) -> None:
        on = max(MADE, self.today - timedelta(days=back))
        self.record(Paid(key=self.key(), on=on, amount=amount), amount)

    @rule()
    def repeat(self) -> None:
        before = self.now()
        self.record(self.events[-1], 0)
        assert self.now() == before

    @rule(which=st.integers(0, 50))
    @precondition(lambda self: not self.written_off)
    def reverse(self, which: int) -> None:
        gone = {event.reverses for event in self.events if isinstance(event, Reversed)}
        payments = [e for e in self.events if isinstance(e, Paid) and e.key not in gone]
        if payments:
            chosen = payments[which % len(payments)]
            event = Reversed(key=self.key(), on=self.today, reverses=chosen.key)
            self.record(event, -chosen.amount)

    @rule(amount=AMOUNT, component=st.sampled_from(Component))
    def waive(self, amount: int, component: Component) -> None:
        event = Waived(key=self.key(), on=self.today, component=component, amount=amount)
        self.plain = False
        self.record(event, 0)

    @rule(months=st.integers(1, 6))
    @precondition(lambda self: not self.written_off)
    def reschedule(self, months: int) -> None:
        if self.now().settled:
            return
        self.plain = False
        on = self.today + timedelta(days=20)
        event = Rescheduled(key=self.key(), on=self.today, instalments=months, first_due_on=on)
        self.record(event, 0)
        assert self.now().total_overdue == 0

    @rule()
    def refund(self) -> None:
        credit = self.now().credit
        if credit:
            self.record(Refunded(key=self.key(), on=self.today, amount=credit), -credit)
            assert self.now().credit == 0

    @rule()
    @precondition(lambda self: not self.written_off)
    def pay_off(self) -> None:
        if self.now().settled:
            return
        total = payoff_quote(self.terms, self.events, self.today).total
        self.plain = False
        self.record(PaidOff(key=self.key(), on=self.today, amount=total), total)
        assert self.now().settled

    @rule()
    @precondition(lambda self: not self.written_off)
    def write_off(self) -> None:
        before = self.now()
        if before.settled or before.payoff == 0:
            return
        self.written_off = True
        self.plain = False
        self.record(WrittenOff(key=self.key(), on=self.today), 0)
        # What is held of the borrower's own money is set off first.
        lost = max(before.principal_outstanding - before.credit, 0)
        assert self.now().written_off.principal == lost

    @rule(amount=AMOUNT)
    @precondition(lambda self: self.written_off)
    def recover(self, amount: int) -> None:
        self.record(Recovered(key=self.key(), on=self.today, amount=amount), amount)

    @invariant()
    def the_money_is_all_there(self) -> None:
        if not self.events:
            return
        now = self.now()
        assert now.received + now.recovered - now.disbursed - now.refunded == self.cash
        owed_again = now.outstanding.receivable + now.written_off.receivable
        assert now.received == now.paid.total + now.credit + now.refunded - owed_again
        principal = now.paid.principal + now.principal_waived + now.written_off.principal
        assert now.principal_outstanding == self.terms.principal - principal >= 0
        assert now.settled == (not self.written_off and now.outstanding.total == 0)

    @invariant()
    def the_ledger_is_the_sum_of_its_entries(self) -> None:
        if self.booked is None:
            return
        stand = {account: amount for account, amount in balances(self.booked).items() if amount}
        assert {account: amount for account, amount in self.ledger.items() if amount} == stand
        assert sum(stand.values()) == 0

    @invariant()
    def a_plain_loan_is_paid_oldest_first(self) -> None:
        if not self.events or not self.plain:
            return
        open_numbers = [item.number for item in self.now().instalments if item.outstanding]
        numbers = [item.number for item in self.now().instalments]
        assert open_numbers == numbers[len(numbers) - len(open_numbers) :]


TestLoanMachine = LoanMachine.TestCase
TestLoanMachine.settings = settings(
    max_examples=max(settings().max_examples // 4, 20), stateful_step_count=25
)
