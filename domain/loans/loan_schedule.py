"""The plan of a loan as it changes: disbursed in parts, rates changed, prepaid, rescheduled.

Every change cuts the plan on its day. Interest earned up to then is carried into the running
instalment, what is left of the principal is repaid anew over the periods that remain; instalments
that fell due or whose period is over stay as they are. A plan agreed in advance is made by the very
same changes: what is agreed for later days is not known to the plan before it, so a cut takes up
the plan as it was before them and then lets them follow again. A change that changes nothing cuts
nothing.
"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from domain.common.errors import InvalidTerms
from domain.common.frequency import MONTHLY, Frequency
from domain.loans.accrual import Accrual, factor_of, until, years_between
from domain.loans.amortisation import Row, Stretch, amortise, emptied
from domain.loans.due_dates import Period, plan_periods
from domain.loans.fees import FeeTiming, recurring_fee, spread_share, total_of
from domain.loans.new_plan import NOT_CONTINUED, continued, due_pattern, pays_alike, places_after, same_dates
from domain.loans.plan_terms import ExplicitInstalment, Holiday, Method
from domain.loans.rate_path import RatePath
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import MAX_INSTALMENTS

Levels = tuple[tuple[date, int], ...]
"""The level part of each stretch by the day from which it counts."""

_MAX_RETRIES = 50


class LoanSchedule:
    """The rows of one loan, in order. Row 0, if there is one, is the down payment.

    Each change returns the index of the first row it may have altered; that beyond the last row
    when it altered none.
    """

    def __init__(self, terms: LoanTerms) -> None:
        self.terms = terms
        self.rows: list[Row] = []
        self.disbursed = 0
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

    def disburse(self, on: date, amount: int) -> int:
        """Plan the repayment of another disbursement; the first makes the plan."""
        if not self.rows:
            self.disbursed = amount
            self._start(amount)
            return 0
        if self.rows[-1].period.end <= on:
            raise InvalidTerms(
                f"{on} is too late to disburse: the last instalment fell due", field="tranches"
            )
        self.disbursed += amount
        return self._recast(on, added=amount)

    def change_rate(self, on: date, annual_rate: Decimal) -> int:
        """Charge another rate from the day `on`; rates agreed for later days still follow."""
        changed = self._rates.change(on, annual_rate)
        return self._recast(on) if changed and self.rows else len(self.rows)

    def pause_interest(self, on: date, until: date) -> int:
        """Let no interest run from `on` to `until`; instalments keep their level meanwhile."""
        changed = self._rates.pause(on, until)
        return self._recast(on, keep=True) if changed and self.rows else len(self.rows)

    def grant_holiday(self, holiday: Holiday) -> int:
        """Leave out the next due dates after a day; raises `InvalidTerms` if none would remain."""
        length = len(self.rows)
        if not holiday.extend and self._leaves_out_nothing(holiday):
            return length
        self._restore(holiday.on)
        index = self._leave_out(holiday, strict=True, added=-self._take_pending(holiday.on))
        self._follow(holiday.on)
        self._pad(length)
        return index

    def prepay(self, on: date, amount: int, *, shorten: bool) -> tuple[int, int]:
        """Lower the principal at once; also return how much of `amount` that took.

        No instalment rises by it: rounding anew may not lift a level above what it was.
        """
        index = self._running(on)
        taken = min(amount, sum(row.principal for row in self.rows[index:]))
        if not taken:
            return index, 0
        return self._recast(on, added=-taken, keep=shorten, ceiling=not shorten), taken

    def prepay_later(self, on: date, amount: int) -> tuple[int, int]:
        """Lower the principal at the end of the running period, whose instalment stays as it is.

        Another change within the period takes the prepayment with it.
        """
        index = self._running(on)
        taken = min(amount, sum(row.principal for row in self.rows[index + 1 :]))
        if not taken:
            return len(self.rows), 0
        end = self.rows[index].period.end
        length, day_before = len(self.rows), end - timedelta(days=1)
        stages = self._stages(day_before)
        self._restore(day_before)
        self._pending = end, taken + (self._pending[1] if self._pending else 0)
        self._follow(day_before, (), stages | {end: stages.get(end, stages[day_before])})
        self._pad(length)
        return index + 1, taken

    def fill_next(self, on: date, amount: int) -> tuple[int, int]:
        """Take an amount off the principal of the coming instalments, the next one first.

        The others keep theirs, and all bear interest on what is left.
        """
        index = self._running(on)
        old = self.rows[index:]
        taken = min(amount, sum(row.principal for row in old))
        if not taken:
            return len(self.rows), 0
        if self.terms.residual:
            return self._recast(on, added=-taken, ceiling=True), taken
        length, level = len(self.rows), self._level_at(on)
        left, periods = taken, self._ahead(old)
        agreed = []
        for period, row in zip(periods, old, strict=False):
            filled = min(left, row.principal)
            left -= filled
            asked = ExplicitInstalment(due_on=period.due_on, principal=row.principal - filled)
            agreed.append(replace(period, agreed=asked))
        self._restore(on)
        added = -taken - self._take_pending(on)
        listed = self.terms.model_copy(update={"method": Method.EXPLICIT})
        self._cut(on, added=added, periods=agreed, terms=listed)
        for row, period in zip(self.rows[index:], periods, strict=False):
            row.period = period
        self._levels = (*self._levels[:-1], (on, level))
        self._follow(on)
        self._pad(length)
        return index, taken

    def reschedule(
        self,
        on: date,
        *,
        instalments: int,
        first_due_on: date,
        frequency: Frequency | None = None,
        annual_rate: Decimal | None = None,
        due_day: int | None = None,
        added: int = 0,
        moved: list[Period] | None = None,
    ) -> int:
        """Replace what has not fallen due by `instalments` new ones, with `added` principal.

        Interest earned so far is collected with the first of them. Plans that had no agreed number
        of regular instalments continue with equal ones, a residual value as their balloon. Due
        twice a month they keep the loan's two due days; a loan that has none raises `InvalidTerms`.
        Periods that are only `moved` keep the level instalment, and the last takes the difference.
        """
        if first_due_on <= on:
            raise InvalidTerms(f"a new plan is first due after {on}", field="first_due_on")
        if not 1 <= instalments <= MAX_INSTALMENTS:
            raise InvalidTerms(
                f"a new plan has 1 to {MAX_INSTALMENTS} instalments due after {on}",
                field="instalments",
            )
        length, index = len(self.rows), self._running(on)
        ahead, frequency = self._ahead(self.rows[index:]), frequency or MONTHLY
        pattern = due_pattern(self._pattern, on, first_due_on, frequency, due_day)
        after = self.rows[index - 1].period.number if index else 0
        terms = continued(self.terms).model_copy(update=pattern)
        new = _numbered(plan_periods(terms, instalments), after)
        if moved is not None:
            new = [_as_agreed(period, old) for period, old in zip(new, moved, strict=True)]
        rate_stays = annual_rate is None or self._rates.is_steady(on, annual_rate)
        if rate_stays and not added and self._has_dates(ahead, new, first_due_on, terms):
            return length
        self.terms, self._pattern = continued(self.terms), terms
        self._numbered_after = after
        if annual_rate is not None:
            self._rates.replace(on, annual_rate)
        level = None if moved is None else self._level_at(on)
        self._restore(on)
        self._holidays = tuple(holiday for holiday in self._holidays if holiday.on <= on)
        added -= self._take_pending(on)
        index = self._cut(on, added=added, periods=new, level=level, replaces=True)
        self._follow(on, () if moved is None else self._levels)
        self._pad(length)
        return index

    def _has_dates(
        self, ahead: list[Period], new: list[Period], first_due_on: date, terms: LoanTerms
    ) -> bool:
        """Say whether a new plan falls due as the one ahead does, by the dates that people see."""
        if same_dates(ahead, new):
            return True
        if len(ahead) != len(new) or self.terms.method in NOT_CONTINUED:
            return False
        old = self._pattern
        same_day = terms.due_day in (None, old.anchor_day) or terms.frequency.months is None
        if terms.frequency != old.frequency or ahead[0].due_on != first_due_on or not same_day:
            return False
        pairs = zip(ahead, new, strict=True)
        return all(pays_alike(one, two) for one, two in pairs)

    def move_due_date(self, on: date, first_due_on: date, due_day: int | None = None) -> int:
        """Let the next instalment fall due on another day and the others follow; the level stays.

        So does what each of them asks for: a grace or a holiday agreed for it goes with it.
        """
        ahead = self._ahead(self.rows[self._running(on) :])
        if not ahead or self.terms.method in NOT_CONTINUED:
            raise InvalidTerms("no regular instalments are ahead", field="on")
        return self.reschedule(
            on,
            instalments=len(ahead),
            first_due_on=first_due_on,
            frequency=self._pattern.frequency,
            due_day=due_day,
            moved=ahead,
        )

    def take_in(self, on: date, amount: int, *, at_the_end: bool) -> int:
        """Repay more principal over what is ahead, with the last instalment if `at_the_end`."""
        return self._recast(on, added=amount, keep=at_the_end) if amount else len(self.rows)

    def close(self, on: date) -> int:
        """Ask for nothing behind `on` any more: what was planned is settled and stays so.

        What is disbursed later is repaid over the periods that remain.
        """
        length = len(self.rows)
        self._restore(on)
        self._pending = None
        index = self._running(on)
        self.rows[index:] = [emptied(row.period) for row in self.rows[index:]]
        self._repaid_at_once = self.disbursed
        self._closed_to = self.rows[-1].period.number
        self._follow(on)
        self._pad(length)
        return index

    def periods_ahead(self, on: date) -> list[Period]:
        """Return the periods after `on` in which there is something to repay."""
        return self._ahead(self.rows[self._running(on) :])

    def _start(self, amount: int) -> None:
        terms = self.terms
        fixed = terms.method is Method.FIXED_INSTALMENT
        count = MAX_INSTALMENTS if fixed else terms.instalments or len(terms.explicit)
        rows, level = amortise(
            terms,
            Stretch(
                balance=amount - terms.down_payment,
                periods=plan_periods(terms, count),
                starts_on=terms.disbursed_on,
                rate=self._rates.at(terms.disbursed_on),
                flat_base=self._financed,
            ),
        )
        self._levels = ((terms.disbursed_on, level),)
        self._agreed_rows = len(rows) - bool(terms.residual)
        if terms.down_payment:
            on = terms.disbursed_on
            paid_at_once = Period(0, on, on, on, (0, 1))
            left = amount - terms.down_payment
            rows.insert(0, Row(paid_at_once, terms.down_payment, 0, left, ()))
        self.rows = rows
        self._charge_fees(0)
        self._follow(terms.disbursed_on, strict=True)

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
        level = _at(levels, on) if keep else None
        added -= self._take_pending(on)
        index = self._cut(on, added=added, level=level, ceiling=stages.get(on))
        self._follow(on, levels if keep else (), stages)
        self._pad(length)
        return index

    def _stages(self, on: date) -> dict[date, tuple[list[Row], int]]:
        """Return the rows that each change from `on` on led to, with the level from its day on."""
        later = sorted(day for day in self._before if day > on)
        rows = [*(self._before[day][0] for day in later), self.rows]
        return {
            day: (list(then), self._level_at(day)) for day, then in zip([on, *later], rows, strict=True)
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
        stages: dict[date, tuple[list[Row], int]] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        """Make the changes agreed for days after `on`, with these levels if any are to be kept."""
        for day, change in self._changes_after(on):
            self._before.setdefault(day, (list(self.rows), self._levels))
            level = _at(levels, day) if levels else None
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
        return _at(self._levels, on) or 0

    def _cut(
        self,
        on: date,
        *,
        added: int = 0,
        level: int | None = None,
        periods: list[Period] | None = None,
        replaces: bool = False,
        ceiling: tuple[list[Row], int] | None = None,
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
        self._charge_fees(index)
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

    def _leaves_out_nothing(self, holiday: Holiday) -> bool:
        """Say whether the due dates that a holiday covers are left out already."""
        periods = self.periods_ahead(holiday.on)
        covered = [period for period in periods if period.due_on > holiday.on][: holiday.count]
        return len(covered) == holiday.count and not any(
            period.pays_principal or period.pays_interest for period in covered
        )

    def _leave_out(
        self,
        holiday: Holiday,
        *,
        strict: bool,
        added: int = 0,
        level: int | None = None,
        ceiling: tuple[list[Row], int] | None = None,
    ) -> int:
        """Cut the plan for a holiday; one agreed before covers what later changes left to cover."""
        index = self._running(holiday.on)
        left = self._ahead(self.rows[index:]) if index < len(self.rows) else []
        if holiday.extend and self.rows and (strict or self._can_grow(holiday.count)):
            left += self._more(holiday.count, after=len(left) + index)
        covered = [
            number for number, period in enumerate(left) if period.due_on > holiday.on
        ][: holiday.count]
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
        return _numbered(plan_periods(self._pattern, count), self._numbered_after)

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

    def _charge_fees(self, start: int) -> None:
        terms = self.terms
        if not terms.fees:
            return
        rounding = terms.interest_rounding
        original = terms.principal
        first = total_of(terms.fees, FeeTiming.FIRST_INSTALMENT, original, rounding)
        spread = total_of(terms.fees, FeeTiming.SPREAD, original, rounding)
        for row in self.rows[start:]:
            number = row.period.number
            if number == 0 or row.period.is_residual:
                continue
            row.recurring_fee = row.fee = 0
            if row.principal or row.interest or row.balance_after:
                before = row.balance_after + row.principal
                row.recurring_fee = recurring_fee(terms.fees, original, before, rounding)
            row.fee = row.recurring_fee
            if number <= self._closed_to:
                continue
            row.fee += first if number == 1 else 0
            if number <= self._agreed_rows:
                row.fee += spread_share(spread, number, self._agreed_rows)


def _at(levels: Levels, on: date) -> int | None:
    return next((level for since, level in reversed(levels) if since <= on), None)


def _asked(row: Row) -> int:
    return row.principal + row.interest


def _numbered(periods: list[Period], after: int) -> list[Period]:
    if after:
        for period in periods:
            period.number += after
    return periods


def _as_agreed(period: Period, old: Period) -> Period:
    """Return a period that pays what another did."""
    return replace(
        period,
        pays_principal=old.pays_principal,
        pays_interest=old.pays_interest,
        bears_interest=old.bears_interest,
    )


def _closing(periods: list[Period]) -> int:
    """Return the index from which a holiday has to leave periods: the last rental, a residual."""
    return len(periods) - (2 if periods and periods[-1].is_residual else 1)
