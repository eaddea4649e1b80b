"""The plan of a loan as it changes: disbursed in parts, rates changed, prepaid, rescheduled.

Every change cuts the plan on its day (`domain.loans.plan_cuts`). A plan agreed in advance is made
by the very same changes. A change that changes nothing cuts nothing.
"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from domain.common.errors import InvalidTerms
from domain.common.frequency import MONTHLY, Frequency
from domain.common.rounding import round_ratio
from domain.loans.accrual import total
from domain.loans.amortisation import Row, Stretch, amortise, emptied
from domain.loans.due_dates import Period, plan_periods
from domain.loans.new_plan import (
    NOT_CONTINUED,
    as_agreed,
    begun,
    continued,
    due_pattern,
    pays_alike,
    same_dates,
)
from domain.loans.plan_cuts import PlanCuts, numbered
from domain.loans.plan_terms import ExplicitInstalment, FlatBase, Holiday, Method
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import MAX_INSTALMENTS


class LoanSchedule(PlanCuts):
    """The rows of one loan, in order. Row 0, if there is one, is the down payment.

    Each change returns the index of the first row it may have altered; that beyond the last row
    when it altered none.
    """

    def disburse(self, on: date, amount: int, down_payment: int = 0) -> int:
        """Plan the repayment of another disbursement; the first makes the plan.

        A `down_payment` on a later one is a row of its own, put in before the one returned.
        """
        if not self.rows:
            self.disbursed = amount
            self._start(amount)
            return 0
        if self.rows[-1].period.end <= on:
            raise InvalidTerms(
                f"{on} is too late to disburse: the last instalment fell due", field="tranches"
            )
        self.disbursed += amount
        if not down_payment:
            return self._recast(on, added=amount)
        return self._disburse_less(on, amount, down_payment)

    def _disburse_less(self, on: date, amount: int, down_payment: int) -> int:
        length = len(self.rows) + 1
        if self.terms.flat_base is FlatBase.FINANCED:
            self._repaid_at_once += down_payment
        self._restore(on)
        added = amount - down_payment - self._take_pending(on)
        index = self._cut(on, added=added)
        left = self.rows[index].balance_after + self.rows[index].principal
        carried = self.rows[index - 1].carried if index else 0
        period = Period(0, on, on, on, (0, 1))
        at_once = Row(period, down_payment, 0, left, (), carried=carried)
        self.rows.insert(index, at_once)
        self._follow(on)
        self._pad(length)
        return index + 1

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
        self._pending = end, taken + self._take_pending(on)
        self._follow(day_before, (), stages | {end: stages.get(end, stages[day_before])})
        self._pad(length)
        return index + 1, taken

    def fill_next(self, on: date, amount: int) -> tuple[int, int]:
        """Take an amount off the principal of the coming instalments, the next one first.

        The others keep theirs, and all bear interest on what is left.
        """
        index = self._running(on)
        taken = min(amount, sum(row.principal for row in self.rows[index:]))
        if not taken:
            return len(self.rows), 0
        if self.terms.residual:
            return self._recast(on, added=-taken, ceiling=True), taken
        length, level, stages = len(self.rows), self._level_at(on), self._stages(on)
        self._restore(on)
        old = self.rows[index:]
        left = filling = taken + self._take_pending(on)
        periods, agreed = self._ahead(old), []
        for period, row in zip(periods, old, strict=False):
            filled = min(left, row.principal)
            left -= filled
            asked = ExplicitInstalment(due_on=period.due_on, principal=row.principal - filled)
            agreed.append(replace(period, agreed=asked))
        listed = self.terms.model_copy(update={"method": Method.EXPLICIT})
        self._cut(on, added=-filling, periods=agreed, terms=listed)
        for row, period in zip(self.rows[index:], periods, strict=False):
            row.period = period
        self._levels = (*self._levels[:-1], (on, level))
        self._follow(on, (), stages)
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
        pattern = due_pattern(self.terms, self._pattern, on, first_due_on, frequency, due_day)
        after = max((row.period.number for row in self.rows[:index]), default=0)
        terms = continued(self.terms).model_copy(update=pattern)
        new = numbered(plan_periods(terms, instalments), after)
        if moved is not None:
            new = [as_agreed(period, old) for period, old in zip(new, moved, strict=True)]
            new[0] = begun(new[0], moved[0].start)
        rate_stays = annual_rate is None or self._rates.is_steady(on, annual_rate)
        if rate_stays and not added and self._has_dates(ahead, new, first_due_on, terms):
            return length
        self.terms, self._pattern = continued(self.terms), terms
        self._numbered_after, self.called_in = after, False
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
        if len(ahead) != len(new) or self.terms.method in NOT_CONTINUED:
            return False
        if same_dates(ahead, new):
            return True
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

    def call_in(self, on: date) -> int:
        """Let all that is left fall due on a day with the interest earned by then; no more follows.

        Fees that recur with instalments are owed for those before it only, the others all at once.
        """
        self._restore(on)
        self._pending, self._holidays, self.called_in = None, (), True
        index = self._running(on)
        old = self.rows[index:]
        earned = self._earned(old, on)
        interest = round_ratio(*total(earned), *self.terms.interest_rounding)
        period = replace(old[0].period, due_on=on, end=on, pays_principal=True, pays_interest=True)
        row = Row(period, sum(row.principal for row in old), interest, 0, earned)
        row.fee = sum(row.fee - row.recurring_fee for row in old)
        length = len(self.rows)
        self.rows[index:] = [row]
        self._pad(length)
        return index

    def periods_ahead(self, on: date) -> list[Period]:
        """Return the periods after `on` in which there is something to repay."""
        return self._ahead(self.rows[self._running(on) :])

    def rate_at(self, on: date) -> Decimal:
        """Return the rate at which interest is earned from the day `on`."""
        return self._rates.at(on)

    def next_rate_on(self, after: date) -> date | None:
        """Return the next day on which the rate changes."""
        return next(iter(self._rates.days_after(after)), None)

    def is_agreed_step(self, on: date) -> bool:
        """Say whether the rate was agreed to change on a day, not only paused or taken up again."""
        return self._rates.is_agreed(on)

    def priced(self, rows: list[Row]) -> list[Row]:
        """Return rows with the fees that come with them."""
        self._charge_fees(rows)
        return rows

    def before_later(self, on: date) -> list[Row]:
        """Take up the plan as it was before what is agreed for days after `on`; return its rows."""
        self._restore(on)
        return self.rows

    def resume(self, on: date, rows: list[Row], *, length: int, level_anew: bool = False) -> None:
        """Resume from rows that say what became of it; what is agreed for later follows again.

        With `level_anew` what is ahead is levelled on the day first. There are `length` rows.
        """
        self.rows = rows
        if level_anew:
            self._cut(on)
        self._follow(on)
        self._pad(length)

    def plan_of(self, earlier: "LoanSchedule") -> None:
        """Take up the plan as it was earlier; the rates stay those of now."""
        self.rows, self._levels = earlier.rows, earlier._levels
        self._before, self._pending = earlier._before, earlier._pending

    def _start(self, amount: int) -> None:
        terms = self.terms
        fixed = terms.method is Method.FIXED_INSTALMENT
        count = MAX_INSTALMENTS if fixed else terms.agreed_rows
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
        self._charge_fees(self.rows)
        self._follow(terms.disbursed_on, strict=True)

    def _leaves_out_nothing(self, holiday: Holiday) -> bool:
        """Say whether the due dates that a holiday covers are left out already."""
        periods = self.periods_ahead(holiday.on)
        covered = [period for period in periods if period.due_on > holiday.on][: holiday.count]
        return len(covered) == holiday.count and not any(
            period.pays_principal or period.pays_interest for period in covered
        )
