"""What a loan's process does next."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.loan_events import Disbursed, LoanEvent, Paid, PaidOff
from domain.loan_terms import monthly_terms
from domain.payoff import payoff_quote
from domain.position import position
from domain.servicing import NextStep, Step, next_step

ZONE = ZoneInfo("Asia/Shanghai")
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal(24),
    instalments=12,
    disbursed_on=date(2026, 1, 15),
    penalty_annual_rate=Decimal(24),
)
DISBURSED = Disbursed(key="disbursed", on=date(2026, 1, 15), amount=1_000_000)


def step(*events: LoanEvent, on: date, collected_to: int = 0, marked: int = 0) -> NextStep | None:
    return next_step(position(TERMS, [DISBURSED, *events], on), collected_to, marked, ZONE)


def test_the_first_debit_is_on_the_due_date_at_half_past_eight_local_time() -> None:
    expected = datetime(2026, 2, 15, 0, 30, tzinfo=UTC)
    assert step(on=date(2026, 1, 16)) == NextStep(Step.COLLECT, expected, 1)


def test_after_a_failed_debit_the_loan_is_marked_overdue_the_next_night() -> None:
    found = step(on=date(2026, 2, 15), collected_to=1)
    expected = datetime(2026, 2, 15, 16, 30, tzinfo=UTC)
    assert found == NextStep(Step.MARK, expected, 1, days_past_due=1)


def test_an_overdue_loan_is_debited_again_on_its_next_due_date() -> None:
    found = step(on=date(2026, 2, 17), collected_to=1, marked=1)
    assert found is not None
    assert (found.step, found.number) == (Step.COLLECT, 2)


def test_arrears_grow_a_bucket_older_on_the_thirty_first_day() -> None:
    found = step(on=date(2026, 3, 16), collected_to=2, marked=1)
    expected = datetime(2026, 3, 17, 16, 30, tzinfo=UTC)
    assert found == NextStep(Step.MARK, expected, 1, days_past_due=31)


def test_a_paid_instalment_is_not_debited() -> None:
    paid = Paid(key="p", on=date(2026, 2, 15), amount=94_560)
    found = step(paid, on=date(2026, 2, 15), collected_to=1)
    assert found is not None
    assert (found.step, found.number) == (Step.COLLECT, 2)


def test_a_settled_loan_has_nothing_to_do() -> None:
    on = date(2026, 2, 1)
    settled = PaidOff(key="o", on=on, amount=payoff_quote(TERMS, [DISBURSED], on).total)
    assert step(settled, on=on) is None
