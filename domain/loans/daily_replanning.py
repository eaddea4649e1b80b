"""The plan of a loan whose interest follows what is really owed, day by day.

The plan fixes what each instalment comes to: its total, or its principal where that is what was
agreed. What it collects of interest is what was earned since the one before, on the balance of each
day; principal takes the rest of the total, and the last instalment the rest of the principal.
Interest beyond a total is carried to the next instalment and bears none. Paid on its due dates a
loan is therefore repaid exactly as planned.

The instalments ahead are a forecast: what is late counts as paid on the day that is looked at.

Known elsewhere as simple or daily interest (LoanPro), interest recalculation (Apache Fineract) and
interest on a declining balance recalculated (Mambu).
"""

from copy import deepcopy
from dataclasses import replace
from datetime import date

from domain.loans.accrual import Accrual
from domain.loans.allocation import Component, Excess
from domain.loans.amortisation import Row
from domain.loans.daily_interest import Unbilled, comes_to, earned, ended
from domain.loans.distribution import Distribution
from domain.loans.due_dates import Period
from domain.loans.instalment_account import InstalmentAccount
from domain.loans.plan_terms import InterestBasis, Method
from domain.loans.receivables import Receivables
from domain.loans.replanning import Replanning, Replans
from domain.loans.terms import LoanTerms

_FIXED_TOTAL = (
    *(Method.EQUAL_INSTALMENT, Method.BALLOON, Method.FIXED_INSTALMENT),
    Method.RENTALS_IN_ADVANCE,
)
_PAYS_NEXT = (Excess.CREDIT, Excess.NEXT_INSTALMENT, Excess.NEXT_PRINCIPAL)


