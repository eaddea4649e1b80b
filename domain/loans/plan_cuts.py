"""How the plan of a loan is cut on a day: what was before stays, what is ahead is planned anew.

Interest earned up to the day is carried into the running instalment, what is left of the principal
is repaid anew over the periods that remain; instalments that fell due or whose period is over stay
as they are. What is agreed for later days is not known to the plan before them: a cut takes up the
plan as it was before, and then lets the later changes follow again.
"""

from dataclasses import replace
from datetime import date

from domain.common.errors import InvalidTerms
from domain.loans.accrual import Accrual, factor_of, until, years_between
from domain.loans.amortisation import Row, Stretch, amortise, emptied
from domain.loans.due_dates import Period, plan_periods
from domain.loans.fees import FeeTiming, recurring_fee, spread_share, total_of
from domain.loans.new_plan import places_after
from domain.loans.plan_terms import FlatBase, Holiday, Method
from domain.loans.rate_path import RatePath
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import MAX_INSTALMENTS

Levels = tuple[tuple[date, int], ...]
"""The level part of each stretch by the day from which it counts."""

Stage = tuple[list[Row], int]
"""The rows that a change led to, and the level from its day on."""

_MAX_RETRIES = 50


class PlanCuts:
    """The rows of one loan, in order. Row 0, if there is one, is the down payment."""

    def __init__(self, terms: LoanTerms) -> None:
        self.terms = terms
        self.rows: list[Row] = []
        self.disbursed = 0
        self.called_in = False
        self._pattern = terms
        self._numbered_after = 0
        self._rates = RatePath(terms)
        self._holidays = terms.holidays
        self._levels: Levels = ()
        self._before: dict[date, tuple[list[Row], Levels]] = {}
        self._pending: tuple[date, int] | None = None
        self._agreed_rows = 0
        self._closed_to = 0
        self._repaid_at_once = terms.down_payment
        if terms.flat_base is FlatBase.DISBURSED:
            self._repaid_at_once = 0

    @property
    def _financed(self) -> int:
        return self.disbursed - self._repaid_at_once

    def _recast(
        self, on: date, *, added: int = 0, keep: bool = False, ceiling: bool = False
    ) -> int:
        """Repay what is left from `on` on, then let the changes agreed for later follow again.

        With `keep` each stretch keeps its level, with a `ceiling` none rises.
        """
        length, levels = len(self.rows), self._levels
        stages = self._stages(on) if ceiling else {}
        self._restore(on)
        level = level_at(levels, on) if keep else None
        added -= self._take_pending(on)
        index = self._cut(on, added=added, level=level, ceiling=stages.get(on))
        self._follow(on, levels if keep else (), stages)
        self._pad(length)
        return index

    def _stages(self, on: date) -> dict[date, Stage]:
        """Return the rows that each change from `on` on led to, with the level from its day on."""
        later = sorted(day for day in self._before if day > on)
        rows = [*(self._before[day][0] for day in later), self.rows]
        return {
            day: (list(then), self._level_at(day))
            for day, then in zip([on, *later], rows, strict=True)
        }

    def _restore(self, on: date) -> None:
        """Take up the plan as it was before the changes agreed for days after `on`."""
        later = [day for day in self._before if day > on]
        if later:
            self.rows, self._levels = self._before[min(later)]
        self._before = {day: then for day, then in self._before.items() if day <= on}

    def _take_pending(self, on: date) -> int:
        """Return what was prepaid for the end of the period that a change on `on` cuts."""
        pending, self._pending = self._pending, None
        return pending[1] if pending and pending[0] > on else 0

    def _follow(
        self,
        on: date,
        levels: Levels = (),
        stages: dict[date, Stage] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        """Make the changes agreed for days after `on`, with these levels if any are to be kept."""
        for day, change in self._changes_after(on):
            self._before.setdefault(day, (list(self.rows), self._levels))
            level = level_at(levels, day) if levels else None
            ceiling = stages.get(day) if stages else None
            if isinstance(change, Holiday):
                self._leave_out(change, strict=strict, level=level, ceiling=ceiling)
            elif change is not None:
                self._cut(day, added=-change, level=level, ceiling=ceiling)
            else:
                if level is None and not self._rates.is_agreed(day):
                    level = self._level_at(day)
                self._cut(day, level=level, ceiling=ceiling)

    def _changes_after(self, on: date) -> list[tuple[date, Holiday | int | None]]:
        """Return steps of the rate (None), what was prepaid for a later day, and holidays."""
        changes: list[tuple[date, Holiday | int | None]]
        changes = [(day, None) for day in self._rates.days_after(on)]
        if self._pending is not None and self._pending[0] > on:
            changes.append(self._pending)
        changes += [(holiday.on, holiday) for holiday in self._holidays if holiday.on > on]
        if len(changes) > 1:
            changes.sort(key=lambda change: change[0])
        return changes

    def _pad(self, length: int) -> None:
        """Keep a place for every instalment that there was."""
        missing = length - len(self.rows)
        if missing > 0:
            self.rows += map(emptied, places_after(self.rows[-1].period, missing))

    def _level_at(self, on: date) -> int:
        return level_at(self._levels, on) or 0

    def _cut(
        self,
        on: date,
        *,
        added: int = 0,
        level: int | None = None,
        periods: list[Period] | None = None,
        replaces: bool = False,
        ceiling: Stage | None = None,
        terms: LoanTerms | None = None,
    ) -> int:
        index = self._running(on)
        if added > 0 and index == len(self.rows) and self.rows[-1].period.end > on:
            index -= 1
        old = self.rows[index:]
        if not old and periods is None:
            return index
        ahead = self._ahead(old) if periods is None else periods
        stretch = Stretch(
            balance=sum(row.principal for row in old) + added,
            periods=ahead,
            starts_on=max(on, ahead[0].start),
            rate=self._rates.at(on),
            flat_base=self._financed,
            carried=(*self._earned(old, on), *self._early(on, added, ahead[0])),
            brought=self.rows[index - 1].carried if index else 0,
            level=level,
        )
        rows, level = amortise(terms or self.terms, stretch)
        if ceiling is not None and level:
            rows, level = self._lowered(stretch, rows, level, ceiling[1], ceiling[0][index:])
        self._levels = (*(one for one in self._levels if one[0] < on), (on, level))
        spare = [row.period for row in old[len(rows) :]]
        last = rows[-1].period
        if replaces or (spare and spare[0].end < last.end):
            spare = places_after(last, len(spare))
        self.rows[index:] = [*rows, *map(emptied, spare)]
        self._charge_fees(self.rows[index:])
        return index

    def _lowered(
        self, stretch: Stretch, rows: list[Row], level: int, highest: int, old: list[Row]
    ) -> tuple[list[Row], int]:
        """Return rows of which none asks for more than the old ones did."""
        unit, last = self.terms.instalment_rounding.unit, len(rows) - 1
        most = _asked(old[last]) if last < len(old) else 0
        for _ in range(_MAX_RETRIES):
            if level <= highest and (_asked(rows[last]) <= most or level == highest):
                break
            stretch.level = level = min(level + unit, highest)
            rows, _ = amortise(self.terms, stretch)
        return rows, level

    def _leave_out(
        self,
        holiday: Holiday,
        *,
        strict: bool,
        added: int = 0,
        level: int | None = None,
        ceiling: Stage | None = None,
    ) -> int:
        """Cut the plan for a holiday; one agreed before covers what later changes left to cover."""
        index = self._running(holiday.on)
        left = self._ahead(self.rows[index:]) if index < len(self.rows) else []
        if holiday.extend and self.rows and (strict or self._can_grow(holiday.count)):
            left += self._more(holiday.count, after=len(left) + index)
        covered = [number for number, period in enumerate(left) if period.due_on > holiday.on][
            : holiday.count
        ]
        closing = _closing(left)
        if strict and (not covered or covered[-1] >= closing):
            raise InvalidTerms(
                f"a holiday of {holiday.count} instalments from {holiday.on} leaves none to pay",
                field="holidays",
            )
        covered = [number for number in covered if number < closing]
        if not covered:
            return len(self.rows)
        for number in covered:
            left[number] = replace(left[number], pays_principal=False, pays_interest=False)
        return self._cut(holiday.on, added=added, periods=left, level=level, ceiling=ceiling)

    def _ahead(self, old: list[Row]) -> list[Period]:
        """Return the periods in which there is something to repay, more for a fixed instalment.

        Where nothing is left to repay they are all that remain, for what may be disbursed yet.
        """
        used = max((k for k, row in enumerate(old, start=1) if row.principal), default=0)
        if used:
            periods = [row.period for row in old[:used]]
        else:
            periods = [row.period for row in old if row.period.end > row.period.start] or [
                row.period for row in old[:1]
            ]
        if self.terms.method is not Method.FIXED_INSTALMENT or not periods:
            return periods
        known = {period.number: period for period in periods}
        return [
            known.get(period.number, period)
            for period in self._periods(MAX_INSTALMENTS)
            if period.number >= periods[0].number
        ]

    def _earned(self, rows: list[Row], on: date) -> tuple[Accrual, ...]:
        day_count = self.terms.day_count
        parts = (until(day_count, accrual, on) for row in rows for accrual in row.accruals)
        return tuple(part for part in parts if part is not None)

    def _early(self, on: date, added: int, first: Period) -> tuple[Accrual, ...]:
        """Return the interest on what goes out after a due date but before its period is over."""
        rate = self._rates.at(on)
        if added <= 0 or on >= first.start or not rate or on < self.terms.disbursed_on:
            return ()
        before = next(row.period for row in reversed(self.rows) if row.period.end == first.start)
        years = years_between(self.terms.day_count, before, on, first.start)
        numerator, denominator = factor_of(rate, years)
        return (Accrual(on, first.start, added, rate, years, (added * numerator, denominator)),)

    def _running(self, on: date) -> int:
        """Return the index of the first instalment that is neither due nor over by that day."""
        for index, row in enumerate(self.rows):
            if row.period.end > on and row.period.due_on > on:
                return index
        return len(self.rows)

    def _periods(self, count: int) -> list[Period]:
        """Return the first `count` periods of the pattern in force, numbered within the loan."""
        return numbered(plan_periods(self._pattern, count), self._numbered_after)

    def _can_grow(self, count: int) -> bool:
        is_closed = self.terms.method is Method.EXPLICIT or self.terms.residual > 0
        return not is_closed and self.rows[-1].period.number + count <= MAX_INSTALMENTS

    def _more(self, count: int, after: int) -> list[Period]:
        """Return `count` periods that follow the first `after` rows; the plan grows by as many."""
        if self.terms.method is Method.FIXED_INSTALMENT:
            return []
        if not self._can_grow(count):
            raise InvalidTerms("this plan cannot be extended", field="holidays")
        self.rows += map(emptied, places_after(self.rows[-1].period, count))
        known = self.rows[after - 1].period.number - self._numbered_after
        return self._periods(known + count)[known:]

    def _charge_fees(self, rows: list[Row]) -> None:
        terms = self.terms
        if not terms.fees:
            return
        rounding = terms.interest_rounding
        original = terms.principal
        first = total_of(terms.fees, FeeTiming.FIRST_INSTALMENT, original, rounding)
        spread = total_of(terms.fees, FeeTiming.SPREAD, original, rounding)
        for row in rows:
            number = row.period.number
            if number == 0 or row.period.is_residual:
                continue
            row.recurring_fee = row.fee = 0
            if row.principal or row.interest or row.balance_after:
                before = row.balance_after + row.principal
                row.recurring_fee = recurring_fee(
                    terms.fees, original, before, rounding, number=number
                )
            row.fee = row.recurring_fee
            if number <= self._closed_to:
                continue
            row.fee += first if number == 1 else 0
            if number <= self._agreed_rows:
                row.fee += spread_share(spread, number, self._agreed_rows)


def level_at(levels: Levels, on: date) -> int | None:
    """Return the level part of the stretch that a day lies in."""
    return next((level for since, level in reversed(levels) if since <= on), None)


def _asked(row: Row) -> int:
    return row.principal + row.interest


def numbered(periods: list[Period], after: int) -> list[Period]:
    """Number periods within a loan that has `after` instalments before them."""
    if after:
        for period in periods:
            period.number += after
    return periods


def _closing(periods: list[Period]) -> int:
    """Return the index from which a holiday has to leave periods: the last rental, a residual."""
    return len(periods) - (2 if periods and periods[-1].is_residual else 1)
