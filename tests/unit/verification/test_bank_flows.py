"""What an account's lines say of income and outgoings.

The business case is W5 of the wish list: wages of 8,000 in five months of six are an income of
8,000; transfers between own accounts and refunds are none; a statement altered in one line is seen.
"""

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.verification.bank_flows import (
    BankFlows,
    FlowLine,
    FlowSummary,
    complete_months,
    summary_of,
)
from providers.verification.bank_flows import FlowsDocument, facts_of
from sandbox import reports
from sandbox.personas import person

HOLDER, EMPLOYER = "林小雨", "演示科技有限公司"
Movement = tuple[date, int, str, str]


def statement(*movements: Movement, months: int = 6) -> BankFlows:
    """An account over the first complete months of 2026, its balances right."""
    balance, lines = 100_000, []
    for on, amount, counterparty, text in sorted(movements, key=lambda one: one[0]):
        balance += amount
        lines.append(
            FlowLine(on=on, amount=amount, balance=balance, counterparty=counterparty, text=text)
        )
    return BankFlows(
        holder=HOLDER,
        first_day=date(2026, 1, 1),
        last_day=date(2026, months + 1, 1),
        opening_balance=100_000,
        lines=tuple(lines),
    )


def monthly(
    amount: int, counterparty: str, text: str = "", *, months: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
) -> list[Movement]:
    return [(date(2026, month, 10), amount, counterparty, text) for month in months]


WAGES = monthly(800_000, EMPLOYER, "工资", months=(1, 2, 4, 5, 6))


def test_wages_in_five_months_of_six_are_the_income() -> None:
    assert summary_of(statement(*WAGES)) == FlowSummary(
        months=6,
        balance_follows=True,
        income_monthly=800_000,
        fixed_outgoings=0,
        loan_instalments=0,
    )


@pytest.mark.parametrize(
    "besides",
    [
        pytest.param(monthly(500_000, HOLDER, "转账"), id="between own accounts"),
        pytest.param(monthly(500_000, "林 小雨"), id="the own name, written with a space"),
        pytest.param(monthly(39_900, "演示商城", "退款"), id="a refund that says so"),
        pytest.param(
            [*monthly(-39_900, "演示商城"), *monthly(39_900, "演示商城", "入账")],
            id="what was paid and came back",
        ),
        pytest.param(
            [(date(2026, 3, 2), 3_000_000, "演示消费金融", "贷款发放")], id="a loan paid out"
        ),
        pytest.param([(date(2026, 5, 2), 9_000_000, "路人甲", "")], id="one large credit"),
        pytest.param(
            [(date(2026, month, 3), 10_000 * month**3, "路人乙", "") for month in range(1, 7)],
            id="a party whose sums are never alike",
        ),
    ],
)
def test_what_is_no_income(besides: list[Movement]) -> None:
    assert summary_of(statement(*WAGES, *besides)).income_monthly == 800_000


def test_a_regular_payer_needs_no_word_for_it() -> None:
    """A freelancer's client pays about the same each month; a month more or less is no matter."""
    paid = [
        (date(2026, month, 5), amount, "某某设计", "服务费")
        for month, amount in zip(
            range(1, 7), (500_000, 550_000, 480_000, 520_000, 500_000, 610_000), strict=True
        )
    ]
    assert summary_of(statement(*paid)).income_monthly == 500_000


def test_outgoings_that_return_and_instalments_of_loans() -> None:
    rent, power = monthly(-180_000, "演示房产"), monthly(-20_000, "演示电力", "电费")
    shop = [(date(2026, month, 8), -50_000 * month, "演示超市", "") for month in range(1, 7)]
    new = monthly(-250_000, "演示消费金融", "贷款还款", months=(5, 6))
    over = monthly(-90_000, "旧贷公司", "贷款还款", months=(1, 2))
    said = summary_of(statement(*WAGES, *rent, *power, *shop, *new, *over))
    assert said.fixed_outgoings == 200_000
    assert said.loan_instalments == 250_000, "the one that began counts whole, the one over not"


def test_of_a_short_statement_nothing_is_said() -> None:
    said = summary_of(statement(*WAGES, months=5))
    assert (said.months, said.income_monthly, said.fixed_outgoings) == (5, None, None)


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        (date(2026, 1, 1), date(2026, 6, 30), 6),
        (date(2026, 1, 1), date(2026, 6, 29), 5),
        (date(2026, 1, 2), date(2026, 7, 31), 6),
        (date(2025, 12, 31), date(2026, 2, 28), 2),
        (date(2026, 3, 5), date(2026, 3, 31), 0),
    ],
)
def test_only_complete_months_count(first: date, last: date, count: int) -> None:
    assert len(complete_months(first, last)) == count


LINES = statement(*WAGES, *monthly(-180_000, "演示房产", "房租"))


@given(
    place=st.integers(0, len(LINES.lines) - 1),
    by=st.integers(-1_000_000, 1_000_000).filter(bool),
    field=st.sampled_from(["amount", "balance"]),
)
def test_one_line_that_is_altered_is_seen(place: int, by: int, field: str) -> None:
    line = LINES.lines[place]
    altered = line.model_copy(update={field: getattr(line, field) + by})
    lines = (*LINES.lines[:place], altered, *LINES.lines[place + 1 :])
    assert summary_of(LINES).balance_follows
    assert not summary_of(LINES.model_copy(update={"lines": lines})).balance_follows


@given(place=st.integers(0, len(LINES.lines) - 2))
def test_one_line_that_is_left_out_is_seen(place: int) -> None:
    lines = (*LINES.lines[:place], *LINES.lines[place + 1 :])
    assert not summary_of(LINES.model_copy(update={"lines": lines})).balance_follows


@pytest.mark.parametrize(
    ("persona", "income", "instalments", "follows"),
    [
        ("approved", 800_000, 0, True),
        ("thin_file", 0, 0, True),
        ("indebted", 800_000, 300_000, True),
        ("statement_altered", 800_000, 0, False),
    ],
)
def test_the_personas_are_what_they_are_called(
    persona: str, income: int, instalments: int, follows: bool
) -> None:
    at = datetime(2026, 9, 15, 4, tzinfo=UTC)
    content = json.dumps(reports.document("bank_flows", person(persona), at))
    facts = facts_of(FlowsDocument.model_validate_json(content))
    assert (facts.months, facts.income_monthly) == (12, income)
    assert (facts.loan_instalments, facts.balance_follows) == (instalments, follows)
    assert facts.fixed_outgoings == 185_900
    assert facts.mismatch is None
