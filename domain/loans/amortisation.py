"""How a balance is repaid over periods: one stretch of a plan, at one rate, by one method.

The level instalment is P x prod(1 + r_k) / F with F_1 = 1 and F_k = 1 + F_(k-1) x (1 + r_k), which
holds for any day count and any lengths of periods. It is computed in integers and rounded once.
A balloon, and a residual value discounted to the last rental, is left out of P at that time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.common.errors import InvalidTerms
from domain.common.money import half_up
from domain.common.rounding import RoundingMode, round_ratio
from domain.loans.accrual import Accrual, Ratio, factor_of, total, years_between
from domain.loans.due_dates import Period
from domain.loans.plan_terms import Method, Residue
from domain.loans.terms import LoanTerms

_LEVEL_PRINCIPAL = (Method.EQUAL_PRINCIPAL, Method.FLAT)
_AT_THE_END = (Method.INTEREST_ONLY, Method.SINGLE_PAYMENT)


_MAX_RETRIES = 50
"""How often a level or a residue is tried again; coarse rounding of interest may never settle."""

Factor = tuple[Ratio, int, int]
"""A period in years, and the interest on a balance of 1 in it as numerator and denominator."""

_FREE: Factor = ((0, 1), 0, 1)


@dataclass(slots=True)
class Row:
    """One instalment of a plan before it is shown; `accruals` is the interest it collects."""

    period: Period
    principal: int
    interest: int
    balance_after: int
    accruals: tuple[Accrual, ...]
    fee: int = 0
    recurring_fee: int = 0


@dataclass(slots=True)
class Stretch:
    """What is to be repaid from a day on.

    `balance` is repaid over `periods`, of which the first is entered on `starts_on`; `carried` is
    interest earned before that and not collected. `flat_base` is what flat interest is charged on.
    `level` fixes the level part: the instalment, or the principal where that is level.
    """

    balance: int
    periods: Sequence[Period]
    starts_on: date
    rate: Decimal
    flat_base: int
    carried: tuple[Accrual, ...] = ()
    level: int | None = None


def amortise(terms: LoanTerms, stretch: Stretch) -> tuple[list[Row], int]:
    """Return one row a period, whose principal sums to the balance, and the level part.

    The level part is zero where the method has none. Raises `InvalidTerms` when a fixed instalment
    never repays the balance.
    """
    factors = _factors(terms, stretch)
    run = _Run(terms, stretch, factors)
    if terms.method is Method.FIXED_INSTALMENT:
        return run.rows(terms.instalment_amount), terms.instalment_amount
    if terms.method in (*_AT_THE_END, Method.EXPLICIT):
        return run.rows(0), 0
    if stretch.periods[-1].is_residual and run.last_rental is None:
        return run.rows(0), 0
    if stretch.level is not None:
        return run.rows(stretch.level), stretch.level
    level = _level(terms, stretch, factors)
    rows = run.rows(level)
    if terms.smooth and terms.method not in _LEVEL_PRINCIPAL:
        level, rows = _smoothed(terms, run, level, rows)
    if terms.residue is Residue.FIRST:
        rows = _residue_first(run, level, rows)
    return rows, level


def _factors(terms: LoanTerms, stretch: Stretch) -> list[Factor]:
    factors = []
    start = stretch.starts_on
    known: dict[Ratio, Factor] = {}
    for period in stretch.periods:
        years = years_between(terms.day_count, period, max(start, period.start), period.end)
        if years not in known:
            known[years] = years, *factor_of(stretch.rate, years)
        factors.append(known[years] if period.bears_interest else _FREE)
        start = period.end
    return factors


def _level(terms: LoanTerms, stretch: Stretch, factors: Sequence[Factor]) -> int:
    if terms.method in _LEVEL_PRINCIPAL:
        paying = sum(_pays(stretch, index) for index in range(len(stretch.periods)))
        return round_ratio(stretch.balance, paying, *terms.instalment_rounding)
    exact = _level_instalment(terms, stretch, factors)
    return round_ratio(*exact, *terms.instalment_rounding)


def _level_instalment(terms: LoanTerms, stretch: Stretch, factors: Sequence[Factor]) -> Ratio:
    """Return the exact level instalment.

    After each paying period the balance is (owed - instalment x annuity) / scale.
    """
    owed, annuity, scale = stretch.balance, 0, 1
    carried, per = total(_running(stretch)) if stretch.carried else (0, 1)
    kept, kept_per = terms.balloon, 1
    if stretch.periods[-1].is_residual:
        *factors, (_, more, unit) = factors
        kept, kept_per = terms.residual * unit, unit + more
    for index, (_, more, unit) in enumerate(factors):
        if not _pays(stretch, index):
            continue
        owed *= unit + more
        annuity *= unit + more
        scale *= unit
        if index == 0 and carried:
            owed = owed * per + carried * scale
            annuity *= per
            scale *= per
        annuity += scale
    return max(owed * kept_per - kept * scale, 0), annuity * kept_per


def _pays(stretch: Stretch, index: int) -> bool:
    # The last takes the rest even in a grace: a loan repaid early may be cut down to one of those.
    return stretch.periods[index].pays_principal or index == len(stretch.periods) - 1


def _running(stretch: Stretch) -> list[Accrual]:
    """Return the interest carried over from the running period itself, not deferred before."""
    begins = stretch.periods[0].start
    return [accrual for accrual in stretch.carried if accrual.start >= begins]


class _Run:
    """Makes the rows of a stretch, again and again for different levels."""

    def __init__(self, terms: LoanTerms, stretch: Stretch, factors: Sequence[Factor]) -> None:
        self.terms = terms
        self.stretch = stretch
        self.factors = factors
        self._rounding = terms.interest_rounding
        self._is_flat = terms.method is Method.FLAT
        self._ends_when_repaid = terms.method is Method.FIXED_INSTALMENT
        self._level_principal = terms.method in _LEVEL_PRINCIPAL
        self._at_the_end = terms.method in _AT_THE_END
        self._last = len(stretch.periods) - 1
        self.last_rental: int | None = None
        self._kept = 0
        if stretch.periods[-1].is_residual:
            paying = [k for k, period in enumerate(stretch.periods[:-1]) if period.pays_principal]
            self.last_rental = paying[-1] if paying else None
            self._kept = _before_interest(terms, factors[-1])

    def rows(self, level: int, extra: int = 0) -> list[Row]:
        """Return the rows; `extra` is added to the first principal repaid before the last row's."""
        stretch = self.stretch
        balance = stretch.balance
        running = _running(stretch) if stretch.carried else []
        pending = [accrual for accrual in stretch.carried if accrual not in running]
        last = len(stretch.periods) - 1
        rows = []
        for index, period in enumerate(stretch.periods):
            accruals = self._earned(index, balance)
            if index == 0 and running:
                accruals = (*running, *accruals)
            own = interest = self._rounded(accruals)
            if pending or not period.pays_interest:
                pending += accruals
                accruals, interest = (), 0
                if period.pays_interest or index == last:
                    accruals, pending = tuple(pending), []
                    interest = self._rounded(accruals)
            principal = self._principal(index, balance, own, level)
            if principal and extra and index != last:
                principal, extra = min(max(principal + extra, 0), balance), 0
            balance -= principal
            rows.append(Row(period, principal, interest, balance, accruals))
            if not balance and self._ends_when_repaid:
                break
        return rows if not balance else self._never_repaid()

    def _rounded(self, accruals: Sequence[Accrual]) -> int:
        exact = accruals[0].exact if len(accruals) == 1 else total(accruals)
        return round_ratio(*exact, *self._rounding)

    def _earned(self, index: int, balance: int) -> tuple[Accrual, ...]:
        period = self.stretch.periods[index]
        base = self.stretch.flat_base if self._is_flat else balance
        years, numerator, denominator = self.factors[index]
        if not numerator or not base:
            return ()
        start = period.start if index else max(self.stretch.starts_on, period.start)
        exact = base * numerator, denominator
        return (Accrual(start, period.end, base, self.stretch.rate, years, exact),)

    def _principal(self, index: int, balance: int, own: int, level: int) -> int:
        """Return what of the balance is repaid; a level part rounded up can repay it early."""
        if index == self._last and not self._ends_when_repaid:
            return balance
        period = self.stretch.periods[index]
        if not period.pays_principal or self._at_the_end:
            return 0
        if self._level_principal:
            return min(level, balance)
        free = max(balance - self._kept, 0) if self._kept else balance
        if index == self.last_rental:
            return free
        if period.agreed is not None:
            agreed = period.agreed
            level = own + (agreed.principal or 0) if agreed.total is None else agreed.total
        return min(max(level - own, 0), free)

    def _never_repaid(self) -> list[Row]:
        raise InvalidTerms(
            f"instalments of {self.terms.instalment_amount} do not repay the loan within "
            f"{len(self.stretch.periods)} of them",
            field="instalment_amount",
        )


