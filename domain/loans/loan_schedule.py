"""The plan of a loan as it changes: disbursed in parts, rates changed, prepaid, rescheduled.

Every change cuts the plan on its day. Interest earned up to then is carried into the running
instalment, what is left of the principal is repaid anew over the periods that remain; earlier
instalments stay as they are. A plan agreed in advance is made by the very same changes.
"""

from datetime import date
from decimal import Decimal

from domain.common.calendar import month_day
from domain.common.errors import InvalidTerms
from domain.common.frequency import MONTHLY, Frequency, FrequencyUnit
from domain.loans.accrual import Accrual, until
from domain.loans.amortisation import Row, Stretch, amortise, emptied
from domain.loans.due_dates import Period, plan_periods
from domain.loans.fees import FeeTiming, recurring_fee, spread_share, total_of
from domain.loans.plan_terms import Holiday, Method
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import FOLLOWING_LENGTH, MAX_INSTALMENTS, refuse_first_due

_NOT_RESCHEDULED = (*FOLLOWING_LENGTH, Method.RENTALS_IN_ADVANCE)


class LoanSchedule:
    """The rows of one loan, in order. Row 0, if there is one, is the down payment.

    Each change returns the index of the first row it may have altered.
    """

    def __init__(self, terms: LoanTerms) -> None:
        self.terms = terms
        self.rows: list[Row] = []
        self.disbursed = 0
        self._pattern = terms
        self._numbered_after = 0
        self._rates = [(terms.disbursed_on, terms.annual_rate)]
        self._rates += [(step.on, step.annual_rate) for step in terms.rate_steps]
        self._level = 0
        self._agreed_rows = 0

    def disburse(self, on: date, amount: int) -> int:
        """Plan the repayment of another disbursement; the first makes the plan."""
        self.disbursed += amount
        if self.rows:
            if self._running(on) == len(self.rows):
                raise InvalidTerms(
                    f"{on} is too late to disburse: the last instalment fell due", field="tranches"
                )
            return self._recast(on, added=amount)
        self._start(amount)
        return 0

    def change_rate(self, on: date, annual_rate: Decimal) -> int:
        """Charge another rate from the day `on`; rates agreed for later days still follow."""
        kept = [rate for rate in self._rates if rate[0] != on]
        self._rates = sorted([*kept, (on, annual_rate)])
        return self._recast(on) if self.rows else 0

    def grant_holiday(self, holiday: Holiday) -> int:
        """Leave out the next due dates after a day; raises `InvalidTerms` if none would remain."""
        index = self._running(holiday.on)
        left = self._ahead(self.rows[index:]) if index < len(self.rows) else []
        if holiday.extend and self.rows:
            left += self._more(holiday.count, after=len(left) + index)
        covered = [period for period in left if period.due_on > holiday.on][: holiday.count]
        if not covered or covered[-1] in _closing(left):
            raise InvalidTerms(
                f"a holiday of {holiday.count} instalments from {holiday.on} leaves none to pay",
                field="holidays",
            )
        for period in covered:
            period.pays_principal = period.pays_interest = False
        return self._recast(holiday.on, periods=left)

    def prepay(self, on: date, amount: int, *, shorten: bool) -> tuple[int, int]:
        """Lower the principal at once; also return how much of `amount` that took."""
        index = self._running(on)
        taken = min(amount, sum(row.principal for row in self.rows[index:]))
        if not taken:
            return index, 0
        level = self._level if shorten else None
        return self._recast(on, added=-taken, level=level), taken

    def reschedule(
        self,
        on: date,
        *,
        instalments: int,
        first_due_on: date,
        frequency: Frequency | None = None,
        annual_rate: Decimal | None = None,
        added: int = 0,
    ) -> int:
        """Replace what has not fallen due by `instalments` new ones, with `added` principal.

        Interest earned so far is collected with the first of them. Plans that had no agreed number
        of regular instalments continue with equal ones, a residual value as their balloon. Due
        twice a month they keep the loan's two due days; a loan that has none raises `InvalidTerms`.
        """
        if first_due_on <= on or not 1 <= instalments <= MAX_INSTALMENTS:
            raise InvalidTerms(
                f"a new plan has 1 to {MAX_INSTALMENTS} instalments due after {on}",
                field="instalments",
            )
        index = self._running(on)
        pattern = _due_pattern(self.terms, on, first_due_on, frequency or MONTHLY)
        if self.terms.method in _NOT_RESCHEDULED:
            self.terms = self.terms.model_copy(update=_regular(self.terms))
        self._pattern = self.terms.model_copy(update=pattern)
        self._numbered_after = self.rows[index - 1].period.number if index else 0
        if annual_rate is not None:
            kept = [rate for rate in self._rates if rate[0] < on]
            self._rates = [*kept, (on, annual_rate)]
        new = self._periods(instalments)
        return self._recast(on, added=added, periods=new, replaces=True)

    def _start(self, amount: int) -> None:
        terms = self.terms
        fixed = terms.method is Method.FIXED_INSTALMENT
        count = MAX_INSTALMENTS if fixed else terms.agreed_rows
        rows, self._level = amortise(
            terms,
            Stretch(
                balance=amount - terms.down_payment,
                periods=plan_periods(terms, count),
                starts_on=terms.disbursed_on,
                rate=self._rate_at(terms.disbursed_on),
                flat_base=self._financed,
            ),
        )
        self._agreed_rows = len(rows) - bool(terms.residual)
        if terms.down_payment:
            on = terms.disbursed_on
            paid_at_once = Period(0, on, on, on, (0, 1))
            left = amount - terms.down_payment
            rows.insert(0, Row(paid_at_once, terms.down_payment, 0, left, ()))
        self.rows = rows
        self._charge_fees(0)
        later = [(on, None) for on, _ in self._rates if on > terms.disbursed_on]
        for on, holiday in sorted(
            [*later, *((holiday.on, holiday) for holiday in terms.holidays)], key=lambda c: c[0]
        ):
            if holiday is None:
                self._cut(on)
            else:
                self.grant_holiday(holiday)

    @property
    def _financed(self) -> int:
        return self.disbursed - self.terms.down_payment

    def _recast(
        self,
        on: date,
        *,
        added: int = 0,
        level: int | None = None,
        periods: list[Period] | None = None,
        replaces: bool = False,
    ) -> int:
        index = self._cut(on, added=added, level=level, periods=periods, replaces=replaces)
        for later, _ in self._rates:
            if later > on:
                self._cut(later)
        return index

    def _cut(
        self,
        on: date,
        *,
        added: int = 0,
        level: int | None = None,
        periods: list[Period] | None = None,
        replaces: bool = False,
    ) -> int:
        index = self._running(on)
        old = self.rows[index:]
        if not old and periods is None:
            return index
        ahead = self._ahead(old) if periods is None else periods
        rows, self._level = amortise(
            self.terms,
            Stretch(
                balance=sum(row.principal for row in old) + added,
                periods=ahead,
                starts_on=max(on, ahead[0].start),
                rate=self._rate_at(on),
                flat_base=self._financed,
                carried=self._earned(old, on),
                level=level,
            ),
        )
        spare = [row.period for row in old[len(rows) :]]
        last = rows[-1].period
        if replaces or (spare and spare[0].end < last.end):
            spare = _after(last, len(spare))
        self.rows[index:] = [*rows, *map(emptied, spare)]
        self._charge_fees(index)
        return index

    def _ahead(self, old: list[Row]) -> list[Period]:
        """Return the periods in which there is something to repay, more for a fixed instalment."""
        used = max((k for k, row in enumerate(old, start=1) if row.principal), default=1)
        periods = [row.period for row in old[:used]]
        if self.terms.method is not Method.FIXED_INSTALMENT:
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

    def _running(self, on: date) -> int:
        """Return the index of the instalment whose period the day is in, by its end excluded."""
        for index, row in enumerate(self.rows):
            if row.period.end > on:
                return index
        return len(self.rows)

    def _rate_at(self, on: date) -> Decimal:
        return [rate for since, rate in self._rates if since <= on][-1]

    def _periods(self, count: int) -> list[Period]:
        """Return the first `count` periods of the pattern in force, numbered within the loan."""
        periods = plan_periods(self._pattern, count)
        if self._numbered_after:
            for period in periods:
                period.number += self._numbered_after
        return periods

    def _more(self, count: int, after: int) -> list[Period]:
        """Return `count` periods that follow the first `after` rows; the plan grows by as many."""
        if self.terms.method is Method.FIXED_INSTALMENT:
            return []
        last = self.rows[-1].period.number
        is_closed = self.terms.method is Method.EXPLICIT or self.terms.residual > 0
        if is_closed or last + count > MAX_INSTALMENTS:
            raise InvalidTerms("this plan cannot be extended", field="holidays")
        self.rows += map(emptied, _after(self.rows[-1].period, count))
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
            row.fee = row.recurring_fee + (first if number == 1 else 0)
            if number <= self._agreed_rows:
                row.fee += spread_share(spread, number, self._agreed_rows)


