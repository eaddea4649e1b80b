"""The terms that a loan runs on, and how they became what they are."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal

from domain.common.data import Data
from domain.common.frequency import MONTHLY, Frequency
from domain.common.money import Percent
from domain.loans.events import (
    AnyEvent,
    DueDayChanged,
    InterestPaused,
    LoanEvent,
    RateChanged,
    Rescheduled,
)
from domain.loans.history import events_in_force
from domain.loans.plan_terms import RateStep
from domain.loans.terms import LoanTerms


class TermsInForce(Data):
    """What holds from the day `since`: the rate in percent a year, and the plan's pattern.

    `instalments` counts those of the plan that began on or before that day, as they were agreed.
    `because` is what made it so: the contract, a step of the rate that it provides for, or an
    event, whose key is `event`.
    """

    since: date
    annual_rate: Percent
    instalments: int
    frequency: Frequency
    first_due_on: date
    because: Literal[
        "agreed",
        "rate_step",
        "rate_changed",
        "rescheduled",
        "due_day_changed",
        "interest_paused",
    ]
    event: str | None = None


def terms_history(
    terms: LoanTerms, events: Iterable[LoanEvent], as_of: date
) -> tuple[TermsInForce, ...]:
    """Return the terms that held up to `as_of`, the oldest first; the last are those in force.

    What was reversed by then is left out. Raises what `events_in_force` raises.
    """
    return tuple(_history(terms, events_in_force(events, as_of), as_of))


def terms_in_force(terms: LoanTerms, events: Iterable[LoanEvent], on: date) -> TermsInForce:
    """Return the terms that hold at the end of a day; those agreed before the disbursement."""
    return terms_history(terms, events, on)[-1]


def _history(terms: LoanTerms, events: Iterable[AnyEvent], as_of: date) -> Iterator[TermsInForce]:
    now = TermsInForce(
        since=terms.disbursed_on,
        annual_rate=terms.annual_rate,
        instalments=terms.instalments or len(terms.explicit),
        frequency=terms.frequency,
        first_due_on=terms.first_due_on,
        because="agreed",
    )
    yield now
    steps = sorted(terms.rate_steps, key=lambda step: step.on)
    changes = [event for event in events if isinstance(event, _Changes)]
    for event in [*changes, None]:
        until = as_of if event is None else event.on
        while steps and steps[0].on <= until:
            step = steps.pop(0)
            if event is not None and step.on == event.on and _rate_of(event) is not None:
                continue
            now = now.model_copy(
                update={
                    "since": step.on,
                    "annual_rate": step.annual_rate,
                    "because": "rate_step",
                    "event": None,
                }
            )
            yield now
        if event is None:
            return
        if isinstance(event, Rescheduled) and event.annual_rate is not None:
            # A new plan at a rate of its own ends the steps that the old one provided for.
            steps = []
        if isinstance(event, InterestPaused):
            steps = _with_pause(steps, event, now.annual_rate)
        now = now.model_copy(update=_changed(event))
        yield now


_Changes = RateChanged | Rescheduled | DueDayChanged | InterestPaused


def _rate_of(event: _Changes) -> Decimal | None:
    match event:
        case RateChanged() | Rescheduled():
            return event.annual_rate
        case InterestPaused():
            return Decimal(0)
        case _:
            return None


def _with_pause(steps: list[RateStep], event: InterestPaused, rate: Decimal) -> list[RateStep]:
    """Return the steps to come when no interest runs until a day: those within it count then."""
    within = [step for step in steps if step.on <= event.until]
    resumed = RateStep(on=event.until, annual_rate=within[-1].annual_rate if within else rate)
    return [resumed, *steps[len(within) :]]


def _changed(event: _Changes) -> dict[str, object]:
    changed: dict[str, object] = {"since": event.on, "because": event.kind, "event": event.key}
    if (rate := _rate_of(event)) is not None:
        changed["annual_rate"] = rate
    if isinstance(event, Rescheduled):
        changed["instalments"] = event.instalments
        changed["frequency"] = event.frequency or MONTHLY
    if isinstance(event, Rescheduled | DueDayChanged):
        changed["first_due_on"] = event.first_due_on
    return changed
