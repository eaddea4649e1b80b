"""Interest earned day by day on what is really owed, until an instalment bills it."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from domain.common.day_count import FIXED_YEARS, DayCount, year_fraction
from domain.common.rounding import Rounding, round_ratio
from domain.loans.accrual import Accrual, Ratio, factor_of, total, years_between
from domain.loans.amortisation import Row
from domain.loans.due_dates import Period


@dataclass(frozen=True, slots=True)
class Unbilled:
    """Interest that no instalment has billed yet.

    `carried` are whole minor units left by an instalment before, less than zero what an instalment
    takes of the `pieces`; those were earned since, each a balance x rate x part of a year. They are
    rounded together, once, when an instalment bills them.
    """

    carried: int = 0
    pieces: tuple[Accrual, ...] = ()

    def rounded(self, rounding: Rounding) -> int:
        """Return the whole of it in minor units."""
        if not self.pieces:
            return self.carried
        return self.carried + round_ratio(*total(self.pieces), *rounding)

    def plus(self, piece: Accrual | None) -> "Unbilled":
        """Return it with one piece more."""
        return self if piece is None else replace(self, pieces=(*self.pieces, piece))

    def less(self, taken: int, rounding: Rounding) -> "Unbilled":
        """Return what is left when an instalment takes so much of it."""
        if taken >= self.rounded(rounding):
            return Unbilled()
        return replace(self, carried=self.carried - taken)

    def billed(self, rounding: Rounding) -> "Unbilled":
        """Return it in whole minor units, as what an instalment that bills leaves to the next."""
        return Unbilled(carried=self.rounded(rounding))

    def accruals(self, on: date) -> tuple[Accrual, ...]:
        """Return it as a row shows it, what was carried as a piece of no time on `on`."""
        if not self.carried:
            return self.pieces
        on = min([on, *(piece.start for piece in self.pieces)])
        return (Accrual(on, on, 0, Decimal(0), (0, 1), (self.carried, 1)), *self.pieces)


def earned(
    day_count: DayCount, period: Period, balance: int, rate: Decimal, start: date, end: date
) -> Accrual | None:
    """Return what a balance earns from `start` to `end` at one rate; None if nothing.

    Days count as part of `period`: cut into pieces it earns what it earns in one.
    """
    if not balance or not rate or start >= end or not period.bears_interest:
        return None
    years = _years(day_count, period, start, end)
    numerator, denominator = factor_of(rate, years)
    return Accrual(start, end, balance, rate, years, (balance * numerator, denominator))


def _years(day_count: DayCount, period: Period, start: date, end: date) -> Ratio:
    if day_count is DayCount.PERIOD or day_count in FIXED_YEARS:
        return years_between(day_count, period, start, end)
    # The conventions of 30 days a month add up only when each part is counted from one day on.
    origin = min(period.start, start)
    whole = year_fraction(day_count, origin, end)
    return (whole - year_fraction(day_count, origin, start)).as_integer_ratio()


def ended(period: Period, after: Period, on: date) -> tuple[Period, Period]:
    """Return a period that ends on `on` already, and the one after it, which begins then."""
    days, whole = (on - period.start).days, max((period.end - period.start).days, 1)
    years, unit = period.years
    spent = years * days, unit * whole
    left = years * (whole - days), unit * whole
    more, per = after.years
    joined = left[0] * per + more * left[1], left[1] * per
    return replace(period, end=on, years=spent), replace(after, start=on, years=joined)


def comes_to(row: Row, *, is_total: bool) -> int:
    """Return what a row fixes: its total of principal and interest, or its principal alone."""
    return row.principal + row.interest if is_total else row.principal
