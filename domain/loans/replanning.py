"""How what happens to a loan changes its plan, and how the instalments follow the plan's rows."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

from domain.common.errors import InvalidTerms
from domain.loans.allocation import Component, Excess
from domain.loans.distribution import Distribution
from domain.loans.events import (
    Accelerated,
    DueDayChanged,
    HolidayGranted,
    InterestPaused,
    RateChanged,
    ReAged,
    Rescheduled,
)
from domain.loans.instalment_account import Amounts, InstalmentAccount
from domain.loans.loan_schedule import LoanSchedule
from domain.loans.plan_terms import Holiday
from domain.loans.receivables import Receivables
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import refuse_rate

Replans = (
    RateChanged
    | Rescheduled
    | HolidayGranted
    | DueDayChanged
    | ReAged
    | InterestPaused
    | Accelerated
)
"""The events that change what is ahead."""

DECIDED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rate_changed": "annual_rate",
        "rescheduled": "instalments",
        "holiday_granted": "count",
        "due_day_changed": "first_due_on",
        "re_aged": "into",
        "interest_paused": "until",
        "accelerated": "on",
    }
)
"""The field of each event to change when no plan follows from it."""

_CHARGED = (Component.INTEREST, Component.FEE, Component.PENALTY)


class Replanning:
    """The plan of a loan and the instalments that follow it.

    Every change returns the money that it set free: paid in advance on what is not asked any more.
    """

    def __init__(self, terms: LoanTerms, distribution: Distribution) -> None:
        self.instalments: list[InstalmentAccount] = []
        self._terms = terms
        self._schedule = LoanSchedule(terms)
        self._distribution = distribution
        self._redated: dict[int, tuple[date, date]] = {}
        self._paid_to = 0

    def advance(self, on: date) -> None:
        """Let the days pass up to `on`: a plan that follows its own dates stays as it is."""

    def forecast(self, on: date) -> None:
        """Bring what is ahead up to what was paid: a plan that money does not change stays."""

    def before_payment(self, on: date, named: InstalmentAccount | None = None) -> None:
        """Make ready for money that comes in on a day."""

    def unpaid(self) -> list[InstalmentAccount]:
        """Return the instalments from the first that is not paid on."""
        items, first = self.instalments, self._paid_to
        while first < len(items) and items[first].paid_on is not None:
            first += 1
        self._paid_to = first
        return items[first:]

    def disburse(self, on: date, amount: int, down_payment: int) -> int:
        """Plan the repayment of a disbursement; a down payment on a later one is due at once."""
        index = self._schedule.disburse(on, amount, down_payment)
        if down_payment and self.instalments:
            at_once = InstalmentAccount(self._terms, self._schedule.rows[index - 1])
            self.instalments.insert(index - 1, at_once)
            self._paid_to = min(self._paid_to, index - 1)
        return self._rebind(index, on)

    def redate(self, item: InstalmentAccount, due_on: date) -> None:
        """Let an instalment fall due on another day, while the plan has it on the one it has."""
        self._redated[item.row.period.number] = item.row.period.due_on, due_on
        item.refresh()

    def close(self, on: date) -> None:
        """Keep what a payoff settled or a write-off gave up: no later plan reaches it."""
        index = self._schedule.close(on)
        rows = self._schedule.rows
        for item, row in zip(self.instalments[index:], rows[index:], strict=True):
            item.close(row)

    def charge(self, component: Component, amount: int, on: date) -> None:
        """Add to what falls due next and is not paid yet; to the last instalment after all."""
        ahead = (
            item
            for item in self.instalments
            if item.due_on >= on and item.paid_on is None and item.row.period.number
        )
        next(ahead, self.instalments[-1]).charge(component, amount)
        self._paid_to = 0

    def use_excess(self, funds: int, on: date, rule: Excess) -> int:
        """Use money beyond what is due by a rule; what it does not take counts as set free."""
        distribution, schedule = self._distribution, self._schedule
        running = self._running(on)
        match rule:
            case Excess.NEXT_INSTALMENT | Excess.LAST_INSTALMENT:
                from_last = rule is Excess.LAST_INSTALMENT
                return distribution.pay_ahead(self.instalments, funds, on, from_last=from_last)
            case Excess.REDUCE_LATER:
                index, taken = schedule.prepay_later(on, funds)
            case Excess.NEXT_PRINCIPAL:
                index, taken = schedule.fill_next(on, funds)
            case _:
                shorten = rule is Excess.SHORTEN_TERM
                index, taken = schedule.prepay(on, funds, shorten=shorten)
        freed = 0
        if taken:
            freed = self._rebind(index, on)
            self.instalments[running].prepay(taken, on)
        return funds - taken + freed

    def replan(self, event: Replans, receivables: Receivables) -> int:
        """Change what is ahead; raises `InvalidTerms` when no plan follows."""
        match event:
            case RateChanged():
                refuse_rate(event.annual_rate, "annual_rate")
                index = self._schedule.change_rate(event.on, event.annual_rate)
            case HolidayGranted():
                holiday = Holiday(on=event.on, count=event.count, extend=event.extend)
                index = self._schedule.grant_holiday(holiday)
            case InterestPaused():
                if event.until <= event.on:
                    raise InvalidTerms(f"a pause ends after {event.on}", field="until")
                index = self._schedule.pause_interest(event.on, event.until)
            case Accelerated():
                index = self._call_in(event, receivables)
            case Rescheduled():
                return self._reschedule(event, receivables)
            case DueDayChanged():
                index = self._schedule.move_due_date(event.on, event.first_due_on, event.due_day)
            case _:
                return self._re_age(event, receivables)
        return self._rebind(index, event.on)

    def state(self) -> dict[str, Any]:
        """Return what `restore` brings back."""
        agreed = ("_terms", "_distribution")
        return deepcopy({name: part for name, part in vars(self).items() if name not in agreed})

    def restore(self, state: dict[str, Any]) -> None:
        """Undo what a change that failed began."""
        # The list itself stays: the account reads from it.
        self.instalments[:] = state["instalments"]
        vars(self).update(state | {"instalments": self.instalments})

    def _call_in(self, event: Accelerated, receivables: Receivables) -> int:
        on, notice = event.on, self._terms.notice_days
        if self._running(on) == len(self.instalments):
            raise InvalidTerms(
                f"everything fell due by {on}: there is nothing to call in", field="on"
            )
        if event.told_on + timedelta(days=notice) > on:
            raise InvalidTerms(
                f"the contract gives {notice} days of notice: told on {event.told_on}, the loan is"
                f" called in on {event.told_on + timedelta(days=notice)} or later",
                field="told_on",
            )
        receivables.move(date.max, on)
        return self._schedule.call_in(on)

    def _running(self, on: date) -> int:
        """Return the index of the first instalment that is neither due nor over by that day."""
        for index, item in enumerate(self.instalments):
            if item.row.period.due_on > on and item.row.period.end > on:
                return index
        return len(self.instalments)

    def _reschedule(self, event: Rescheduled, receivables: Receivables) -> int:
        on = event.on
        if event.annual_rate is not None:
            refuse_rate(event.annual_rate, "annual_rate")
        moved = Amounts()
        if event.include_overdue:
            moved = _move_out(self.instalments[: self._running(on)], on)
        index = self._schedule.reschedule(
            on,
            instalments=event.instalments,
            first_due_on=event.first_due_on,
            frequency=event.frequency,
            due_day=event.due_day,
            annual_rate=event.annual_rate,
            added=moved.principal,
        )
        freed = self._rebind(index, on)
        first = self._running(on)
        for component in _CHARGED:
            amount = getattr(moved, component)
            if amount:
                self.instalments[first].charge(component, amount)
        if event.include_overdue:
            receivables.move(on, event.first_due_on)
        return freed

    def _re_age(self, event: ReAged, receivables: Receivables) -> int:
        on = event.on
        if self._running(on) == len(self.instalments):
            raise InvalidTerms(f"no instalment is ahead on {on}: agree a new plan", field="on")
        moved = _move_out([item for item in self.instalments if item.due_on < on], on)
        spread = event.into == "spread"
        index = self._schedule.take_in(on, moved.principal, at_the_end=not spread)
        freed = self._rebind(index, on)
        running = self._running(on)
        count = len(self._schedule.periods_ahead(on))
        items = self.instalments[running : running + count]
        if not spread:
            items = items[-1:]
        for component in _CHARGED:
            _divide(component, getattr(moved, component), items)
        receivables.move(on, items[-1].due_on)
        return freed

    def _rebind(self, index: int, on: date) -> int:
        """Follow the plan's rows from `index` on; money paid in advance on them is paid anew.

        Returns what of it the plan does not ask for any more.
        """
        rows = self._schedule.rows
        self._paid_to = min(self._paid_to, index)
        back = [item.release() for item in self.instalments[index:]]
        for item, row in zip(self.instalments[index:], rows[index:], strict=False):
            item.rebind(row)
        self.instalments += [
            InstalmentAccount(self._terms, row, redated=self._redated)
            for row in rows[len(self.instalments) :]
        ]
        if not any(back):
            return 0
        left = 0
        for item, amount in zip(self.instalments[index:], back, strict=False):
            left += self._distribution.pay_ahead([item], amount, on, from_last=False)
        return self._distribution.pay_ahead(self.instalments[index:], left, on, from_last=False)


def _move_out(items: Sequence[InstalmentAccount], on: date) -> Amounts:
    """Take everything unpaid out of instalments; return it."""
    moved = Amounts()
    for item in items:
        unpaid = item.move_out(on)
        for component in Component:
            moved.add(component, getattr(unpaid, component))
    return moved


def _divide(component: Component, amount: int, items: Sequence[InstalmentAccount]) -> None:
    """Charge an amount in equal parts, whole units, of which the last takes the rest."""
    share = amount // len(items)
    for item in items[:-1]:
        if share:
            item.charge(component, share)
    rest = amount - share * (len(items) - 1)
    if rest:
        items[-1].charge(component, rest)
