"""The books of one loan day by day: its own entries and its part of the sums are its position.

`position` says what a day should come to, of what was known then; nothing here is taken from the
way in which entries are made.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.loans.bookkeeping import accrued_since
from domain.loans.events import LoanEvent
from domain.loans.ledger import Account, balances, cash_balance, journal_between
from domain.loans.position import Position, position
from domain.loans.terms import Income, LoanTerms
from tests.property.loans import History, histories

Booked = list[tuple[date, LoanEvent]]

_DAY = timedelta(days=1)
_INCOME = (Account.INTEREST_INCOME, Account.FEE_INCOME, Account.PENALTY_INCOME)
_OF_THE_BOOKS = {"interest_ahead", "deferred_fees", "charge_off"}


@st.composite
def booked_histories(draw: st.DrawFn) -> tuple[LoanTerms, Booked, list[date]]:
    """Return a loan, its events with the day on which each is booked, and days to be accrued.

    An event is booked on its day or up to 40 days later, never before one that was known earlier.
    """
    terms, events, _ = draw(histories())
    booked: Booked = []
    today = terms.disbursed_on
    for event in events:
        late = draw(st.sampled_from([0, 0, 0, 1, 3, 40]))
        today = max(today, event.on) + timedelta(days=late)
        booked.append((today, event))
    near = draw(st.sampled_from([0, 1]))
    around = {day + near * _DAY for day, _ in booked}
    more = draw(st.lists(st.integers(0, 400), max_size=4))
    around |= {terms.disbursed_on + timedelta(days=days) for days in more}
    return terms, booked, sorted(day for day in around if day >= terms.disbursed_on)


class Books:
    """A ledger that books as the record does: own entries as they come, sums of days when told."""

    def __init__(self, terms: LoanTerms) -> None:
        self.terms = terms
        self.own: list[tuple[date, Counter[str]]] = []
        self.summed: list[tuple[date, Counter[str]]] = []
        self.known: Booked = []
        self._before: Position | None = None
        self._kept_to: date | None = None

    def book(self, event: LoanEvent, on: date) -> None:
        before = self._at(self._kept_to) if self._kept_to else None
        self.known.append((on, event))
        after = self._at(on)
        cash = cash_balance(after) - (cash_balance(before) if before else 0)
        lines = journal_between(before, after, cash)
        assert sum(line.amount for line in lines) == 0
        self.own.append((on, Counter({line.account.value: line.amount for line in lines})))
        self._kept_to = on

    def accrue(self, day: date) -> None:
        events = [event for on, event in self.known if on <= day]
        kept_to = max((on for on, _ in self.own if on <= day), default=None)
        level: Counter[str] = Counter()
        if kept_to is not None:
            share = accrued_since(self.terms, events, kept_to, day)
            level.update({account.value: amount for account, amount in share.items()})
        assert sum(level.values()) == 0
        assert level[Account.CASH] == 0
        self.summed.append((day, level))

    def on(self, day: date) -> dict[str, int]:
        total: Counter[str] = Counter()
        for booked_on, lines in self.own:
            if booked_on <= day:
                total.update(lines)
        levels = [level for of, level in self.summed if of <= day]
        if levels:
            total.update(levels[-1])
        return _plain(total)

    def _at(self, day: date) -> Position:
        return position(self.terms, [event for _, event in self.known], day)


def _plain(amounts: Iterable[tuple[str, int]] | Counter[str]) -> dict[str, int]:
    return {account: amount for account, amount in sorted(dict(amounts).items()) if amount}


def _kept(terms: LoanTerms, booked: Booked, days: list[date], *, late: bool) -> Books:
    books = Books(terms)
    steps: list[tuple[date, int, LoanEvent | None]] = [
        *((on, 0, event) for on, event in booked),
        *((day, 1, None) for day in days),
    ]
    order = sorted(range(len(steps)), key=lambda one: (steps[one][0], steps[one][1], one))
    waiting: list[date] = []
    for one in order:
        day, _, event = steps[one]
        if event is not None:
            books.book(event, day)
        elif late:
            waiting.append(day)
        else:
            books.accrue(day)
    for day in waiting:
        books.accrue(day)
    return books


@given(booked_histories())
def test_the_ledger_is_the_position_of_every_day_that_is_accrued(
    history: tuple[LoanTerms, Booked, list[date]],
) -> None:
    terms, booked, days = history
    books = _kept(terms, booked, days, late=False)
    for day in days:
        known = [event for on, event in booked if on <= day]
        should = balances(position(terms, known, day)) if known else {}
        found = Counter({account.value: amount for account, amount in should.items()})
        assert books.on(day) == _plain(found)


@given(booked_histories())
def test_days_booked_late_and_at_once_are_as_if_booked_daily(
    history: tuple[LoanTerms, Booked, list[date]],
) -> None:
    terms, booked, days = history
    daily, late = (_kept(terms, booked, days, late=one) for one in (False, True))
    assert [late.on(day) for day in days] == [daily.on(day) for day in days]


@given(histories())
def test_when_income_is_income_is_no_matter_of_the_borrower(history: History) -> None:
    terms, events, as_of = history
    billed, accrued = (
        position(terms.model_copy(update={"income": income}), events, as_of) for income in Income
    )
    assert accrued.model_dump(exclude=_OF_THE_BOOKS) == billed.model_dump(exclude=_OF_THE_BOOKS)
    if billed.settled or billed.written_off_on:
        assert accrued == billed


@given(histories())
def test_a_charge_off_moves_income_and_loss_and_nothing_else(history: History) -> None:
    terms, events, as_of = history
    stands = position(terms, events, as_of)
    if stands.charge_off is None:
        return
    was = balances(stands.model_copy(update={"charge_off": None}))
    now = balances(stands)
    moved = {account for account in now if now[account] != was.get(account, 0)}
    kept = {
        *(Account.PRINCIPAL_RECEIVABLE, Account.INTEREST_RECEIVABLE, Account.FEE_RECEIVABLE),
        *(Account.PENALTY_RECEIVABLE, Account.CASH, Account.CUSTOMER_CREDIT),
        *(Account.INTEREST_ACCRUED, Account.INTEREST_DEFERRED, Account.FEE_DEFERRED),
    }
    assert sum(now.values()) == 0
    assert moved.isdisjoint(kept)
    # What is income was received; what is suspended is exactly what is receivable.
    received = {
        Account.INTEREST_INCOME: stands.paid.interest + min(stands.interest_ahead, 0),
        Account.FEE_INCOME: stands.paid.fee - stands.deferred_fees,
        Account.PENALTY_INCOME: stands.paid.penalty,
    }
    assert {account: -now[account] for account in _INCOME} == received
