"""What settling early costs: 12,000.00 over 12 months at 12 %, equal principal, 30/360.

Every month 1,000.00 of principal falls due; interest is 120.00, then 10.00 less each month.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import NothingOutstanding
from domain.loans.allocation import Component, Excess
from domain.loans.early_settlement import PayoffInterest
from domain.loans.events import Disbursed, LoanEvent, Paid, PaidOff, Waived, WrittenOff
from domain.loans.payoff import PayoffQuote, payoff_quote
from domain.loans.position import Components, Position, position
from domain.loans.terms import LoanTerms

MADE = date(2026, 1, 15)
FIRST, SECOND, MID = date(2026, 2, 15), date(2026, 3, 15), date(2026, 3, 1)
LAST = date(2027, 1, 15)
DISBURSED = Disbursed(key="d", on=MADE, amount=1_200_000)
PAID = Paid(key="p", on=FIRST, amount=112_000)
FEES = [
    {"name": "a", "timing": "spread", "amount": 12_000},
    {"name": "b", "timing": "per_instalment", "amount": 300},
]


def terms(**values: Any) -> LoanTerms:
    first: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_200_000,
        "annual_rate": Decimal(12),
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": FIRST,
        "method": "equal_principal",
        "day_count": "thirty_360_eu",
    }
    return LoanTerms(**first | values)


def quote(on: date, *events: LoanEvent, **values: Any) -> PayoffQuote:
    return payoff_quote(terms(**values), [DISBURSED, *events], on)


def settled(on: date, *events: LoanEvent, **values: Any) -> Position:
    """Return the position after the payoff that was quoted for the day."""
    total = quote(on, *events, **values).total
    off = PaidOff(key="off", on=on, amount=total)
    stand = position(terms(**values), [DISBURSED, *events, off], on)
    assert (stand.settled, stand.settled_on, stand.credit) == (True, on, 0)
    assert stand.outstanding == Components()
    assert stand.received == stand.paid.total
    return stand


@pytest.mark.parametrize(
    ("interest", "accrued"),
    [
        # 16 of 30 days of 110.00; the whole month; 110.00 + 100.00 + ... + 10.00.
        (PayoffInterest.TO_DAY, 5_867),
        (PayoffInterest.TO_NEXT_DUE, 11_000),
        (PayoffInterest.WHOLE_PLAN, 66_000),
    ],
)
def test_interest_counts_as_agreed(interest: PayoffInterest, accrued: int) -> None:
    policy = {"early_settlement": {"interest": interest}}
    found = quote(MID, PAID, **policy)
    assert (found.principal, found.interest_due) == (1_100_000, 0)
    assert (found.accrued_interest, found.total) == (accrued, 1_100_000 + accrued)
    stand = settled(MID, PAID, **policy)
    assert stand.paid.interest == 12_000 + accrued
    assert sum(item.interest_waived for item in stand.instalments) == 66_000 - accrued
    assert stand.billed.interest == stand.paid.interest


@pytest.mark.parametrize("interest", PayoffInterest)
def test_from_the_last_due_date_on_everything_is_due_and_nothing_early(
    interest: PayoffInterest,
) -> None:
    policy = {"early_settlement": {"interest": interest, "fee_amount": 500}}
    found = quote(LAST, **policy)
    assert (found.principal, found.interest_due) == (1_200_000, 78_000)
    assert (found.accrued_interest, found.settlement_fee) == (0, 0)


def test_the_fee_is_an_amount_and_a_share_of_the_principal_not_yet_due() -> None:
    # On the first due date 1,000.00 is due and 11,000.00 early: 5.00 and 1.5 %.
    policy = {"early_settlement": {"fee_amount": 500, "fee_percent": Decimal("1.5")}}
    assert quote(FIRST, **policy).settlement_fee == 500 + 16_500
    assert quote(FIRST, early_settlement={"fee_amount": 500}).settlement_fee == 500
    assert quote(FIRST, early_settlement={"fee_percent": Decimal(1)}).settlement_fee == 11_000
    stand = settled(FIRST, **policy)
    assert (stand.paid.fee, stand.billed.fee) == (17_000, 17_000)
    assert [item.fee for item in stand.instalments] == [0, 17_000] + [0] * 10


def test_the_fee_is_rounded_as_interest_is() -> None:
    # 0.3333 % of 11,000.00 is 36.663: rounded up as interest is, 36.67.
    policy = {
        "early_settlement": {"fee_percent": Decimal("0.3333")},
        "interest_rounding": (1, "up"),
    }
    assert quote(FIRST, **policy).settlement_fee == 3_667


def test_agreed_fees_are_owed_and_those_per_instalment_saved() -> None:
    # 10.00 of the spread fee with each instalment, 3.00 for each that is needed.
    paid = Paid(key="p", on=FIRST, amount=112_000 + 1_300)
    found = quote(MID, paid, fees=FEES)
    assert found.fees == 11 * 1_000
    stand = settled(MID, paid, fees=FEES)
    assert stand.paid.fee == 1_300 + 11_000
    assert [item.fee_waived for item in stand.instalments] == [0] + [300] * 11
    assert quote(FIRST, fees=FEES).fees == 1_300 + 11_000


def test_interest_and_fees_paid_ahead_and_not_earned_count_back() -> None:
    # The second instalment is paid with the first; 14 of its 30 days are still to come.
    ahead = Paid(
        key="p",
        on=FIRST,
        amount=112_000 + 111_000 + 2 * 1_300,
        excess=Excess.NEXT_INSTALMENT,
    )
    found = quote(MID, ahead, fees=FEES)
    unearned = 11_000 - 5_867 + 300
    assert (found.principal, found.accrued_interest) == (1_000_000, 0)
    assert (found.fees, found.credit) == (10_000, unearned)
    assert found.total == 1_000_000 + 10_000 - unearned
    stand = settled(MID, ahead, fees=FEES)
    second = stand.instalments[1]
    assert (second.interest_paid, second.fee_paid) == (5_867, 1_000)
    assert (second.interest_waived, second.fee_waived) == (5_133, 300)
    assert second.paid_on == FIRST


def test_more_counts_back_than_is_owed() -> None:
    # All but the last instalment's principal is paid ahead, interest and all.
    everything = Paid(key="p", on=MADE, amount=1_278_000, excess=Excess.NEXT_INSTALMENT)
    almost = everything.model_copy(update={"amount": 1_278_000 - 5_000})
    found = quote(MADE, almost)
    assert (found.principal, found.credit, found.total) == (5_000, 5_000, 0)
    off = PaidOff(key="off", on=MADE, amount=0)
    stand = position(terms(), [DISBURSED, almost, off], MADE)
    # 780.00 of interest was paid and nothing earned; 50.00 of principal was open.
    assert (stand.settled, stand.credit) == (True, 78_000 - 5_000)
    assert stand.paid == Components(principal=1_200_000)


def test_interest_waived_before_is_not_waived_again() -> None:
    waiver = Waived(key="w", on=MID, component=Component.INTEREST, amount=4_000, instalment=2)
    # 58.67 of the 110.00 is earned; 40.00 waived of the rest.
    assert quote(MID, PAID, waiver).accrued_interest == 5_867
    stand = settled(MID, PAID, waiver)
    assert stand.instalments[1].interest_waived == 11_000 - 5_867
    more = waiver.model_copy(update={"amount": 10_000})
    assert quote(MID, PAID, more).accrued_interest == 1_000


def test_instalments_without_principal_are_paid_by_the_settlement() -> None:
    stand = settled(MID, Paid(key="p", on=FIRST, amount=12_000), method="interest_only")
    assert [item.paid_on for item in stand.instalments] == [FIRST] + [MID] * 11


def test_arrears_and_penalty_are_part_of_the_price() -> None:
    # 14 days at 0.1 % a day on 1,000.00.
    found = quote(MID, penalty_annual_rate=Decimal("36.5"))
    assert (found.principal, found.interest_due, found.penalty) == (1_200_000, 12_000, 1_400)
    assert found.total == 1_200_000 + 12_000 + 1_400 + 5_867
    stand = settled(MID, penalty_annual_rate=Decimal("36.5"))
    assert stand.paid == Components(principal=1_200_000, interest=17_867, penalty=1_400)


@pytest.mark.parametrize("excess", Excess)
def test_too_little_is_the_payment_that_it_would_be_by_any_name(excess: Excess) -> None:
    total = quote(MID, PAID).total
    agreed = terms(allocation={"excess": excess})
    short = PaidOff(key="off", on=MID, amount=total - 1)
    named = Paid(key="off", on=MID, amount=total - 1)
    stand = position(agreed, [DISBURSED, PAID, short], MID)
    assert stand == position(agreed, [DISBURSED, PAID, named], MID)
    assert (stand.settled, stand.payoff) == (False, 1)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], "the loan is not disbursed on 2026-03-01: there is nothing to pay off"),
        (
            [DISBURSED, PaidOff(key="o", on=MADE, amount=1_200_000)],
            "the loan is settled on 2026-03-01: there is nothing to pay off",
        ),
        (
            [DISBURSED, WrittenOff(key="w", on=MADE)],
            "the loan is written off on 2026-03-01: there is nothing to pay off",
        ),
    ],
)
def test_what_has_no_price(events: list[LoanEvent], reason: str) -> None:
    with pytest.raises(NothingOutstanding) as refused:
        payoff_quote(terms(), events, MID)
    assert refused.value.message == reason


def test_a_quote_says_its_day_and_currency() -> None:
    found = quote(MID, PAID)
    assert (found.as_of, found.valid_on, found.currency) == (MID, MID, "CNY")
