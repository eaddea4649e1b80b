"""How a balance is repaid over periods: one stretch of a plan, at one rate, by one method.

A balloon, and a residual value discounted to the last rental, is left out of what the level part
repays (`domain.loans.level`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.common.day_count import DayCount
from domain.common.errors import InvalidTerms
from domain.common.rounding import RoundingMode, round_ratio
from domain.loans.accrual import Accrual, Ratio, factor_of, total, years_between
from domain.loans.due_dates import Period
from domain.loans.level import Find, fewest_covering, most_reaching, nearest, solve
from domain.loans.plan_terms import LevelRate, Method, Residue
from domain.loans.terms import LoanTerms
from domain.loans.worksheet import Factor, Level, Line, Part, Run, Worksheet, rounder

_LEVEL_PRINCIPAL = (Method.EQUAL_PRINCIPAL, Method.FLAT)
_AT_THE_END = (Method.INTEREST_ONLY, Method.SINGLE_PAYMENT)
_NO_LEVEL = (*_AT_THE_END, Method.EXPLICIT)


@dataclass(slots=True)
class Row:
    """One instalment of a plan before it is shown; `accruals` is the interest it collects.

    `carried` is the interest that it leaves to the next one because its level part is too low,
    `brought` what the one before it left, which is `before` within one stretch.
    """

    period: Period
    principal: int
    interest: int
    balance_after: int
    accruals: tuple[Accrual, ...]
    fee: int = 0
    recurring_fee: int = 0
    carried: int = 0
    brought: int = 0
    before: "Row | None" = None


@dataclass(slots=True)
class Stretch:
    """What is to be repaid from a day on.

    `balance` is repaid over `periods`, of which the first is entered on `starts_on`; `carried` is
    interest earned before that and not collected, `brought` what the instalment before them left.
    `flat_base` is what flat interest is charged on. `level` fixes the level part: the instalment,
    or the principal where that is level.
    """

    balance: int
    periods: Sequence[Period]
    starts_on: date
    rate: Decimal
    flat_base: int
    carried: tuple[Accrual, ...] = ()
    brought: int = 0
    level: int | None = None


def amortise(terms: LoanTerms, stretch: Stretch) -> tuple[list[Row], int]:
    """Return one row a period, whose principal sums to the balance, and the level part.

    The level part is zero where the method has none. Raises `InvalidTerms` when a fixed instalment
    never repays the balance.
    """
    plan = _Shape(terms, stretch)
    if terms.method is Method.FIXED_INSTALMENT:
        level = terms.instalment_amount
    elif terms.method in _NO_LEVEL or plan.is_residual_alone:
        level = 0
    elif stretch.level is None:
        return plan.levelled()
    else:
        level = stretch.level
    return plan.rows(plan.sheet.run(plan.sheet.targets(Level(level)))), level


class _Shape:
    """A stretch as its worksheet has it, and the way back to rows."""

    def __init__(self, terms: LoanTerms, stretch: Stretch) -> None:
        self.terms = terms
        self.stretch = stretch
        self._years: list[Ratio] = []
        self._running: list[Accrual] = []
        if stretch.carried:
            begins = stretch.periods[0].start
            self._running = [item for item in stretch.carried if item.start >= begins]
        self.sheet = self._worksheet()

    @property
    def is_residual_alone(self) -> bool:
        """Say whether no rental is left before the residual value."""
        return self.stretch.periods[-1].is_residual and self.sheet.last_rental is None

    def levelled(self) -> tuple[list[Row], int]:
        """Return the rows with the level part that repays the balance, and that part."""
        terms, sheet = self.terms, self.sheet
        formula, kept = self._formula()
        is_exact = terms.level_rate is LevelRate.EXACT
        level, run, is_found = solve(sheet, formula, kept, is_exact=is_exact)
        by_total = not self._is_level_principal
        if by_total and (terms.smooth or not is_found):
            level, run = self._smoothed(level)
        if terms.residue is Residue.FIRST:
            run = self._residue_first(level, run, by_total=by_total)
        rows = self.rows(run)
        targets = sheet.targets(level)
        if terms.residue is Residue.LAST_INTEREST:
            rest = sheet.rest
            _level_last(rows[rest], targets[rest] + terms.balloon)
        return rows, round_ratio(*level, *terms.instalment_rounding)

    def rows(self, run: Run) -> list[Row]:
        """Return the rows that a run makes; raises `InvalidTerms` when it repays too little."""
        if run.left:
            raise InvalidTerms(
                f"instalments of {self.terms.instalment_amount} do not repay the loan within "
                f"{len(self.stretch.periods)} of them",
                field="instalment_amount",
            )
        stretch, periods = self.stretch, self.stretch.periods
        rounded = rounder(self.terms.interest_rounding)
        pending = [item for item in stretch.carried if item not in self._running]
        balance, brought = stretch.balance, stretch.brought
        rate, flat_base = stretch.rate, self.sheet.flat_base
        last = len(periods) - 1
        rows: list[Row] = []
        for index, (principal, interest) in enumerate(zip(run.principals, run.own, strict=True)):
            period = periods[index]
            base = balance if flat_base is None else flat_base
            numerator, denominator = self.sheet.lines[index].factor
            accruals: tuple[Accrual, ...] = ()
            if numerator and base:
                since = period.start
                start = since if index else max(stretch.starts_on, since)
                years, exact = self._years[index], (base * numerator, denominator)
                accruals = (Accrual(start, period.end, base, rate, years, exact, since),)
            if index == 0 and self._running:
                accruals = (*self._running, *accruals)
            if pending or not period.pays_interest:
                pending += accruals
                accruals, interest = (), 0
                if period.pays_interest or index == last:
                    accruals, pending = tuple(pending), []
                    interest = rounded(*total(accruals))
            balance -= principal
            row = Row(period, principal, interest, balance, accruals)
            if run.unmet:
                row.brought, row.carried = brought, run.unmet[index]
                row.before = rows[-1] if brought and rows else None
                row.interest += brought - row.carried
                brought = row.carried
            rows.append(row)
        return rows

    def _worksheet(self) -> Worksheet:
        terms, stretch = self.terms, self.stretch
        factors = self._factors()
        last_rental, kept = None, 0
        if stretch.periods[-1].is_residual:
            paying = [k for k, period in enumerate(stretch.periods[:-1]) if period.pays_principal]
            last_rental = paying[-1] if paying else None
            kept = _before_interest(terms, factors[-1])
        return Worksheet(
            self._lines(factors),
            balance=stretch.balance,
            interest_rounding=terms.interest_rounding,
            level_rounding=terms.instalment_rounding,
            running=total(self._running) if self._running else (0, 1),
            brought=stretch.brought,
            flat_base=stretch.flat_base if terms.method is Method.FLAT else None,
            last_rental=last_rental,
            kept=kept,
            unmet_interest=terms.unmet_interest,
            ends_when_repaid=terms.method is Method.FIXED_INSTALMENT,
        )

    def _factors(self) -> list[Factor]:
        terms, stretch = self.terms, self.stretch
        by_period = terms.day_count is DayCount.PERIOD
        start: date | None = stretch.starts_on
        factors = []
        known: dict[Ratio, Factor] = {}
        for period in stretch.periods:
            if by_period and start is None:
                years = period.years
            else:
                begins = period.start if start is None else max(start, period.start)
                years = years_between(terms.day_count, period, begins, period.end)
                start = None
            self._years.append(years)
            factor = known.get(years)
            if factor is None:
                factor = known[years] = factor_of(stretch.rate, years)
            factors.append(factor if period.bears_interest else (0, 1))
        return factors

    @property
    def _is_level_principal(self) -> bool:
        return self.terms.method in _LEVEL_PRINCIPAL and not self.terms.level_total

    def _lines(self, factors: Sequence[Factor]) -> list[Line]:
        usual = Part.LEVEL_PRINCIPAL if self._is_level_principal else Part.TOTAL
        at_the_end = self.terms.method in _AT_THE_END
        lines = []
        known: dict[Factor, Line] = {}
        for period, factor in zip(self.stretch.periods, factors, strict=True):
            if period.is_usual and not at_the_end:
                line = known.get(factor)
                if line is None:
                    line = known[factor] = Line(usual, factor)
                lines.append(line)
                continue
            part, agreed = usual, None
            if at_the_end or not period.pays_principal:
                part = Part.NOTHING
            elif period.agreed is not None:
                part, agreed = Part.TOTAL, period.agreed.total
                if agreed is None:
                    part, agreed = Part.PRINCIPAL, period.agreed.principal or 0
            lines.append(Line(part, factor, period.weight, agreed, period.pays_interest))
        if self.terms.method is not Method.FIXED_INSTALMENT:
            # The last takes the rest even in a grace: a loan repaid early may be cut down to that.
            lines[-1] = lines[-1]._replace(collects=True)
            closing = _closing(lines)
            lines[closing] = lines[closing]._replace(part=Part.REST, agreed=None)
            for index in range(closing + 1, len(lines)):
                lines[index] = lines[index]._replace(part=Part.NOTHING)
        return lines

    def _formula(self) -> tuple[Sequence[Line], Ratio]:
        """Return the lines that the level part is solved by, and what it leaves to repay."""
        terms, lines = self.terms, self.sheet.lines
        if terms.level_rate is LevelRate.NOMINAL:
            frequency = terms.frequency
            years = frequency.every, frequency.units_per_year
            nominal = factor_of(self.stretch.rate, years)
            lines = [line._replace(factor=nominal if line.factor[0] else (0, 1)) for line in lines]
        kept = terms.balloon, 1
        if self.stretch.periods[-1].is_residual:
            *lines, (_, (more, unit), *_) = lines
            kept = terms.residual * unit, unit + more
        return lines, kept

    def _gap(self, run: Run, targets: Sequence[int]) -> int:
        """Return by how much the last instalment exceeds the level one, a balloon apart.

        A residual value is no instalment: the last rental is meant.
        """
        last = self.sheet.rest if self.sheet.last_rental is None else self.sheet.last_rental
        return run.principals[last] + run.own[last] - self.terms.balloon - targets[last]

    def _smoothed(self, level: Level) -> tuple[Level, Run]:
        """Move the level, by rounding units, to where the last instalment is nearest to it.

        Where the level is rounded up or down the last instalment stays on that side of it.
        """
        unit, mode = self.terms.instalment_rounding
        if not self.sheet.is_weighted:
            level = Level(round_ratio(*level, unit, mode))
        if mode is RoundingMode.UP:
            return self._searched(level, unit, fewest_covering)
        if mode is RoundingMode.DOWN:
            return self._searched(level, unit, most_reaching)
        return self._searched(level, unit, nearest)

    def _searched(self, start: Level, unit: int, find: Find) -> tuple[Level, Run]:
        """Return the level that is found in steps of a unit, and its run."""
        sheet = self.sheet
        tried: dict[int, tuple[Level, Run]] = {}

        def gap(steps: int) -> int:
            if steps not in tried:
                moved = Level(start.numerator + steps * unit * start.denominator, start.denominator)
                tried[steps] = moved, sheet.run(sheet.targets(moved))
            moved, its = tried[steps]
            return self._gap(its, sheet.targets(moved))

        lowest = -(start.numerator // (start.denominator * unit))
        highest = 2 * sheet.balance // unit + 1
        steps = find(gap, lowest, highest)
        gap(steps)
        return tried[steps]

    def _residue_first(self, level: Level, run: Run, *, by_total: bool) -> Run:
        """Move the last instalment's difference into the first principal repaid.

        Interest is rounded each time, and what rounding moves grows over the term: what stays with
        the last one is as little as a unit more or less at first allows.
        """
        sheet, targets = self.sheet, self.sheet.targets(level)
        if not by_total:
            return sheet.run(targets, run.principals[sheet.rest] - targets[sheet.rest])
        tried = {0: run}

        def gap(extra: int) -> int:
            if extra not in tried:
                tried[extra] = sheet.run(targets, extra)
            return self._gap(tried[extra], targets)

        extra = nearest(gap, -sheet.balance, sheet.balance)
        gap(extra)
        return tried[extra]


def _closing(lines: Sequence[Line]) -> int:
    """Return the index of the instalment that takes the rest: the last with any weight."""
    paying = (k for k in range(len(lines) - 1, -1, -1) if lines[k].weight[0])
    return next(paying, len(lines) - 1)


def _level_last(row: Row, wanted: int) -> None:
    """Let the interest of the last row take what rounding leaves over, if it has any."""
    interest = wanted - row.principal
    if row.accruals and interest >= 0:
        row.interest = interest


def _before_interest(terms: LoanTerms, factor: Factor) -> int:
    """Return the balance that the last period's rounded interest brings to the residual value.

    Where rounding steps over the residual value it comes within one unit of it; where interest is
    rounded to more than the residual value, nothing is left to bear any.
    """
    more, unit = factor
    interest = round_ratio(terms.residual * more, unit + more, *terms.interest_rounding)
    return max(terms.residual - interest, 0)


def emptied(period: Period) -> Row:
    """Return the row of an instalment that has become unnecessary; it keeps its place."""
    return Row(period, 0, 0, 0, ())
