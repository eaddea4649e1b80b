from datetime import date
from decimal import Decimal

import pytest

from domain.common.errors import DomainError
from domain.pricing.rate_caps import (
    HOME_CAPS,
    RATE_CAPS,
    TOLERANCE,
    CappedLender,
    CapUnknown,
    Enforcement,
    LenderKind,
    RateCapExceeded,
    cap_limit,
    check_caps,
    enforce_caps,
)
from domain.pricing.rates import Rate, RateConvention
from tests.definitions import shipped

TODAY = date(2026, 11, 21)
LATER = date(2028, 1, 1)
BANK, TRUST = LenderKind.BANK, LenderKind.TRUST
CONSUMER_FINANCE, MICROLOAN = LenderKind.CONSUMER_FINANCE, LenderKind.MICROLOAN
UNLICENSED = LenderKind.UNLICENSED
CAPS = shipped(RATE_CAPS, HOME_CAPS)


def lender(kind: LenderKind) -> CappedLender:
    return CappedLender(kind, CAPS)


def simple(percent: str) -> Rate:
    return Rate("Annual rate, simple", RateConvention.NOMINAL_SIMPLE, Decimal(percent), "")


def compound(percent: str) -> Rate:
    return Rate("Annual rate, compound", RateConvention.EFFECTIVE, Decimal(percent), "")


# The rules that `catalogue/rate_caps/cn.toml` names; four times an LPR of 3.00 % is 12 %.
@pytest.mark.parametrize(
    ("kind", "on", "hard", "warn"),
    [
        (BANK, TODAY, "24", None),
        (BANK, date(2017, 8, 4), "24", None),
        (BANK, date(2025, 9, 30), "24", None),
        (BANK, date(2025, 10, 1), "24", None),
        (TRUST, TODAY, "24", None),
        (CONSUMER_FINANCE, TODAY, "24", "20"),
        (CONSUMER_FINANCE, date(2025, 9, 30), "24", None),
        (CONSUMER_FINANCE, date(2025, 10, 1), "24", "20"),
        (MICROLOAN, TODAY, "24", "12"),
        (MICROLOAN, date(2025, 11, 30), "24", None),
        (MICROLOAN, date(2025, 12, 1), "24", "12"),
        (MICROLOAN, date(2027, 12, 31), "24", "12"),
        (MICROLOAN, LATER, "12", None),
        (UNLICENSED, TODAY, "12", None),
        (UNLICENSED, date(2020, 8, 20), "15.4", None),
    ],
)
def test_each_lender_has_its_caps(kind: LenderKind, on: date, hard: str, warn: str | None) -> None:
    findings = check_caps(lender(kind), on, [simple("1000"), compound("0")])
    limits = {finding.enforcement: finding.limit for finding in findings}
    expected = {Enforcement.HARD: Decimal(hard)}
    if warn is not None:
        expected[Enforcement.WARN] = Decimal(warn)
    assert limits == expected
    assert len(findings) == len(expected)


def test_the_table_names_every_lender_and_a_source_for_every_row() -> None:
    assert {rule.lender_kind for rule in CAPS.rules} == set(LenderKind)
    assert all(rule.source for rule in CAPS.rules)
    assert all(rule.tolerance == TOLERANCE == Decimal("0.01") for rule in CAPS.rules)
    assert all(rule.metric is RateConvention.NOMINAL_SIMPLE for rule in CAPS.rules)
    assert [str(kind) for kind in LenderKind] == [
        "BANK",
        "TRUST",
        "CONSUMER_FINANCE",
        "MICROLOAN",
        "UNLICENSED",
    ]
    assert [str(one) for one in Enforcement] == ["hard", "warn"]


@pytest.mark.parametrize(
    ("percent", "breaches"),
    [
        ("24", 0),
        ("24.0000631878", 0),  # 10,000.00 over 12 months at 2 % a month, in fen
        ("24.01", 0),
        ("24.0100000001", 1),
        ("34.14", 1),
    ],
)
def test_a_hundredth_of_a_point_is_tolerated(percent: str, breaches: int) -> None:
    assert len(check_caps(lender(BANK), TODAY, [simple(percent)])) == breaches


def test_the_cap_tests_the_simple_rate_not_the_compound_one() -> None:
    assert check_caps(lender(BANK), TODAY, [compound("26.82"), simple("24.00006")]) == ()


def test_a_finding_names_rule_rate_and_limit() -> None:
    rate = simple("21.5")
    (finding,) = check_caps(lender(CONSUMER_FINANCE), TODAY, [rate])
    assert finding.rate == rate.value
    assert finding.limit == 20
    assert finding.enforcement is Enforcement.WARN
    assert finding.detail == (
        "Annual rate, simple 21.5 % is above the 20 % that CONSUMER_FINANCE may charge "
        "(窗口指导（2025年10月，未见正式文件）)"
    )


