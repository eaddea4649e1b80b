"""What a lender may charge: caps on the annual rate as dated data, and the check against them.

Source of the table: domain facts, section 2.3; its notes say which instruments have no published
text. A change of law or of the loan prime rate is a new row, never a change of code.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, NamedTuple

from domain.common.errors import DomainError
from domain.pricing.rates import Rate, RateConvention

TOLERANCE = Decimal("0.01")
"""Percentage points: a 24 % plan computed in fen is 24.00006 % (domain facts, section 2.2)."""


class LenderKind(StrEnum):
    """The licence a lender works under."""

    BANK = "BANK"
    TRUST = "TRUST"
    CONSUMER_FINANCE = "CONSUMER_FINANCE"
    MICROLOAN = "MICROLOAN"
    UNLICENSED = "UNLICENSED"


class Enforcement(StrEnum):
    """What a rate above a cap leads to: refusal (`hard`), or a warning to whoever decides."""

    HARD = "hard"
    WARN = "warn"


class LoanPrimeRate(NamedTuple):
    """The one-year loan prime rate in percent a year, as announced, from its day on."""

    since: date
    percent: Decimal


class CapRule(NamedTuple):
    """One cap: `value` percent a year, or `value` times the one-year loan prime rate.

    It holds from `since` until the day before `until`. Rates are tested under `metric`; only what
    exceeds the cap by more than `tolerance` percentage points is above it.
    """

    lender_kind: LenderKind
    enforcement: Enforcement
    since: date
    value: Decimal
    source: str
    times_lpr: bool = False
    until: date = date.max
    metric: RateConvention = RateConvention.NOMINAL_SIMPLE
    tolerance: Decimal = TOLERANCE


class RateCapExceeded(DomainError):
    """A rate is above what the lender may charge; `breaches` say by which rule."""

    code: ClassVar[str] = "rate_cap_exceeded"

    def __init__(self, breaches: "tuple[CapBreach, ...]") -> None:
        super().__init__("; ".join(str(breach) for breach in breaches))
        self.breaches = breaches


class CapUnknown(DomainError):
    """The cap of a lender cannot be tested: no row for the day, or the tested rate is missing."""

    code: ClassVar[str] = "cap_unknown"


@dataclass(frozen=True, slots=True)
class CapFinding:
    """A rate above a cap: `limit` is the cap in percent a year on that day."""

    rule: CapRule
    rate: Rate
    limit: Decimal

    def __str__(self) -> str:
        return (
            f"{self.rate.name} {self.rate.value:f} % is above the {self.limit:f} % that "
            f"{self.rule.lender_kind} may charge ({self.rule.source})"
        )


class CapBreach(CapFinding):
    """A rate above a hard cap: the product or the contract must not go out."""

    __slots__ = ()


class CapWarning(CapFinding):
    """A rate above a soft cap."""

    __slots__ = ()


LOAN_PRIME_RATES = tuple(
    LoanPrimeRate(date.fromisoformat(since), Decimal(percent))
    for since, percent in (
        ("2019-08-20", "4.25"),
        ("2019-09-20", "4.20"),
        ("2019-11-20", "4.15"),
        ("2020-02-20", "4.05"),
        ("2020-04-20", "3.85"),
        ("2021-12-20", "3.80"),
        ("2022-01-20", "3.70"),
        ("2022-08-22", "3.65"),
        ("2023-06-20", "3.55"),
        ("2023-08-21", "3.45"),
        ("2024-07-22", "3.35"),
        ("2024-10-21", "3.10"),
        ("2025-05-20", "3.00"),
    )
)
"""One-year LPR, the days it changed (National Interbank Funding Center, authorised by the PBoC).

