"""The account of a loan whose interest follows what is really owed, day by day.

The plan fixes what each instalment comes to: its total, or its principal where that is what was
agreed. What it collects of interest is what was earned since the one before, on the balance of each
day; principal takes the rest of the total, and the last instalment the rest of the principal.
Interest beyond a total is carried to the next instalment and bears none. Paid on its due dates a
loan is therefore repaid exactly as planned.

The rows ahead are a forecast: what is late counts as paid on the day that is looked at.

Known elsewhere as simple or daily interest (LoanPro: "payments are applied to interest accrued to
the day first"), interest recalculation (Apache Fineract) and declining balance with interest
recalculated (Mambu).
"""

from dataclasses import dataclass, replace
from datetime import date

from domain.loans.account import LoanAccount
from domain.loans.allocation import Component, Excess
from domain.loans.amortisation import Row
from domain.loans.daily_interest import Unbilled, earned, ended
from domain.loans.events import AnyEvent, Paid
from domain.loans.instalment_account import InstalmentAccount
from domain.loans.plan_terms import InterestBasis, Method
from domain.loans.terms import LoanTerms

_FIXED_TOTAL = (
    *(Method.EQUAL_INSTALMENT, Method.BALLOON, Method.FIXED_INSTALMENT),
    Method.RENTALS_IN_ADVANCE,
)


@dataclass(slots=True)
class _Agreed:
    """What an instalment still comes to: principal and interest in all, or principal alone."""

    amount: int
    is_total: bool


