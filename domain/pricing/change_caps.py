"""The rate caps on what is changed of a running loan: a new rate, a new plan, a charge.

A quote is checked before a loan is made (`domain.products.products.check_plan`). What is agreed
later is checked against the caps of its own day, and refused when it leaves the borrower with a
dearer loan that is above one of them. What makes a loan no dearer is never refused, also where a
cap has fallen meanwhile.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from domain.common.errors import DomainError
from domain.common.frequency import MONTHLY, Frequency, FrequencyUnit
from domain.loans.due_dates import nominal_due_date
from domain.loans.events import (
    AnyEvent,
    Charged,
    Disbursed,
    LoanEvent,
    RateChanged,
    Rescheduled,
)
from domain.loans.fees import FeeTiming
from domain.loans.history import events_in_force
from domain.loans.plan_terms import Method
from domain.loans.position import InstalmentPosition, position
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms
from domain.loans.terms_in_force import TermsInForce, terms_in_force
from domain.pricing.rate_caps import (
    CapFinding,
    CappedLender,
    Enforcement,
    RateCapExceeded,
    check_caps,
)
from domain.pricing.rates import Rate, RateConvention
from domain.pricing.trial import plan_rates
from domain.pricing.trial_rates import RatePeriods, existing, rate_periods, shown_rates

_Flows = list[tuple[date, int]]


def check_change(
    lender: CappedLender, terms: LoanTerms, events: Sequence[LoanEvent], event: AnyEvent
) -> tuple[CapFinding, ...]:
    """Return the soft caps that a loan is above with `event`, which follows `events`.

    * A new rate is tested as the loan would be quoted at it: the original principal and fees.
    * A new plan as a loan of its number of instalments with the fees that each of them carries.
    * A charge, fee or penalty, by all that the borrower receives and pays by the plan with it
      (Supreme People's Court, Fa Fa [2017] No. 22, article 2: interest, penalty and fees together).

    Raises `RateCapExceeded` naming the field of the event, and `CapUnknown` when there is no cap
    for the lender on that day.
    """
    match event:
        case RateChanged():
            field = "annual_rate"
            before, after = _at_new_rate(terms, events, event)
        case Rescheduled():
            field = "instalments" if event.annual_rate is None else "annual_rate"
            before, after = _with_new_plan(terms, events, event)
        case Charged():
            field = "amount"
            before, after = _with_charge(terms, events, event)
        case _:
            return ()
    known = {rate.convention: rate.value for rate in before}
    findings = tuple(
        finding
        for finding in check_caps(lender, event.on, after)
        if _is_dearer(known, after, finding)
    )
    breaches = tuple(one for one in findings if one.enforcement is Enforcement.HARD)
    if breaches:
        raise RateCapExceeded(breaches, field=field)
    return findings


def _is_dearer(
    before: dict[RateConvention, Decimal], after: Sequence[Rate], finding: CapFinding
) -> bool:
    """Say whether the rate that is above a cap is higher than it was."""
    tested = next(rate for rate in after if rate.value == finding.rate)
    was = before.get(tested.convention)
    return was is None or finding.rate > was


def _at_new_rate(
    terms: LoanTerms, events: Sequence[LoanEvent], event: RateChanged
) -> tuple[tuple[Rate, ...], tuple[Rate, ...]]:
    now = terms_in_force(terms, events, event.on)
    return _quoted(terms, now.annual_rate), _quoted(terms, event.annual_rate)


def _quoted(terms: LoanTerms, annual_rate: Decimal) -> tuple[Rate, ...]:
    """Return the rates of the loan as if it were quoted at another rate."""
    new = terms.model_copy(update={"annual_rate": annual_rate, "rate_steps": ()})
    try:
        return existing(plan_rates(new, build_plan(new)))
    except DomainError:
        # Amounts that were agreed one by one need not fit the rate: test it on level ones.
        count = terms.instalments or len(terms.explicit)
        level = _level(terms, annual_rate, max(count, 1), terms.frequency)
        return existing(plan_rates(level, build_plan(level)))


def _with_new_plan(
    terms: LoanTerms, events: Sequence[LoanEvent], event: Rescheduled
) -> tuple[tuple[Rate, ...], tuple[Rate, ...]]:
    now = terms_in_force(terms, events, event.on)
    new_rate = now.annual_rate if event.annual_rate is None else event.annual_rate
    old = _of_plan(terms, now)
    level = _level(terms, new_rate, event.instalments, event.frequency or MONTHLY)
    return old, existing(plan_rates(level, build_plan(level)))


def _of_plan(terms: LoanTerms, now: TermsInForce) -> tuple[Rate, ...]:
    level = _level(terms, now.annual_rate, max(now.instalments, 1), now.frequency)
    return existing(plan_rates(level, build_plan(level)))


def _level(
    terms: LoanTerms, annual_rate: Decimal, instalments: int, frequency: Frequency
) -> LoanTerms:
    """Return the terms of a regular plan with the fees that every instalment carries."""
    if frequency.unit is FrequencyUnit.HALF_MONTH:
        # What is due twice a month has twelve times two periods, whatever its days.
        frequency = Frequency(unit=FrequencyUnit.WEEK, every=2)
    flat = terms.method is Method.FLAT
    plain = LoanTerms(
        currency=terms.currency,
        principal=terms.principal,
        annual_rate=annual_rate,
        instalments=instalments,
        disbursed_on=terms.first_due_on - timedelta(days=1),
        first_due_on=terms.first_due_on,
        method=Method.FLAT if flat else Method.EQUAL_INSTALMENT,
        frequency=frequency,
        fees=tuple(fee for fee in terms.fees if fee.timing is FeeTiming.PER_INSTALMENT),
    )
    first, second = terms.first_due_on, nominal_due_date(plain, 1)
    return plain.model_copy(update={"disbursed_on": first, "first_due_on": second})


def _with_charge(
    terms: LoanTerms, events: Sequence[LoanEvent], event: Charged
) -> tuple[tuple[Rate, ...], tuple[Rate, ...]]:
    before = position(terms, events, event.on)
    after = position(terms, (*events, event), event.on)
    flows = _planned(terms, events, event.on, before.instalments)
    was = {row.number: row.fee + row.penalty for row in before.instalments}
    added = [
        (row.due_on, -(row.fee + row.penalty - was.get(row.number, 0))) for row in after.instalments
    ]
    periods = _periods(terms, events, before.instalments)
    return (
        existing(shown_rates(flows, periods)),
        existing(shown_rates([*flows, *(flow for flow in added if flow[1])], periods)),
    )


def _planned(
    terms: LoanTerms,
    events: Sequence[LoanEvent],
    on: date,
    instalments: Sequence[InstalmentPosition],
) -> _Flows:
    """Return what the borrower received and pays by the plan, less what was waived of it."""
    received: _Flows = [
        (event.on, event.amount)
        for event in events_in_force(events, on)
        if isinstance(event, Disbursed)
    ]
    deducted = position(terms, events, on).deducted
    paid: _Flows = [
        (
            row.due_on,
            row.interest_waived + row.fee_waived - row.principal - row.interest - row.fee,
        )
        for row in instalments
    ]
    return [*received, (terms.disbursed_on, -deducted), *(flow for flow in paid if flow[1])]


def _periods(
    terms: LoanTerms, events: Sequence[LoanEvent], instalments: Sequence[InstalmentPosition]
) -> RatePeriods:
    """Return how time is counted; dates of a plan that was replaced are measured."""
    if any(isinstance(event, Rescheduled) for event in events):
        per_year = rate_periods(terms, ()).per_year
        return RatePeriods(per_year, None)
    return rate_periods(terms, instalments)