Compared with the announcements up to that of 20 August 2026, which still says 3.0 %.
"""

_SPC_2017 = "法发〔2017〕22号第2条"
_MICROLOAN_2025 = "小额贷款公司综合融资成本管理（2025年12月，中国人民银行、金融监管总局）"

CAP_RULES = (
    CapRule(
        LenderKind.BANK,
        Enforcement.HARD,
        since=date(2017, 8, 4),
        until=date(2025, 10, 1),
        value=Decimal(24),
        source=_SPC_2017,
    ),
    CapRule(
        LenderKind.BANK,
        Enforcement.HARD,
        since=date(2025, 10, 1),
        value=Decimal(24),
        source=f"金规〔2025〕9号；{_SPC_2017}",
    ),
    CapRule(
        LenderKind.TRUST,
        Enforcement.HARD,
        since=date(2017, 8, 4),
        value=Decimal(24),
        source=_SPC_2017,
    ),
    CapRule(
        LenderKind.CONSUMER_FINANCE,
        Enforcement.HARD,
        since=date(2017, 8, 4),
        value=Decimal(24),
        source=_SPC_2017,
    ),
    CapRule(
        LenderKind.CONSUMER_FINANCE,
        Enforcement.WARN,
        since=date(2025, 10, 1),
        value=Decimal(20),
        source="窗口指导（2025年10月，未见正式文件）",
    ),
    CapRule(
        LenderKind.MICROLOAN,
        Enforcement.HARD,
        since=date(2017, 8, 4),
        until=date(2028, 1, 1),
        value=Decimal(24),
        source=f"{_MICROLOAN_2025}；{_SPC_2017}",
    ),
    CapRule(
        LenderKind.MICROLOAN,
        Enforcement.WARN,
        since=date(2025, 12, 1),
        until=date(2028, 1, 1),
        value=Decimal(4),
        times_lpr=True,
        source=_MICROLOAN_2025,
    ),
    CapRule(
        LenderKind.MICROLOAN,
        Enforcement.HARD,
        since=date(2028, 1, 1),
        value=Decimal(4),
        times_lpr=True,
        source=_MICROLOAN_2025,
    ),
    CapRule(
        LenderKind.UNLICENSED,
        Enforcement.HARD,
        since=date(2020, 8, 20),
        value=Decimal(4),
        times_lpr=True,
        source="最高人民法院关于审理民间借贷案件适用法律若干问题的规定（2020年修正）第25条",
    ),
)
"""The caps in force, by kind of lender (domain facts, section 2.3, default cap table)."""


def check_caps(
    lender_kind: LenderKind, on: date, rates: Iterable[Rate]
) -> tuple[CapBreach | CapWarning, ...]:
    """Return every cap on `on`, the contract date, that one of `rates` is above.

    Raises `CapUnknown` when there is no cap for the lender on that day or the rate a cap tests is
    not among `rates`: what cannot be tested must not be released.
    """
    rules = [
        rule
        for rule in CAP_RULES
        if rule.lender_kind is lender_kind and rule.since <= on < rule.until
    ]
    if not rules:
        raise CapUnknown(f"no rate cap is known for {lender_kind} on {on}")
    by_convention = {rate.convention: rate for rate in rates}
    findings = (_finding(rule, on, by_convention.get(rule.metric)) for rule in rules)
    return tuple(finding for finding in findings if finding is not None)


def enforce_caps(
    lender_kind: LenderKind, on: date, rates: Iterable[Rate]
) -> tuple[CapWarning, ...]:
    """Return the warnings; raise `RateCapExceeded` on any breach, `CapUnknown` as `check_caps`."""
    findings = check_caps(lender_kind, on, rates)
    breaches = tuple(finding for finding in findings if isinstance(finding, CapBreach))
    if breaches:
        raise RateCapExceeded(breaches)
    return tuple(finding for finding in findings if isinstance(finding, CapWarning))


def cap_limit(rule: CapRule, on: date) -> Decimal:
    """Return the cap of `rule` on `on` in percent a year; raises `CapUnknown` without an LPR."""
    return rule.value * loan_prime_rate(on) if rule.times_lpr else rule.value


def loan_prime_rate(on: date) -> Decimal:
    """Return the one-year loan prime rate in force on `on`, percent a year.

    Raises `CapUnknown` before the first announcement.
    """
    known = [lpr for lpr in LOAN_PRIME_RATES if lpr.since <= on]
    if not known:
        raise CapUnknown(f"no loan prime rate is known for {on}")
    return max(known).percent


def _finding(rule: CapRule, on: date, rate: Rate | None) -> CapBreach | CapWarning | None:
    if rate is None:
        raise CapUnknown(
            f"the rate cap of {rule.lender_kind} tests {rule.metric}, which is missing"
        )
    limit = cap_limit(rule, on)
    if rate.value <= limit + rule.tolerance:
        return None
    kind = CapBreach if rule.enforcement is Enforcement.HARD else CapWarning
    return kind(rule, rate, limit)
