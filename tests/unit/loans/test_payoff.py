from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.common.errors import NothingOutstanding
from domain.loans.events import Disbursed, LoanEvent, Paid, PaidOff
from domain.loans.payoff import PayoffQuote, payoff_quote
from domain.loans.position import position
from domain.loans.terms import LoanTerms, monthly_terms

MADE = date(2026, 1, 15)
TERMS: LoanTerms = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal("24"),
    instalments=12,
    disbursed_on=MADE,
    penalty_annual_rate=Decimal("36"),
)
DISBURSED = Disbursed(key="d", on=MADE, amount=1_000_000)


def quote_on(as_of: date, *events: LoanEvent) -> PayoffQuote:
    return payoff_quote(TERMS, (DISBURSED, *events), as_of)


def paid(number: int, amount: int = 94_560) -> Paid:
    on = date(2026, 1 + number, 15)
    return Paid(key=f"p{number}", on=on, amount=amount, instalment=number)


def breakdown(quote: PayoffQuote) -> tuple[int, int, int, int, int]:
    return (
        quote.principal,
        quote.interest_due,
        quote.accrued_interest,
        quote.penalty,
        quote.credit,
    )


def test_in_the_middle_of_a_month_interest_counts_to_the_day() -> None:
    # After five instalments 6,119.87 remain; month 6 charges 122.40 over 30 days, 15 of them gone.
    quote = quote_on(date(2026, 6, 30), *(paid(number) for number in range(1, 6)))
    assert breakdown(quote) == (611_987, 0, 6_120, 0, 0)
    assert quote.total == 618_107
    assert quote.valid_on == quote.as_of == date(2026, 6, 30)
    assert quote.currency == "CNY"


def test_on_the_day_of_disbursement_only_principal_is_owed() -> None:
    assert breakdown(quote_on(MADE)) == (1_000_000, 0, 0, 0, 0)


def test_on_a_due_date_the_whole_period_is_due_and_nothing_more_accrued() -> None:
    assert breakdown(quote_on(date(2026, 2, 15))) == (1_000_000, 20_000, 0, 0, 0)


def test_overdue_items_are_owed_in_full_with_penalty() -> None:
    # 20 days late: penalty 745.60 x 20 x 36 % / 365 -> 14.71; month 2: 185.09 x 20 / 28 -> 132.21
    quote = quote_on(date(2026, 3, 7))
    assert breakdown(quote) == (1_000_000, 20_000, 13_221, 1_471, 0)
    assert quote.total == 1_034_692


def test_credit_held_is_used() -> None:
    quote = quote_on(date(2026, 2, 15), paid(1, 100_000))
    assert breakdown(quote) == (925_440, 0, 0, 0, 5_440)
    assert quote.total == 920_000


def test_more_credit_than_debt_makes_a_payoff_of_zero_and_leaves_the_rest() -> None:
    windfall = paid(1, 2_000_000)
    quote = quote_on(date(2026, 2, 15), windfall)
    assert (quote.credit, quote.total) == (925_440, 0)
    off = PaidOff(key="off", on=quote.valid_on, amount=quote.total)
    after = position(TERMS, (DISBURSED, windfall, off), quote.valid_on)
    assert (after.settled, after.credit) == (True, 980_000)


@pytest.mark.parametrize("days", [0, 1, 10, 31, 32, 59, 100, 250, 365, 500])
def test_paying_the_quote_on_its_day_settles(days: int) -> None:
    quote = quote_on(MADE + timedelta(days=days), paid(1), paid(3, 50_000))
    assert quote.total == sum(breakdown(quote)) - 2 * quote.credit
    off = PaidOff(key="off", on=quote.valid_on, amount=quote.total)
    after = position(TERMS, (DISBURSED, paid(1), paid(3, 50_000), off), quote.valid_on)
    assert (after.settled, after.settled_on) == (True, quote.valid_on)
    assert (after.principal_outstanding, after.total_due, after.credit) == (0, 0, 0)
    assert sum(item.outstanding for item in after.instalments) == 0


def test_one_fen_less_does_not_settle_and_one_more_is_credit() -> None:
    on = date(2026, 3, 1)
    total = quote_on(on).total
    short = PaidOff(key="off", on=on, amount=total - 1)
    assert not position(TERMS, (DISBURSED, short), on).settled
    over = position(TERMS, (DISBURSED, PaidOff(key="off", on=on, amount=total + 1)), on)
    assert (over.settled, over.credit) == (True, 1)


def test_a_settled_loan_has_no_payoff() -> None:
    off = PaidOff(key="off", on=MADE, amount=1_000_000)
    with pytest.raises(NothingOutstanding, match="settled"):
        quote_on(MADE, off)


def test_a_loan_not_disbursed_has_no_payoff() -> None:
    with pytest.raises(NothingOutstanding, match="not disbursed"):
        quote_on(MADE - timedelta(days=1))