def _closing(periods: list[Period]) -> list[Period]:
    """Return the periods of which a holiday has to leave one: the last rental, with a residual."""
    return periods[-2:] if periods[-1].is_residual else periods[-1:]


def _due_pattern(
    terms: LoanTerms, on: date, first_due_on: date, frequency: Frequency
) -> dict[str, object]:
    """Return what makes the due dates of a new plan; those of the old one set its day no more.

    Only the last day of the month stays, where the new plan starts on one, and the two days of a
    loan due twice a month.
    """
    month_end = month_day(first_due_on.year, first_due_on.month, 31)
    pattern: dict[str, object] = {
        "disbursed_on": on,
        "first_due_on": first_due_on,
        "due_day": None,
        "second_due_day": None,
        "end_of_month": terms.end_of_month and first_due_on == month_end,
        "frequency": frequency,
        "principal_grace": 0,
        "interest_grace": 0,
        "interest_free": 0,
    }
    if frequency.unit is FrequencyUnit.HALF_MONTH:
        if terms.second_due_day is None:
            raise InvalidTerms(
                "the loan has no second due day: twice a month does not follow", field="frequency"
            )
        days = {"due_day": terms.anchor_day, "second_due_day": terms.second_due_day}
        refuse_first_due(terms.model_copy(update={"first_due_on": first_due_on, **days}))
        pattern |= days
    return pattern


def _regular(terms: LoanTerms) -> dict[str, object]:
    """Return what a plan without an agreed number of regular instalments continues with."""
    if terms.residual:
        return {"method": Method.BALLOON, "balloon": terms.residual, "residual": 0}
    return {"method": Method.EQUAL_INSTALMENT, "explicit": ()}


def _after(last: Period, count: int) -> list[Period]:
    """Return periods without time of their own: instalments that a new plan does not need."""
    numbers = range(last.number + 1, last.number + 1 + count)
    return [Period(number, last.due_on, last.end, last.end, (0, 1)) for number in numbers]
