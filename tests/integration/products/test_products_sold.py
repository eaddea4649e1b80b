"""Products of every kind of terms: checked, released, quoted, and drawn to a loan by that plan."""

import secrets
from typing import Any

import pytest

from domain.common.day_count import DayCount
from domain.common.frequency import FrequencyUnit
from domain.loans.fees import FeeTiming
from domain.loans.plan_terms import Method
from domain.people.principals import Principal
from domain.products.checks import PRODUCT
from domain.products.products import Product
from messages import calls
from messages.lines import SignContract
from messages.payments import TransferStatus
from runtime.clock import utc_now
from sandbox.personas import person
from services.common.commands import Command
from services.lines.quoting import QuoteRequest, quote_plan
from storage.lines.drawdowns import DrawdownRepository
from storage.lines.quotes import QuoteRow
from storage.loans.loans import LoanRepository
from tests.definitions import release
from tests.integration.story import AMOUNT, Bench, Borrower, borrower, disbursement
from tests.products import CASH, ShippedInForce, until_in_force

OPS = Principal(subject="otto", role="ops")


def fee(timing: str, **of: Any) -> dict[str, Any]:
    return {"name": "service", "timing": timing, **of}


SOLD: dict[str, tuple[list[int], dict[str, Any]]] = {
    "level, a fee kept back": ([3, 12], {"fees": [fee("deducted", percent="0.5")]}),
    "level principal": (
        [12],
        {
            "method": "equal_principal",
            "day_count": "actual_360",
            "principal_grace": 2,
            "fees": [fee("first_instalment", amount=500)],
        },
    ),
    "flat": (
        [12],
        {
            "annual_rate": "11",
            "method": "flat",
            "day_count": "thirty_360_us",
            "fees": [fee("spread", amount=1_200)],
        },
    ),
    "interest by the quarter": (
        [4],
        {
            "method": "interest_only",
            "frequency": {"unit": "month", "every": 3},
            "day_count": "thirty_360_eu",
            "fees": [fee("per_instalment", amount=100)],
        },
    ),
    "all at once": (
        [1],
        {
            "method": "single_payment",
            "frequency": {"unit": "month", "every": 6},
            "day_count": "actual_365_fixed",
            "fees": [fee("on_event", event="reversed", amount=500)],
        },
    ),
    "a balloon": (
        [12],
        {"method": "balloon", "balloon_percent": "30", "day_count": "actual_364"},
    ),
    "a fixed instalment": (
        [12],
        {
            "method": "fixed_instalment",
            "instalment_percent": "9.5",
            "fees": [fee("per_instalment", percent="0.01", base="outstanding")],
        },
    ),
    "listed instalments": (
        [2],
        {
            "method": "explicit",
            "day_count": "actual_actual_isda",
            "listed": [
                {"after": {"unit": "month", "every": 6}, "percent": "40"},
                {"after": {"unit": "year"}},
            ],
        },
    ),
    "rentals with a residual value": (
        [12],
        {"method": "rentals_in_advance", "residual_percent": "20"},
    ),
    "every ten days, interest later": (
        [12],
        {
            "frequency": {"unit": "day", "every": 10},
            "day_count": "actual_actual_split",
            "interest_grace": 2,
        },
    ),
    "every other week, free at first": (
        [13],
        {
            "frequency": {"unit": "week", "every": 2},
            "day_count": "actual_365_fixed",
            "interest_free": 2,
        },
    ),
    "a fee lent on top": ([12], {"fees": [fee("capitalised", amount=100)]}),
    "twice a month": ([12], {"frequency": {"unit": "half_month"}}),
    "once a year": ([3], {"frequency": {"unit": "year"}}),
    "on business days": (
        [6],
        {"business_day_rule": "following", "calendar": "CN", "due_day": 10},
    ),
}
"""Choices of instalments and terms; below, 20 % a year where nothing else is said."""


def content(choices: list[int], terms: dict[str, Any]) -> Product:
    rates = {"annual_rate": "20", "penalty_annual_rate": "20"}
    return Product.model_validate(
        {**dict(CASH.content), "instalments": choices, "terms": {**rates, **terms}}
    )


def test_every_method_frequency_day_count_fee_and_grace_is_sold_below() -> None:
    terms = [content(*sold).terms for sold in SOLD.values()]
    assert {one.method for one in terms} == set(Method)
    assert {one.frequency.unit for one in terms} == set(FrequencyUnit)
    assert {one.day_count for one in terms} == set(DayCount)
    assert {charged.timing for one in terms for charged in one.fees} == set(FeeTiming)
    for grace in ("principal_grace", "interest_grace", "interest_free"):
        assert any(getattr(one, grace) for one in terms)


@pytest.mark.parametrize("number", range(len(SOLD)), ids=list(SOLD))
async def test_a_product_is_released_quoted_and_drawn(bench: Bench, number: int) -> None:
    sold = content(*list(SOLD.values())[number])
    assert PRODUCT.findings(sold.model_dump(mode="json"), ShippedInForce(), "sold") == ()
    code = f"sold_{number}"
    await until_in_force(bench.database, await release(bench.database, PRODUCT, code, sold))
    who = await borrower(bench, person("approved", 9_100 + number), product=code)

    # The limit covers what is owed: a fee that is lent leaves less of it to be paid out.
    lent = sum(one.amount or 0 for one in sold.terms.fees if one.timing is FeeTiming.CAPITALISED)
    wanted = AMOUNT - sold.amount_step if lent else AMOUNT
    quote = await quoted(bench, who, sold.instalments[-1], wanted)
    assert sum(row.principal for row in quote.plan.rows) == wanted + lent
    assert quote.terms.method is sold.terms.method

    receipt = await bench.perform(
        calls.RESERVE_DRAWDOWN, who.reservation(who.command(quote.id, wanted + lent))
    )
    await bench.perform(calls.SIGN_CONTRACT, SignContract(drawdown_id=receipt.drawdown_id))
    paid_out = await bench.perform(calls.DISBURSE, disbursement(receipt))
    assert paid_out.status is TransferStatus.SUCCEEDED
    booked = await bench.perform(calls.BOOK_LOAN, who.booking(receipt, quote.terms.disbursed_on))
    async with bench.database.read() as tx:
        loan = await LoanRepository(tx).get(booked.loan_id)
        drawdown = await DrawdownRepository(tx).get(receipt.drawdown_id)
    assert loan is not None
    assert drawdown is not None
    assert (loan.plan_hash, loan.terms) == (quote.plan_hash, quote.terms)
    assert drawdown.contract_sha256 is not None


async def quoted(bench: Bench, who: Borrower, instalments: int, amount: int) -> QuoteRow:
    command = Command(subject=OPS.subject, operation="POST quotes", key=secrets.token_hex(8))
    async with bench.database.transaction() as tx:
        return await quote_plan(
            tx, OPS, command, who.line_id, QuoteRequest(amount, instalments), utc_now()
        )
