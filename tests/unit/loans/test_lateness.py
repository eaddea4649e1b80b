"""What lateness costs: late fees, charges with a due date, what bears penalty and on which days."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.loans.events import Charged, Disbursed, LoanEvent, Paid, Waived
from domain.loans.late_fee import LateFee
from domain.loans.penalty_terms import PenaltyFreeDays
from domain.loans.position import Position, position
from domain.loans.records import check_record
from domain.loans.terms import LoanTerms

START, DUE = date(2026, 1, 15), date(2026, 2, 15)


def agreed(**changes: Any) -> LoanTerms:
    """Return 1,200.00 without interest over twelve months: 100.00 a month."""
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 120_000,
        "annual_rate": Decimal(0),
        "instalments": 12,
        "disbursed_on": START,
        "first_due_on": DUE,
    }
    return LoanTerms(**(values | changes))


def at(terms: LoanTerms, on: date, *events: LoanEvent) -> Position:
    return position(terms, [Disbursed(key="out", on=START, amount=terms.principal), *events], on)


def paid(on: date, amount: int) -> Paid:
    return Paid(key=f"paid:{on}", on=on, amount=amount)


@pytest.mark.parametrize(
    ("fee", "expected"),
    [
        ({"amount": 1_500}, 1_500),
        ({"percent": 5}, 300),
        ({"percent": 5, "base": "instalment"}, 500),
        ({"percent": 5, "at_least": 1_000}, 1_000),
        ({"percent": 5, "base": "instalment", "at_most": 400}, 400),
    ],
)
def test_a_missed_instalment_costs_a_late_fee_once(fee: dict[str, Any], expected: int) -> None:
    """40.00 of 100.00 are paid in time; the rest is not paid within the ten days after."""
    terms = agreed(late_fee={"after_days": 10, **fee})
    part = paid(DUE, 4_000)
    assert at(terms, DUE + timedelta(days=10), part).due.fee == 0
    assert at(terms, DUE + timedelta(days=11), part).due.fee == expected
    assert at(terms, DUE + timedelta(days=27), part).due.fee == expected
    in_time = paid(DUE + timedelta(days=10), 6_000)
    assert at(terms, DUE + timedelta(days=27), part, in_time).due.fee == 0
    too_late = paid(DUE + timedelta(days=11), 6_000)
    assert at(terms, DUE + timedelta(days=27), part, too_late).total_due == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [({}, 7_500), ({"max_count": 2}, 3_000), ({"max_total": 4_000}, 4_000)],
)
def test_late_fees_end_at_their_cap(limit: dict[str, int], expected: int) -> None:
    """Nothing is paid for five months and a day."""
    terms = agreed(late_fee={"amount": 1_500, **limit})
    assert at(terms, date(2026, 6, 16)).due.fee == expected


def test_a_late_fee_can_be_waived_and_goes_when_the_payment_turns_up() -> None:
    terms = agreed(late_fee={"amount": 1_500})
    on = DUE + timedelta(days=5)
    waived = Waived(key="waived", on=on, component="fee", amount=1_500)
    assert at(terms, on, waived).due.fee == 0
    assert at(terms, on, paid(DUE, 10_000)).total_due == 0


@pytest.mark.parametrize(
    "fee",
    [
        {},
        {"amount": 1, "percent": 1},
        {"percent": 101},
        {"amount": 1, "after_days": -1},
        {"percent": 1, "at_least": 2, "at_most": 1},
    ],
)
def test_a_late_fee_that_cannot_be_is_refused(fee: dict[str, Any]) -> None:
    with pytest.raises(InvalidTerms) as refused:
        LateFee.model_validate(fee)
    assert refused.value.field == "late_fee"


def test_a_charge_falls_due_on_its_own_day() -> None:
    """Charged on 20 February, due on 1 March: late on 2 March, the next instalment is not due."""
    terms = agreed()
    charge = Charged(
        key="fee", on=date(2026, 2, 20), amount=2_500, name="letter", due_on=date(2026, 3, 1)
    )
    known: list[LoanEvent] = [paid(DUE, 10_000), charge]
    due = at(terms, date(2026, 3, 1), *known)
    assert (due.total_due, due.days_past_due) == (2_500, 0)
    assert at(terms, date(2026, 2, 28), *known).total_due == 0
    late = at(terms, date(2026, 3, 4), *known)
    assert (late.total_overdue, late.days_past_due) == (2_500, 3)
    assert late.billed.fee == 2_500
    shown = next(item for item in late.instalments if item.is_charge)
    assert (shown.due_on, shown.outstanding) == (date(2026, 3, 1), 2_500)
    settled = at(terms, date(2026, 3, 4), *known, paid(date(2026, 3, 4), 2_500))
    assert (settled.total_due, settled.days_past_due) == (0, 0)
    assert settled.payoff == 110_000


def test_a_charge_is_not_due_before_it_is_made() -> None:
    terms = agreed()
    charge = Charged(key="fee", on=date(2026, 2, 20), amount=2_500, due_on=date(2026, 2, 19))
    out = Disbursed(key="out", on=START, amount=terms.principal)
    with pytest.raises(InvalidTerms.__bases__[0]) as refused:
        check_record(terms, [out], charge, date(2026, 3, 1))
    assert getattr(refused.value, "field", None) == "due_on"


INTEREST = {"annual_rate": Decimal(12), "penalty_annual_rate": Decimal(36)}


@pytest.mark.parametrize(
    ("base", "bears"),
    [
        ("principal", 94_619),
        ("interest", 12_000),
        ("amount", 106_619),
        ("original_amount", 106_619),
        ("balance", 1_200_000),
    ],
)
def test_penalty_runs_on_what_was_agreed(base: str, bears: int) -> None:
    """12,000.00 at 12 % over a year: 946.19 and 120.00 in the first month. Ten days at 36 %."""
    terms = agreed(principal=1_200_000, penalty_base=base, **INTEREST)
    late = at(terms, DUE + timedelta(days=10))
    exact = Decimal(bears) * 36 * 10 / 36_500
    assert late.overdue.penalty == int(exact + Decimal("0.5"))


def test_the_original_amount_bears_penalty_until_all_of_it_is_paid() -> None:
    terms = agreed(penalty_base="original_amount", penalty_annual_rate=Decimal("36.5"))
    part = paid(DUE + timedelta(days=3), 9_000)
    late = at(terms, DUE + timedelta(days=10), part)
    assert late.instalments[0].penalty == 100


def test_the_whole_balance_bears_penalty_once_however_many_are_late() -> None:
    """120,000 a day bear 0.1 % a day: 28 days with one instalment late, then 5 with two."""
    terms = agreed(penalty_base="balance", penalty_annual_rate=Decimal("36.5"))
    assert at(terms, date(2026, 3, 15)).overdue.penalty == 28 * 120
    assert at(terms, date(2026, 3, 20)).due.penalty == 33 * 120
    paid_first = paid(date(2026, 3, 20), 10_000 + 33 * 120)
    later = at(terms, date(2026, 3, 25), paid_first)
    assert later.due.penalty == 5 * 110
    assert later.instalments[1].penalty == 5 * 110


def test_penalty_is_rounded_by_its_own_rule() -> None:
    """100.00 x 7.3 % x 3 / 365 is 6 fen; up to whole yuan that is 1.00, down to them nothing."""
    for mode, expected in (("up", 100), ("down", 0)):
        terms = agreed(penalty_annual_rate=Decimal("7.3"), penalty_rounding=(100, mode))
        assert at(terms, DUE + timedelta(days=3)).due.penalty == expected


@pytest.mark.parametrize(
    ("days", "changes", "expected"),
    [
        (10, {"grace_days": 5}, 10),
        (5, {"grace_days": 5}, 0),
        (10, {"grace_days": 5, "grace_is_free": True}, 5),
        (
            10,
            {"penalty_free_days": [PenaltyFreeDays(first="2026-02-17", last="2026-02-20")]},
            6,
        ),
        # The Spring Festival of 2026: days off from 15 to 23 February (State Council notice).
        (10, {"penalty_on_business_days": True, "calendar": "CN"}, 2),
    ],
)
def test_days_off_bear_no_penalty(days: int, changes: dict[str, Any], expected: int) -> None:
    """100.00 bear 10 fen a day."""
    terms = agreed(penalty_annual_rate=Decimal("36.5"), **changes)
    assert at(terms, DUE + timedelta(days=days)).due.penalty == 10 * expected


def test_days_free_of_penalty_follow_each_other() -> None:
    days = [
        PenaltyFreeDays(first="2026-02-17", last="2026-02-20"),
        PenaltyFreeDays(first="2026-02-20", last="2026-02-21"),
    ]
    with pytest.raises(InvalidTerms) as refused:
        agreed(penalty_free_days=days)
    assert refused.value.field == "penalty_free_days"


BUCKETS = [{"name": f"B{number}", "from_age": age} for number, age in enumerate((1, 2, 3), 1)]


@pytest.mark.parametrize(
    ("counting", "buckets", "expected"),
    [
        ("days", [{"name": "A", "from_age": 1}, {"name": "B", "from_age": 31}], ["B", "B", "A"]),
        ("days_of_30", [{"name": "A", "from_age": 1}, {"name": "B", "from_age": 60}], "BAA"),
        ("months", BUCKETS, ["B3", "B2", "B1"]),
        ("instalments", BUCKETS, ["B3", "B2", "B1"]),
    ],
)
def test_what_is_late_is_sorted_by_instalment(
    counting: str, buckets: list[dict[str, Any]], expected: Any
) -> None:
    """On 16 April the instalments of February, March and April are 60, 32 and 1 days late."""
    terms = agreed(delinquency={"counting": counting, "buckets": buckets})
    stands = at(terms, date(2026, 4, 16))
    assert [item.days_past_due for item in stands.instalments[:3]] == [60, 32, 1]
    assert [item.bucket for item in stands.instalments[:4]] == [*expected, ""]
    assert sum(part.amount for part in stands.arrears) == stands.total_overdue == 30_000
    assert sum(part.instalments for part in stands.arrears) == 3


def test_months_are_begun_on_the_day_after() -> None:
    """Due on 31 January: one month until 28 February, then two."""
    terms = agreed(
        disbursed_on=date(2025, 12, 31),
        first_due_on=date(2026, 1, 31),
        delinquency={"counting": "months", "buckets": BUCKETS},
    )
    out = Disbursed(key="out", on=terms.disbursed_on, amount=terms.principal)
    for on, bucket in ((date(2026, 2, 28), "B1"), (date(2026, 3, 1), "B2")):
        assert position(terms, [out], on).instalments[0].bucket == bucket


def test_nothing_late_is_in_a_bucket_and_none_has_the_same_age() -> None:
    terms = agreed(delinquency={"buckets": BUCKETS})
    assert at(terms, DUE).arrears == ()
    with pytest.raises(InvalidTerms) as refused:
        agreed(delinquency={"buckets": [BUCKETS[1], BUCKETS[0]]})
    assert refused.value.field == "buckets"