class DailyReplanning(Replanning):
    """The plan of a loan and the instalments that follow it, interest on the balance of each day.

    `_asked` is what each instalment comes to by the plan, `_early` what of that was repaid before.
    """

    def __init__(self, terms: LoanTerms, distribution: Distribution) -> None:
        super().__init__(terms, distribution)
        self._first_earned = terms.interest_basis is InterestBasis.DAILY
        self._clock = terms.disbursed_on
        self._unbilled = Unbilled()
        self._asked: list[int] = []
        self._early: list[int] = []
        self._planned: list[int] = []
        self._shifted: dict[int, Period] = {}
        self._last = 0
        self._levels_next = False
        self._is_changed = False

    def advance(self, on: date) -> None:
        """Let the days pass up to `on`: interest is earned, instalments are billed."""
        while self._clock < on and self.instalments:
            self._pass_to(min(self._boundaries(on)))
        self._clock = max(self._clock, on)

    def _boundaries(self, on: date) -> list[date]:
        index, changes = self._now(), self._schedule.next_rate_on(self._clock)
        ends = [self.instalments[index].row.period.end] if index <= self._last else []
        return [on, *ends, *([] if changes is None else [changes])]

    def _pass_to(self, day: date) -> None:
        index, schedule = self._now(), self._schedule
        period = self.instalments[min(index, self._last)].row.period
        rate, day_count = schedule.rate_at(self._clock), self._terms.day_count
        if not schedule.called_in:
            piece = earned(day_count, period, self._balance(), rate, self._clock, day)
            self._unbilled = self._unbilled.plus(piece)
        is_step = schedule.next_rate_on(self._clock) == day and schedule.is_agreed_step(day)
        self._clock = day
        levels = False
        if index <= self._last and period.end == day:
            self._bill(index)
            levels, self._levels_next = self._levels_next, False
        if (is_step and self._has_strayed()) or levels:
            self._take_up(day, level_anew=True)

    def _now(self) -> int:
        """Return the index of the instalment that collects what is earned now.

        Past that of the last one when all fell due.
        """
        for index, item in enumerate(self.instalments):
            if item.row.period.end > self._clock:
                return index
        return len(self.instalments)

    def _balance(self) -> int:
        gone = sum(
            item.paid.principal + item.waived.principal + item.written_off.principal
            for item in self.instalments
        )
        return self._schedule.disbursed - gone

    def _balance_ahead(self, index: int) -> int:
        """Return the principal that no instalment before `index` asked for."""
        return self._balance() - sum(item.principal_unpaid for item in self.instalments[:index])

    def _has_total(self, index: int) -> bool:
        """Say whether the total of an instalment is what was agreed, not its principal alone."""
        is_level = self._schedule.terms.method in _FIXED_TOTAL
        return is_level and self.instalments[index].row.period.pays_interest

    def _row(
        self,
        index: int,
        ahead: int,
        unbilled: Unbilled,
        asked: int | None = None,
        last: int | None = None,
    ) -> tuple[Row, Unbilled]:
        """Return the instalment as it collects `unbilled`, and what that leaves unbilled."""
        item = self.instalments[index]
        is_last = index == (self._last if last is None else last)
        if asked is None:
            asked = max(self._asked[index] - self._early[index], 0)
        collects = item.row.period.pays_interest or is_last
        due = unbilled.rounded(self._terms.interest_rounding)
        interest = due if collects else 0
        if is_last:
            principal = ahead
        elif self._has_total(index):
            interest = min(interest, asked)
            principal = min(asked - interest, ahead)
        else:
            principal = min(asked, ahead)
        interest = max(interest, item.paid.interest - item.kept.interest - item.charged.interest)
        accruals: tuple[Accrual, ...] = ()
        if interest or collects:
            accruals = unbilled.accruals(item.row.period.start)
            unbilled = unbilled.less(interest, self._terms.interest_rounding)
        row = replace(
            item.row,
            principal=principal,
            interest=interest,
            balance_after=ahead - principal,
            accruals=accruals,
            before=None,
            brought=0,
            carried=0,
        )
        return row, unbilled

    def _bill(self, index: int) -> None:
        row, left = self._row(index, self._balance_ahead(index), self._unbilled)
        self._follow(index, [row])
        if index < self._last:
            # The last one goes on collecting what late principal earns.
            self._unbilled = left.billed(self._terms.interest_rounding)

    def _has_strayed(self) -> bool:
        """Say whether what is ahead is no more what the plan has."""
        self.forecast(self._clock)
        index = self._now()
        rows = [item.row.principal for item in self.instalments[index : self._last + 1]]
        return rows != self._planned[index : self._last + 1]

    def forecast(self, on: date) -> None:
        """Bring the instalments ahead up to what was paid: what is late counts as paid on `on`."""
        index = self._now()
        for number in range(index, len(self.instalments)):
            self._keep_early(number)
        if not self.instalments:
            return
        if index > self._last:
            self._collect_late()
            return
        self._follow(index, self._forecast_rows(index, on, self._last))

    def _forecast_rows(
        self, index: int, on: date, last: int, asked: list[int] | None = None, again: int = 0
    ) -> list[Row]:
        """Return the rows from `index` to `last` as they will collect what is earned.

        Where other amounts are `asked` than those of the plan in force, each row tells only what is
        earned in its own time; `again` is what they ask for of principal that was repaid early.
        """
        ahead, unbilled = self._balance_ahead(index) + again, self._unbilled
        rows, start, schedule = [], on, self._schedule
        for number in range(index, last + 1):
            period = self.instalments[number].row.period
            pieces = unbilled.accruals(period.start) if number == index else ()
            while ahead and start < period.end:
                changes = schedule.next_rate_on(start)
                end = period.end if changes is None else min(changes, period.end)
                rate = schedule.rate_at(start)
                piece = earned(self._terms.day_count, period, ahead, rate, start, end)
                unbilled, start = unbilled.plus(piece), end
                pieces = pieces if piece is None else (*pieces, piece)
            start = max(start, period.end)
            other = None if asked is None else asked[number]
            row, unbilled = self._row(number, ahead, unbilled, other, last)
            ahead -= row.principal
            rows.append(row if asked is None else replace(row, accruals=pieces))
        return rows

    def _collect_late(self) -> None:
        """Have the last instalment ask for what was earned since it fell due."""
        item = self.instalments[self._last]
        interest = self._unbilled.rounded(self._terms.interest_rounding)
        item.grown += interest - item.row.interest
        accruals = self._unbilled.accruals(item.row.period.start)
        # Its fees fell due as they were: a payoff has closed the plan that would price them anew.
        self._bind(self._last, replace(item.row, interest=interest, accruals=accruals))

    def _follow(self, index: int, rows: list[Row]) -> None:
        for number, row in enumerate(self._schedule.priced(rows), start=index):
            self._bind(number, row)

    def _bind(self, number: int, row: Row) -> None:
        item = self.instalments[number]
        item.rebind(item.with_fee_paid(row))
        if item.paid_on is None:
            self._paid_to = min(self._paid_to, number)

    def before_payment(self, on: date, named: InstalmentAccount | None = None) -> None:
        """Have late instalments ask for the interest earned up to now first, within their totals.

        The oldest takes it before the others; what remains of a total is principal. One that is
        named before it is due asks for what was earned up to now.
        """
        running = self._now()
        if named is not None and named in self.instalments[running : self._last + 1]:
            self._ask_now(self.instalments.index(named))
        if running < len(self.instalments) and self.instalments[running].due_on <= on:
            # Its due date moved to an earlier day than the end of its period.
            self._ask_now(running)
        if running > self._last and self.instalments:
            self._collect_late()
        late = [
            (number, item)
            for number, item in enumerate(self.instalments[:running])
            if item.due_on <= on and (item.principal_unpaid or item.interest_unpaid)
        ]
        if late and self._first_earned:
            self._take_earned_first(on, running, late)

    def _take_earned_first(
        self, on: date, running: int, late: list[tuple[int, InstalmentAccount]]
    ) -> None:
        collected = fresh = 0
        if running <= self._last:
            now = self.instalments[running]
            collected = now.paid.interest - now.kept.interest
            fresh = max(self._unbilled.rounded(self._terms.interest_rounding) - collected, 0)
        pool = fresh + sum(item.interest_unpaid for _, item in late)
        for number, item in late:
            first = min(pool, item.principal_unpaid + item.interest_unpaid)
            more, pool = first - item.interest_unpaid, pool - first
            if more:
                row = item.row
                principal, interest = row.principal - more, row.interest + more
                with item.bearing(on):
                    self._follow(number, [replace(row, principal=principal, interest=interest)])
        if running > self._last:
            self._unbilled = Unbilled(carried=self.instalments[self._last].row.interest)
        elif fresh:
            self._unbilled = Unbilled(carried=collected + pool)

    def _ask_now(self, index: int) -> None:
        first = self._collecting()
        unbilled = self._unbilled if index == first else Unbilled()
        ahead = self._balance_ahead(self._now())
        row, _ = self._row(index, ahead, unbilled)
        self._follow(index, [row])

    def _collecting(self) -> int:
        """Return the index of the instalment that collects what is unbilled."""
        index = self._now()
        while index < self._last and not self.instalments[index].row.period.pays_interest:
            index += 1
        return index

    def use_excess(self, funds: int, on: date, rule: Excess) -> int:
        """Use money beyond what is due on its day: credit would lie idle while interest runs."""
        if self._now() > self._last or not self._balance():
            return funds
        if rule in _PAYS_NEXT:
            return self._pay_next(funds, on)
        funds -= self._pay_earned(funds, on)
        self.forecast(on)
        index = self._now()
        taken = min(funds, self._balance_ahead(index))
        if not taken:
            return funds
        if rule is Excess.REDUCE_INSTALMENT:
            early = self._early[index:]
            self._take_up(on, whole=True)
            start, _ = self._schedule.prepay(on, taken, shorten=False)
            self.instalments[index].prepay(taken, on)
            self._rebind(start, on)
            # What was paid of an instalment ahead stays with it.
            self._early[index : index + len(early)] = early
            self.forecast(on)
        else:
            self.instalments[index].prepay(taken, on)
        self._levels_next = self._levels_next or rule is Excess.REDUCE_LATER
        return funds - taken

    def _pay_next(self, funds: int, on: date) -> int:
        """Pay coming instalments: of each the interest earned so far, and principal.

        One whose total is paid ends on the day: what is earned from then on comes with the next.
        """
        index, unbilled = self._now(), self._unbilled
        while funds and index <= self._last and self._balance():
            item = self.instalments[index]
            row, left = self._row(index, self._balance_ahead(index), unbilled)
            self._follow(index, [row])
            funds = self._distribution.pay_ahead([item], funds, on, from_last=False)
            self._keep_early(index)
            if item.principal_unpaid or item.interest_unpaid:
                break
            if index < self._last and self._has_total(index) and self._end_early(index, on):
                self._unbilled = left = left.billed(self._terms.interest_rounding)
            index, unbilled = index + 1, left
        return funds

    def _keep_early(self, index: int) -> None:
        """Book principal of an instalment ahead as repaid early: no later plan asks for it."""
        item = self.instalments[index]
        early = item.paid.principal - item.kept.principal
        if early:
            item.settled = replace(item.settled, principal=item.settled.principal + early)
            item.kept = replace(item.kept, principal=item.kept.principal + early)
            self._early[index] += early
            item.rebind(replace(item.row, principal=item.row.principal - early))

    def _end_early(self, index: int, on: date) -> bool:
        row, after = self.instalments[index].row, self.instalments[index + 1].row
        if not row.period.bears_interest:
            return False
        self._shifted[index], self._shifted[index + 1] = ended(row.period, after.period, on)
        for number in (index, index + 1):
            item = self.instalments[number]
            item.rebind(self._as_shifted(number, item.row))
        return True

    def _as_shifted(self, index: int, row: Row) -> Row:
        """Return a row with the time of its period as early payments moved it."""
        shifted = self._shifted.get(index)
        if shifted is None:
            return row
        own = replace(row.period, start=shifted.start, end=shifted.end, years=shifted.years)
        return replace(row, period=own)

    def _pay_earned(self, funds: int, on: date) -> int:
        """Pay the interest earned so far; return how much that took."""
        index = self._collecting()
        self._ask_now(index)
        item = self.instalments[index]
        return item.cover(item.paid, Component.INTEREST, funds, on)

    def disburse(self, on: date, amount: int, down_payment: int) -> int:
        """Plan the repayment of a disbursement; a down payment on a later one is due at once."""
        if not self.instalments:
            return super().disburse(on, amount, down_payment)
        self._take_up(on)
        if down_payment:
            # It is put in before the instalment that runs, and moves those from there on.
            index = self._now()
            self._shifted = {
                number + (number >= index): period for number, period in self._shifted.items()
            }
        return super().disburse(on, amount, down_payment)

    def close(self, on: date) -> None:
        """Keep what a payoff settled or a write-off gave up: no later plan reaches it."""
        self._take_up(on)
        super().close(on)
        if self._now() <= self._last:
            self._unbilled = Unbilled()
            self._adopt(self._now())

    def replan(self, event: Replans, receivables: Receivables) -> int:
        """Change what is ahead; raises `InvalidTerms` when no plan follows."""
        before, length = deepcopy(self._schedule), len(self.instalments)
        self._take_up(event.on)
        self._is_changed = False
        freed = super().replan(event, receivables)
        if not self._is_changed and len(self._schedule.rows) == length:
            self._schedule.plan_of(before)
        return freed

    def _take_up(self, on: date, *, level_anew: bool = False, whole: bool = False) -> None:
        """Have the plan know what was paid, before it changes; a `whole` one asks for it again."""
        index, schedule = self._now(), self._schedule
        early = [0] * len(self._early) if whole else self._early
        rows = [
            replace(self._as_shifted(number, row), before=None, brought=0, carried=0)
            for number, row in enumerate(schedule.before_later(on))
        ]
        if index <= self._last:
            asked = [
                max(comes_to(row, is_total=self._has_total(number)) - early[number], 0)
                for number, row in enumerate(rows)
            ]
            last = max((n for n in range(index, len(rows)) if asked[n]), default=index)
            again = sum(self._early[index:]) if whole else 0
            forecast = self._forecast_rows(index, on, last, asked, again)
            for number, row in enumerate(forecast, start=index):
                rows[number] = replace(row, period=rows[number].period)
        schedule.resume(on, rows, length=len(self.instalments), level_anew=level_anew)
        if level_anew and index <= self._last:
            self._rebind(index, on)

    def _rebind(self, index: int, on: date) -> int:
        """Take over what the plan's rows from `index` on come to, and forecast what they collect.

        What was paid on them stays: it was owed on its day.
        """
        rows = self._schedule.rows
        if index >= len(rows):
            return 0
        self._is_changed = True
        self._adopt(min(index, self._now()))
        self.forecast(on)
        return 0

    def _adopt(self, index: int) -> None:
        rows, known = self._schedule.rows, len(self.instalments)
        self._paid_to = min(self._paid_to, index)
        self._shifted = {
            number: period
            for number, period in self._shifted.items()
            if rows[number].period.end == period.end and rows[number].period.start == period.start
        }
        for item, row in zip(self.instalments[index:], rows[index:], strict=False):
            item.rebind(item.with_fee_paid(row))
        self.instalments += [
            InstalmentAccount(self._terms, row, redated=self._redated) for row in rows[known:]
        ]
        was_over, self._last = self._last < index, min(self._last, index)
        for number, row in enumerate(rows[index:], start=index):
            self._asked[number:] = [comes_to(row, is_total=self._has_total(number))]
            self._early[number:] = [0]
            self._planned[number:] = [row.principal]
            if self._asked[number]:
                self._last = number
        if was_over and self._last >= index:
            # What was earned up to now the instalment asks for that was the last one.
            self._unbilled = Unbilled()