def _smoothed(terms: LoanTerms, run: _Run, level: int, rows: list[Row]) -> tuple[int, list[Row]]:
    """Move the level by the last row's difference spread over all rows, while that helps.

    Where the level is rounded up or down the last instalment stays on that side of it.
    """
    unit, mode = terms.instalment_rounding
    for _ in range(_MAX_RETRIES):
        step = unit * half_up(_gap(terms, rows, level), unit * len(rows))
        if not step:
            break
        retried = run.rows(level + step)
        if abs(_gap(terms, retried, level + step)) >= abs(_gap(terms, rows, level)):
            break
        level, rows = level + step, retried
    if mode is RoundingMode.UP:
        return _on_one_side(terms, run, level, rows, unit)
    if mode is RoundingMode.DOWN:
        return _on_one_side(terms, run, level, rows, -unit)
    return level, rows


def _on_one_side(
    terms: LoanTerms, run: _Run, level: int, rows: list[Row], unit: int
) -> tuple[int, list[Row]]:
    """Return the least level that the last instalment does not exceed.

    With a negative `unit` the greatest that it does not fall short of.
    """
    for _ in range(_MAX_RETRIES):
        if _gap(terms, rows, level) * unit <= 0:
            break
        level += unit
        rows = run.rows(level)
    for _ in range(_MAX_RETRIES):
        retried = run.rows(level - unit)
        if _gap(terms, retried, level - unit) * unit > 0:
            break
        level, rows = level - unit, retried
    return level, rows