class DailyAccount(LoanAccount):
    """A loan's money up to some day, with interest on the balance of each day."""

    def __init__(self, terms: LoanTerms) -> None:
        super().__init__(terms)
        self._first_earned = terms.interest_basis is InterestBasis.DAILY
        self._unbilled = Unbilled()
        self._clock = terms.disbursed_on
        self._agreed: list[_Agreed] = []
        self._planned: list[int] = []
        self._last = 0

    def apply(self, event: AnyEvent) -> None:
        """Take one event; all but a payment find the rows as they are forecast on its day."""
        self.advance(event.on)
        if not isinstance(event, Paid):
            self._forecast(event.on)
        super().apply(event)

    def advance(self, on: date) -> None:
        """Let the days pass up to `on`: interest is earned, instalments are billed."""
        while self._clock < on and self.instalments and self.written_off_on is None:
            self._pass_to(min(self._boundaries(on)))
        self._clock = max(self._clock, on)
        if self.credit and self.written_off_on is None:
            self._use(0, on, Excess.CREDIT)
        self._today = max(on, self._today)

    def conclude(self, on: date) -> None:
        """Let the days pass up to `on` and forecast the rows ahead."""
        super().conclude(on)
        self._forecast(on)

    def _boundaries(self, on: date) -> list[date]:
        index = self._running()
        days = [on]
        if index <= self._last:
            days.append(self.instalments[index].row.period.end)
        changes = self._schedule.next_rate_on(self._clock)
        return days if changes is None else [*days, changes]

    def _pass_to(self, day: date) -> None:
        index = self._running()
        period = self.instalments[min(index, self._last)].row.period
        rate = self._schedule.rate_at(self._clock)
        piece = earned(self.terms.day_count, period, self._balance(), rate, self._clock, day)
        self._unbilled = self._unbilled.plus(piece)
        changes = self._schedule.next_rate_on(self._clock) == day
        self._clock = day
        if index <= self._last and period.end == day:
            self._bill(index, day)
        if changes and self._running() <= self._last:
            self._level_anew(day)
        if self.credit:
            self._use(0, day, Excess.CREDIT)

    def _running(self) -> int:
        """Return the index of the instalment that collects what is earned now, past the last one's
        when all fell due."""
        for index, item in enumerate(self.instalments):
            if item.row.period.end > self._clock:
                return index
        return len(self.instalments)

    def _balance(self) -> int:
        gone = sum(
            item.paid.principal + item.waived.principal + item.written_off.principal
            for item in self.instalments
        )
        return self.disbursed - gone

    def _balance_ahead(self, index: int) -> int:
        """Return the principal that fell in no instalment before `index`."""
        return self._balance() - sum(item.principal_unpaid for item in self.instalments[:index])

    def _row(self, index: int, ahead: int, unbilled: Unbilled) -> tuple[Row, Unbilled]:
        """Return the instalment as it collects `unbilled`, and what that leaves unbilled."""
        item, agreed = self.instalments[index], self._agreed[index]
        is_last = index == self._last
        collects = item.row.period.pays_interest or is_last
        due = unbilled.rounded(self.terms.interest_rounding)
        interest = due if collects else 0
        if is_last:
            principal = ahead
        elif agreed.is_total:
            interest = min(interest, agreed.amount)
            principal = min(agreed.amount - interest, ahead)
        else:
            principal = min(agreed.amount, ahead)
        interest = max(interest, item.paid.interest - item.charged.interest)
        if interest or collects:
            accruals = unbilled.accruals(item.row.period.start)
            unbilled = Unbilled(carried=max(due - interest, 0))
        else:
            accruals = ()
        row = replace(
            item.row,
            principal=principal,
            interest=interest,
            balance_after=ahead - principal,
            accruals=accruals,
        )
        return row, unbilled

    def _bill(self, index: int, day: date) -> None:
        row, left = self._row(index, self._balance_ahead(index), self._unbilled)
        self._follow(index, [row])
        if index < self._last:
            # The last one goes on collecting what late principal earns.
            self._unbilled = left

    def _level_anew(self, day: date) -> None:
        """Level the rows again at a rate agreed before, if they are no more those of the plan."""
        self._forecast(day)
        index = self._running()
        if [item.row.principal for item in self.instalments[index:]] != self._planned[index:]:
            self._rebind(self._schedule.change_rate(day, self._schedule.rate_at(day)), day)

    def _forecast(self, on: date) -> None:
        """Bring the rows ahead up to what was paid: what is late counts as paid on `on`."""
        if not self.instalments or self.written_off_on is not None:
            return
        index = self._running()
        if index > self._last:
            self._collect_late()
            return
        ahead, unbilled = self._balance_ahead(index), self._unbilled
        rows = []
        start = on
        for number in range(index, self._last + 1):
            period = self.instalments[number].row.period
            while ahead and start < period.end:
                changes = self._schedule.next_rate_on(start)
                end = period.end if changes is None else min(changes, period.end)
                rate = self._schedule.rate_at(start)
                piece = earned(self.terms.day_count, period, ahead, rate, start, end)
                unbilled = unbilled.plus(piece)
                start = end
            start = max(start, period.end)
            row, unbilled = self._row(number, ahead, unbilled)
            ahead -= row.principal
            rows.append(row)
        self._follow(index, rows)

    def _collect_late(self) -> None:
        """Have the last instalment ask for what was earned since it fell due."""
        item = self.instalments[self._last]
        interest = self._unbilled.rounded(self.terms.interest_rounding)
        accruals = self._unbilled.accruals(item.row.period.start)
        self._follow(self._last, [replace(item.row, interest=interest, accruals=accruals)])

    def _follow(self, index: int, rows: list[Row]) -> None:
        self._schedule.follow(index, rows)
        for number, row in enumerate(rows, start=index):
            item = self.instalments[number]
            item.rebind(row)
            if item.interest_unpaid < 0:
                item.waived.interest = max(item.waived.interest + item.interest_unpaid, 0)
                item.refresh()
            if item.paid_on is not None and (item.principal_unpaid or item.interest_unpaid):
                item.paid_on = None
                self._paid_to = min(self._paid_to, number)

    def _receive(self, amount: int, on: date, excess: Excess | None = None) -> None:
        if self.written_off_on is not None:
            self._collect(amount)
            return
        self.received += amount
        self._use(amount, on, excess or self.terms.allocation.excess)

    def _use(self, amount: int, on: date, rule: Excess) -> None:
        """Cover what is due with `amount` and the credit held, then what is not due yet."""
        if self._running() > self._last and self.instalments:
            self._collect_late()
        if self._first_earned and self.instalments:
            self._take_earned_first(on)
        left = self._distribution.cover(self._unpaid(), self.credit + amount, on)
        if left and self.instalments and self._running() <= self._last:
            left = self._pay_early(left, on, rule)
        self.credit = left

    def _take_earned_first(self, on: date) -> None:
        """Have late instalments ask for the interest earned up to now first, within their totals.

        The oldest takes it before the others; what remains of a total is principal.
        """
        running = self._running()
        late = [
            (number, item)
            for number, item in enumerate(self.instalments[:running])
            if item.due_on <= on and (item.principal_unpaid or item.interest_unpaid)
        ]
        if not late:
            return
        collected = 0
        fresh = 0
        if running <= self._last:
            collected = self.instalments[running].paid.interest
            fresh = max(self._unbilled.rounded(self.terms.interest_rounding) - collected, 0)
        pool = fresh + sum(item.interest_unpaid for _, item in late)
        for number, item in late:
            first = min(pool, item.principal_unpaid + item.interest_unpaid)
            more = first - item.interest_unpaid
            pool -= first
            if more:
                row = item.row
                principal, interest = row.principal - more, row.interest + more
                self._follow(number, [replace(row, principal=principal, interest=interest)])
        if running > self._last:
            self._unbilled = Unbilled(carried=self.instalments[self._last].row.interest)
        elif fresh:
            self._unbilled = Unbilled(carried=collected + pool)

    def _pay_early(self, funds: int, on: date, rule: Excess) -> int:
        """Use money beyond what is due on its day: credit would lie idle while interest runs."""
        if rule in (Excess.CREDIT, Excess.NEXT_INSTALMENT):
            return self._pay_next(funds, on)
        funds -= self._pay_earned(funds, on)
        self._forecast(on)
        index = self._running()
        if rule is Excess.REDUCE_INSTALMENT:
            index, taken = self._schedule.prepay(on, funds, shorten=False)
        else:
            taken = min(funds, self._balance_ahead(index))
        if taken:
            self.instalments[index].prepay(taken, on)
        if taken and rule is Excess.REDUCE_INSTALMENT:
            self._rebind(index, on)
        return funds - taken

    def _pay_next(self, funds: int, on: date) -> int:
        """Pay coming instalments: of each the interest earned so far, and principal.

        One whose total is paid ends on the day: what is earned from then on comes with the next.
        """
        index, unbilled = self._running(), self._unbilled
        while funds and index <= self._last and self._balance():
            item, agreed = self.instalments[index], self._agreed[index]
            row, left = self._row(index, self._balance_ahead(index), unbilled)
            self._follow(index, [row])
            funds = self._distribution.pay_ahead([item], funds, on, from_last=False)
            self._keep_early(index)
            if item.principal_unpaid or item.interest_unpaid:
                break
            if agreed.is_total and index < self._last and self._end_early(index, on):
                self._unbilled = left
            index, unbilled = index + 1, left
        return funds

    def _keep_early(self, index: int) -> None:
        """Book principal of an instalment ahead as repaid early: no later plan asks for it."""
        item = self.instalments[index]
        early = item.paid.principal - item.prepaid
        if early:
            item.prepaid += early
            self._agreed[index].amount -= early
            self._follow(index, [replace(item.row, principal=item.row.principal - early)])

    def _end_early(self, index: int, on: date) -> bool:
        row, after = self.instalments[index].row, self.instalments[index + 1].row
        if not row.period.bears_interest:
            return False
        period, following = ended(row.period, after.period, on)
        self._follow(index, [replace(row, period=period), replace(after, period=following)])
        return True

    def _pay_earned(self, funds: int, on: date) -> int:
        """Pay the interest earned so far; return how much that took."""
        index = self._running()
        while index < self._last and not self.instalments[index].row.period.pays_interest:
            index += 1
        item = self.instalments[index]
        row, _ = self._row(index, self._balance_ahead(index), self._unbilled)
        self._follow(index, [row])
        return item.cover(item.paid, Component.INTEREST, funds, on)

    def _pay_off(self, amount: int, on: date) -> None:
        running = self._running()
        waived = [item.waived.interest for item in self.instalments]
        super()._pay_off(amount, on)
        if self._balance():
            return
        for index in range(running, len(self.instalments)):
            self.instalments[index].waived.interest = waived[index]
            self._keep_early(index)
        if running <= self._last:
            self._unbilled = Unbilled(carried=self.instalments[running].paid.interest)

    def _rebind(self, index: int, on: date) -> None:
        """Take over what the plan's rows from `index` on come to, and forecast what they collect.

        What was paid on them stays: interest and principal that were owed on the day.
        """
        rows = self._schedule.rows
        known = len(self.instalments)
        self._paid_to = min(self._paid_to, index)
        for item, row in zip(self.instalments[index:], rows[index:], strict=False):
            item.row = row
        self.instalments += [InstalmentAccount(self.terms, row) for row in rows[known:]]
        has_total = self._schedule.terms.method in _FIXED_TOTAL
        for number, row in enumerate(rows[index:], start=index):
            is_total = has_total and row.period.pays_interest
            amount = row.principal + (row.interest if is_total else 0)
            self._agreed[number:] = [_Agreed(amount, is_total)]
            self._planned[number:] = [row.principal]
            if amount or number == index:
                self._last = number
        self._forecast(on)
        for number in range(self._last + 1, len(rows)):
            self.instalments[number].rebind(rows[number])
