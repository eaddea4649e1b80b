"""The rates of a loan by day: agreed in advance, changed since, and paused."""

from datetime import date
from decimal import Decimal

from domain.loans.terms import LoanTerms

_NONE = Decimal(0)


class RatePath:
    """Which rate holds from which day on. A step to the rate that holds already is none."""

    def __init__(self, terms: LoanTerms) -> None:
        self._agreed = [(terms.disbursed_on, terms.annual_rate)]
        self._agreed += [(step.on, step.annual_rate) for step in terms.rate_steps]
        self._pauses: list[tuple[date, date]] = []
        self._steps = _distinct(self._agreed)

    def at(self, on: date) -> Decimal:
        """Return the rate of a day."""
        return next(rate for since, rate in reversed(self._steps) if since <= on)

    def days_after(self, on: date) -> list[date]:
        """Return the later days on which the rate changes."""
        return [since for since, _ in self._steps if since > on]

    def is_agreed(self, on: date) -> bool:
        """Say whether the rate was agreed to change on a day, not only paused or taken up again."""
        return any(since == on for since, _ in self._agreed)

    def is_steady(self, on: date, rate: Decimal) -> bool:
        """Say whether a rate holds from a day on already, without a later change."""
        return self.at(on) == rate and not self.days_after(on)

    def change(self, on: date, rate: Decimal) -> bool:
        """Let another rate hold from a day to the next change; say whether that is a change."""
        kept = [step for step in self._agreed if step[0] != on]
        self._agreed = sorted([*kept, (on, rate)])
        return self._changed()

    def replace(self, on: date, rate: Decimal) -> None:
        """Let one rate hold from a day on for good."""
        self._agreed = [*(step for step in self._agreed if step[0] < on), (on, rate)]
        self._pauses = [(start, min(end, on)) for start, end in self._pauses if start < on]
        self._changed()

    def pause(self, start: date, end: date) -> bool:
        """Charge nothing from one day to another; say whether that is a change."""
        self._pauses.append((start, end))
        return self._changed()

    def _changed(self) -> bool:
        steps = self._agreed
        if self._pauses:
            days = {since for since, _ in steps} | {day for pause in self._pauses for day in pause}
            first = min(since for since, _ in steps)
            steps = [(day, self._rate_of(day)) for day in sorted(days) if day >= first]
        steps = _distinct(steps)
        is_changed, self._steps = steps != self._steps, steps
        return is_changed

    def _rate_of(self, on: date) -> Decimal:
        if any(start <= on < end for start, end in self._pauses):
            return _NONE
        return next(rate for since, rate in reversed(self._agreed) if since <= on)


def _distinct(steps: list[tuple[date, Decimal]]) -> list[tuple[date, Decimal]]:
    distinct = steps[:1]
    for step in steps[1:]:
        if step[1] != distinct[-1][1]:
            distinct.append(step)
    return distinct
