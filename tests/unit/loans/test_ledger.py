from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.common.errors import UnbalancedEntry
from domain.loans.events import Disbursed, LoanEvent, Paid, PaidOff, Reversed
from domain.loans.ledger import Account, JournalLine, journal_between
from domain.loans.position import Position, position
from domain.loans.terms import monthly_terms

MADE = date(2026, 1, 15)
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal("24"),
    instalments=12,
    disbursed_on=MADE,
    penalty_annual_rate=Decimal("36"),
)
DISBURSED = Disbursed(key="d", on=MADE, amount=1_000_000)


def entry(lines: Sequence[JournalLine]) -> dict[str, int]:
    assert sum(line.amount for line in lines) == 0
    assert all(line.amount for line in lines)
    assert len({line.account for line in lines}) == len(lines)
    return {line.account.value: line.amount for line in lines}


def due(number: int) -> date:
    return date(2026, 1 + number, 15)


class Books:
    """Posts one entry after another, as the record of a loan does."""

    def __init__(self) -> None:
        self.events: list[LoanEvent] = []
        self.position: Position | None = None
        self.trial_balance: Counter[str] = Counter()

    def post(self, as_of: date, *events: LoanEvent, cash: int = 0) -> dict[str, int]:
        self.events.extend(events)
        after = position(TERMS, self.events, as_of)
        lines = entry(journal_between(self.position, after, cash))
        self.position = after
        self.trial_balance.update(lines)
        return lines

    def pay(self, key: str, on: date, amount: int) -> dict[str, int]:
        return self.post(on, Paid(key=key, on=on, amount=amount), cash=amount)

    def balance(self, account: Account) -> int:
        return self.trial_balance[account.value]


@pytest.fixture
def books() -> Books:
    books = Books()
    books.post(MADE, DISBURSED, cash=-1_000_000)
    return books


def test_disbursement() -> None:
    assert Books().post(MADE, DISBURSED, cash=-1_000_000) == {
        "principal_receivable": 1_000_000,
        "cash": -1_000_000,
    }


def test_billing_on_the_due_date_recognises_interest_once(books: Books) -> None:
    assert books.post(due(1)) == {"interest_receivable": 20_000, "interest_income": -20_000}
    assert books.post(due(1)) == {}


def test_no_interest_is_billed_between_due_dates(books: Books) -> None:
    assert books.post(due(1) - timedelta(days=1)) == {}


def test_payment_of_a_billed_instalment(books: Books) -> None:
    books.post(due(1))
    assert books.pay("p1", due(1), 94_560) == {
        "cash": 94_560,
        "principal_receivable": -74_560,
        "interest_receivable": -20_000,
    }


def test_late_payment_recognises_the_penalty_it_covers(books: Books) -> None:
    books.post(due(1))
    # 6 days late: 4.41 of penalty
    assert books.pay("p1", due(1) + timedelta(days=6), 94_560 + 441) == {
        "cash": 95_001,
        "principal_receivable": -74_560,
        "interest_receivable": -20_000,
        "penalty_income": -441,
    }


def test_penalty_earned_and_unpaid_is_receivable(books: Books) -> None:
    books.post(due(1))
    assert books.post(due(1) + timedelta(days=6)) == {
        "penalty_receivable": 441,
        "penalty_income": -441,
    }


def test_overpayment_is_held_and_later_used(books: Books) -> None:
    books.post(due(1))
    assert books.pay("p1", due(1), 100_000)["customer_credit"] == -5_440
    assert books.post(due(2)) == {
        "customer_credit": 5_440,
        "interest_receivable": 18_509 - 5_440,
        "interest_income": -18_509,
    }


def test_a_reversal_takes_back_its_payment_line_by_line(books: Books) -> None:
    books.post(due(1))
    payment = books.pay("p1", due(1), 94_560)
    taken_back = books.post(due(1), Reversed(key="r", on=due(1), reverses="p1"), cash=-94_560)
    assert taken_back == {account: -amount for account, amount in payment.items()}


def test_a_returned_payment_that_settled_brings_the_loan_back(books: Books) -> None:
    books.post(MADE, PaidOff(key="off", on=MADE, amount=1_000_000), cash=1_000_000)
    assert books.balance(Account.PRINCIPAL_RECEIVABLE) == 0
    books.post(due(1), Reversed(key="r", on=due(1), reverses="off"), cash=-1_000_000)
    assert books.balance(Account.PRINCIPAL_RECEIVABLE) == 1_000_000
    assert books.balance(Account.INTEREST_RECEIVABLE) == 20_000


@pytest.mark.parametrize("cash", [0, 94_559, -94_560])
def test_cash_that_no_event_explains_is_refused(books: Books, cash: int) -> None:
    before = position(TERMS, [DISBURSED], due(1))
    after = position(TERMS, [DISBURSED, Paid(key="p", on=due(1), amount=94_560)], due(1))
    with pytest.raises(UnbalancedEntry, match="94560"):
        journal_between(before, after, cash)


def test_a_position_that_does_not_add_up_is_refused() -> None:
    sound = position(TERMS, [DISBURSED], MADE)
    broken = sound.model_copy(update={"credit": 1})
    with pytest.raises(UnbalancedEntry, match="neither"):
        journal_between(sound, broken, 0)


def test_the_whole_story_of_a_loan_balances(books: Books) -> None:
    """Two instalments on time, the third six days late, two more, a payoff in month 6."""
    for number in (1, 2):
        books.post(due(number))
        books.pay(f"p{number}", due(number), 94_560)
    books.post(due(3))
    # 6 days late: 775.72 x 6 x 36 % / 365 = 4.5906 -> 4.59
    books.pay("p3", due(3) + timedelta(days=6), 94_560 + 459)
    for number in (4, 5):
        books.post(due(number))
        books.pay(f"p{number}", due(number), 94_560)
    payoff_on = date(2026, 6, 30)
    lines = books.post(payoff_on, PaidOff(key="off", on=payoff_on, amount=618_107), cash=618_107)
    assert lines == {
        "cash": 618_107,
        "principal_receivable": -611_987,
        "interest_income": -6_120,
    }

    assert books.position is not None
    assert books.position.settled
    for account in (
        Account.PRINCIPAL_RECEIVABLE,
        Account.INTEREST_RECEIVABLE,
        Account.PENALTY_RECEIVABLE,
        Account.CUSTOMER_CREDIT,
    ):
        assert books.balance(account) == 0, account
    paid_in = 5 * 94_560 + 459 + 618_107
    assert books.balance(Account.PENALTY_INCOME) == -459
    assert books.balance(Account.INTEREST_INCOME) == -(
        20_000 + 18_509 + 16_988 + 15_436 + 13_854 + 6_120
    )
    income = books.balance(Account.INTEREST_INCOME) + books.balance(Account.PENALTY_INCOME)
    assert -income == paid_in - 1_000_000 == books.balance(Account.CASH)
    assert sum(books.trial_balance.values()) == 0