def _gap(terms: LoanTerms, rows: Sequence[Row], level: int) -> int:
    """Return by how much the last instalment exceeds the level one, a balloon apart.

    A residual value is no instalment: the last rental is meant.
    """
    rentals = [row for row in rows if row.period.pays_principal and not row.period.is_residual]
    last = rentals[-1] if rentals and rows[-1].period.is_residual else rows[-1]
    own = round_ratio(*total(_own(last)), *terms.interest_rounding)
    return last.principal + own - terms.balloon - level


def _before_interest(terms: LoanTerms, factor: Factor) -> int:
    """Return the balance that the last period's rounded interest brings to the residual value.

    Where rounding steps over the residual value it comes within one unit of it; where interest is
    rounded to more than the residual value, nothing is left to bear any.
    """
    _, more, unit = factor
    interest = round_ratio(terms.residual * more, unit + more, *terms.interest_rounding)
    return max(terms.residual - interest, 0)


def _own(row: Row) -> list[Accrual]:
    return [accrual for accrual in row.accruals if accrual.start >= row.period.start]


def _residue_first(run: _Run, level: int, rows: list[Row]) -> list[Row]:
    """Move the last row's difference into the first principal repaid.

    Interest is rounded each time, and what rounding moves grows over the term: what stays with the
    last row is as little as a unit more or less at first allows.
    """
    terms, extra = run.terms, 0
    if terms.method in _LEVEL_PRINCIPAL:
        return run.rows(level, rows[-1].principal - level)
    grown, scale = _growth(run)
    gap = _gap(terms, rows, level)
    steps = [-1, 1, half_up(gap * scale, grown)]
    for _ in range(_MAX_RETRIES):
        if not gap or not steps:
            break
        step = steps.pop()
        retried = run.rows(level, extra + step)
        left = _gap(terms, retried, level)
        if abs(left) < abs(gap):
            rows, extra, gap = retried, extra + step, left
            steps = [-1, 1, half_up(gap * scale, grown)]
    return rows


def _growth(run: _Run) -> Ratio:
    """Return what 1 repaid less at first makes of the last balance."""
    numerator = denominator = 1
    paying = False
    for index, (_, more, unit) in enumerate(run.factors):
        if paying:
            numerator, denominator = numerator * (unit + more), denominator * unit
        paying = paying or _pays(run.stretch, index)
    return numerator, denominator


def emptied(period: Period) -> Row:
    """Return the row of an instalment that has become unnecessary; it keeps its place."""
    return Row(period, 0, 0, 0, ())