def test_a_breach_is_refused_and_a_warning_passes() -> None:
    assert enforce_caps(lender(BANK), TODAY, [simple("24")]) == ()
    (warning,) = enforce_caps(lender(MICROLOAN), TODAY, [simple("18")])
    assert warning.enforcement is Enforcement.WARN
    assert warning.limit == 12
    with pytest.raises(RateCapExceeded) as refusal:
        enforce_caps(lender(MICROLOAN), TODAY, [simple("24.5")])
    assert refusal.value.code == "rate_cap_exceeded"
    assert [breach.limit for breach in refusal.value.breaches] == [24]
    assert refusal.value.message == refusal.value.breaches[0].detail
    with pytest.raises(RateCapExceeded):
        enforce_caps(lender(MICROLOAN), LATER, [simple("18")])


def test_what_cannot_be_tested_is_refused() -> None:
    with pytest.raises(CapUnknown, match="BANK tests nominal_simple, which is missing") as missing:
        check_caps(lender(BANK), TODAY, [compound("10")])
    assert missing.value.code == "cap_unknown"
    assert isinstance(missing.value, DomainError)
    with pytest.raises(CapUnknown, match="no rate cap is known for BANK on 2017-08-03"):
        check_caps(lender(BANK), date(2017, 8, 3), [simple("1")])
    with pytest.raises(CapUnknown, match="no rate cap is known for UNLICENSED on 2020-08-19"):
        check_caps(lender(UNLICENSED), date(2020, 8, 19), [simple("1")])
    with pytest.raises(CapUnknown, match="no loan prime rate is known for 2019-08-19"):
        CAPS.loan_prime_rate(date(2019, 8, 19))


# One-year LPR as announced on the 20th of each month or the next working day. To February 2025 as
# collected in ZiGmaX809/LawsDatabase, LPR_Data.txt; later ones from the PBoC's notices, of which
# the last one compared is that of 20 August 2026.
ANNOUNCED = """
    4.25 2019-08-20
    4.20 2019-09-20 2019-10-21
    4.15 2019-11-20 2019-12-20 2020-01-20
    4.05 2020-02-20 2020-03-20
    3.85 2020-04-20 2020-05-20 2020-06-22 2020-07-20 2020-08-20 2020-09-21 2020-10-20 2020-11-20
    3.85 2020-12-21 2021-01-20 2021-02-22 2021-03-22 2021-04-20 2021-05-20 2021-06-21 2021-07-20
    3.85 2021-08-20 2021-09-22 2021-10-20 2021-11-22
    3.80 2021-12-20
    3.70 2022-01-20 2022-02-21 2022-03-21 2022-04-20 2022-05-20 2022-06-20 2022-07-20
    3.65 2022-08-22 2022-09-20 2022-10-20 2022-11-21 2022-12-20 2023-01-20 2023-02-20 2023-03-20
    3.65 2023-04-20 2023-05-22
    3.55 2023-06-20 2023-07-20
    3.45 2023-08-21 2023-09-20 2023-10-20 2023-11-20 2023-12-20 2024-01-22 2024-02-20 2024-03-20
    3.45 2024-04-22 2024-05-20 2024-06-20
    3.35 2024-07-22 2024-08-20 2024-09-20
    3.10 2024-10-21 2024-11-20 2024-12-20 2025-01-20 2025-02-20
    3.00 2025-05-20 2026-04-20 2026-07-20 2026-08-20
"""


@pytest.mark.parametrize("line", ANNOUNCED.strip().split("\n"))
def test_the_loan_prime_rate_is_the_one_announced(line: str) -> None:
    percent, *days = line.split()
    for day in days:
        assert CAPS.loan_prime_rate(date.fromisoformat(day)) == Decimal(percent)


@pytest.mark.parametrize(
    ("on", "percent"),
    [("2020-04-19", "4.05"), ("2021-12-31", "3.80"), ("2025-05-19", "3.10")],
)
def test_a_loan_prime_rate_holds_until_the_next_one(on: str, percent: str) -> None:
    assert CAPS.loan_prime_rate(date.fromisoformat(on)) == Decimal(percent)


def test_the_limit_follows_the_loan_prime_rate_of_the_contract_date() -> None:
    rule = next(rule for rule in CAPS.rules if rule.lender_kind is UNLICENSED)
    assert cap_limit(CAPS, rule, date(2020, 8, 20)) == Decimal("15.4")
    assert cap_limit(CAPS, rule, TODAY) == 12
