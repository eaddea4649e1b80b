"""The stateless trial of loan terms: plan, totals, rates, costs, caps, and the loan on a day.

Nothing is stored and no clock is read: the same arguments give the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.common.errors import InvalidEvent, InvalidTerms, NothingOutstanding
from domain.common.frequency import Frequency
from domain.loans.allocation import Excess
from domain.loans.events import (
    Charged,
    DueDayChanged,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    Recovered,
    Refunded,
    Rescheduled,
    Waived,
    WrittenOff,
)
from domain.loans.payoff import PayoffQuote, payoff_quote
from domain.loans.position import Position, position
from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import MAX_INSTALMENTS, MAX_WORK, planned_anew, refuse_rate
from domain.pricing.cost_sheet import CostSheet
from domain.pricing.rate_caps import CapFinding, CappedLender, CapUnknown, LenderKind, check_caps
from domain.pricing.rates import Flow
from domain.pricing.trial_costs import SheetOutcome, cost_sheet_of, disbursement_charges
from domain.pricing.trial_rates import ShownRate, existing, proceeds, rate_periods, shown_rates
from domain.pricing.trial_rows import (
    Totals,
    TrialRow,
    explained_rows,
    overall_totals,
    totals_by_year,
)

FIRST_YEAR, LAST_YEAR = 1900, 2999
MAX_YEARS_TO_FIRST_DUE = 50
_KEEPING = (Excess.CREDIT, Excess.NEXT_INSTALMENT, Excess.LAST_INSTALMENT)
"""What may be done with money that is not due without planning anew."""


@dataclass(frozen=True, slots=True)
class CapOutcome:
    """Which caps of `lender_kind` the plan is above; `unknown` says why they cannot be tested."""

    lender_kind: LenderKind
    findings: tuple[CapFinding, ...]
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class LoanOnDay:
    """Where the loan stands at the end of a day; without a payoff `reason` says why not."""

    position: Position
    payoff: PayoffQuote | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """Everything that follows from terms; amounts in minor units of `currency`.

    `proceeds` is what the borrower receives on the day of the first disbursement. `caps` is there
    when a kind of lender was named, `on_day` when a day was.
    """

    currency: str
    principal: int
    proceeds: int
    deducted: int
    rows: tuple[TrialRow, ...]
    by_year: tuple[Totals, ...]
    totals: Totals
    rates: tuple[ShownRate, ...]
    costs: SheetOutcome
    caps: CapOutcome | None
    on_day: LoanOnDay | None
    hash: str


def trial(
    terms: LoanTerms,
    events: Sequence[LoanEvent] = (),
    as_of: date | None = None,
    lender: CappedLender | None = None,
) -> Trial:
    """Return all that follows from `terms`, and where the loan stands on `as_of` after `events`.

    With a `lender` the rates are compared with its caps.
    A rate that does not exist, a cap that is unknown or a payoff of nothing is told in its place.
    Raises `InvalidTerms` and, with `as_of`, what `domain.loans.position.position` raises;
    `InvalidEvent` for events without a day to look at.
    """
    _refuse_nonsense(terms, events)
    _refuse_work(terms, events)
    if events and as_of is None:
        raise InvalidEvent("events need the day at whose end the loan is shown", field="as_of")
    plan = build_plan(terms)
    rates = plan_rates(terms, plan)
    return Trial(
        currency=terms.currency,
        principal=terms.principal,
        proceeds=terms.first_disbursement - plan.deducted,
        deducted=plan.deducted,
        rows=explained_rows(plan),
        by_year=totals_by_year(plan, terms.disbursed_on),
        totals=overall_totals(plan),
        rates=rates,
        costs=cost_sheet_of(terms, plan.rows, rate_periods(terms, plan.rows)),
        caps=None if lender is None else _caps(lender, terms.disbursed_on, rates),
        on_day=None if as_of is None else _on_day(terms, events, as_of),
        hash=plan.hash,
    )


def plan_rates(terms: LoanTerms, plan: Plan) -> tuple[ShownRate, ...]:
    """Return every rate of a plan over what the borrower receives and pays, fees included."""
    paid = [(row.due_on, row.total) for row in plan.rows]
    paid += disbursement_charges(terms, plan.rows)
    flows = [*proceeds(terms, plan.deducted), *(Flow(on, -amount) for on, amount in paid)]
    return shown_rates(flows, rate_periods(terms, plan.rows))


def plan_cost_sheet(terms: LoanTerms, plan: Plan) -> CostSheet | None:
    """Return the all-in cost sheet of a plan; None when it has no annual cost."""
    return cost_sheet_of(terms, plan.rows, rate_periods(terms, plan.rows)).sheet


def _caps(lender: CappedLender, on: date, rates: Sequence[ShownRate]) -> CapOutcome:
    try:
        return CapOutcome(lender.kind, check_caps(lender, on, existing(rates)))
    except CapUnknown as error:
        return CapOutcome(lender.kind, (), error.message)


def _on_day(terms: LoanTerms, events: Sequence[LoanEvent], as_of: date) -> LoanOnDay:
    stands = position(terms, events, as_of)
    try:
        return LoanOnDay(stands, payoff_quote(terms, events, as_of))
    except NothingOutstanding as error:
        return LoanOnDay(stands, None, error.message)


def _refuse_nonsense(terms: LoanTerms, events: Sequence[LoanEvent]) -> None:
    """Refuse plans beyond the calendar, first periods of centuries, and rates of no loan."""
    count = terms.instalments or len(terms.explicit) or MAX_INSTALMENTS
    count += sum(holiday.count for holiday in terms.holidays)
    days = [terms.disbursed_on, terms.first_due_on, *(item.due_on for item in terms.explicit)]
    if not _within(terms.frequency, count, days):
        reason = f"a plan lies within the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InvalidTerms(reason, field="first_due_on")
    if terms.first_due_on.year - terms.disbursed_on.year > MAX_YEARS_TO_FIRST_DUE:
        reason = f"the first due date lies at most {MAX_YEARS_TO_FIRST_DUE} years ahead"
        raise InvalidTerms(reason, field="first_due_on")
    for event in events:
        if isinstance(event, RateChanged | Rescheduled) and event.annual_rate is not None:
            refuse_rate(event.annual_rate, "annual_rate")
        if isinstance(event, Rescheduled | DueDayChanged):
            frequency, more = terms.frequency, count
            if isinstance(event, Rescheduled):
                frequency, more = event.frequency or Frequency(), event.instalments
            if not _within(frequency, more, [event.on, event.first_due_on]):
                reason = f"a plan lies within the years {FIRST_YEAR} to {LAST_YEAR}"
                raise InvalidEvent(reason, field="first_due_on")


def _refuse_work(terms: LoanTerms, events: Sequence[LoanEvent]) -> None:
    """Refuse a history that plans so many instalments anew that it holds a processor for long."""
    following = 1 + len(terms.rate_steps) + len(terms.holidays)
    again = sum(1 for event in events if _plans_anew(terms, event))
    longest = max((e.instalments for e in events if isinstance(e, Rescheduled)), default=0)
    # The position and the payoff both follow the whole history.
    work = planned_anew(terms, 2 * following * again, at_least=longest)
    if work > MAX_WORK:
        raise InvalidEvent(
            f"instalments times the events that change the plan are at most {MAX_WORK}, here"
            f" {work}: leave out events",
            field="events",
        )


def _plans_anew(terms: LoanTerms, event: LoanEvent) -> bool:
    if isinstance(event, Paid):
        return (event.excess or terms.allocation.excess) not in _KEEPING
    return not isinstance(event, PaidOff | Charged | Waived | WrittenOff | Recovered | Refunded)


def _within(frequency: Frequency, count: int, days: Sequence[date]) -> bool:
    years = count * frequency.every // frequency.units_per_year + 1
    return min(days).year >= FIRST_YEAR and max(days).year + years <= LAST_YEAR
