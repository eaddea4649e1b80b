"""Random loans of every kind, and random histories of them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from domain.common.business_days import HOLIDAY_CALENDAR, BusinessCalendar, BusinessDayRule
from domain.common.day_count import DayCount
from domain.common.errors import DomainError, InvalidTerms
from domain.common.frequency import Frequency, FrequencyUnit
from domain.common.rounding import ROUNDING_UNITS, RoundingMode
from domain.loans.allocation import Component, Direction, Excess, Timing
from domain.loans.early_settlement import PayoffInterest
from domain.loans.events import (
    Charged,
    ChargedOff,
    ChargeOffReason,
    ChargeOffUndone,
    Disbursed,
    HolidayGranted,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.penalty_terms import PenaltyBase
from domain.loans.plan_terms import (
    FlatBase,
    InterestBasis,
    LevelRate,
    Method,
    Residue,
    ShortMonth,
    UnmetInterest,
)
from domain.loans.position import position
from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import Income, LoanTerms
from tests.definitions import shipped

OFFICIAL_YEARS = shipped(HOLIDAY_CALENDAR, "cn").years

_RATES = st.decimals(0, 36, places=4) | st.decimals(0, 400, places=2)
_DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31))
_UNITS = ("day", "week", "half_month", "month", "month", "month", "year")


@st.composite
def agreed_terms(
    draw: st.DrawFn, max_instalments: int = 24, *, in_parts: bool = False
) -> tuple[LoanTerms, Plan]:
    """Return terms of any kind that a plan follows from, with the plan; `in_parts` two tranches."""
    values = _dates(draw) | _amounts(draw)
    method = draw(st.sampled_from(Method))
    values |= {"method": method, "instalments": draw(st.integers(1, max_instalments))}
    values |= _of_method(draw, method, values)
    values |= _options(draw, values, in_parts=in_parts)
    try:
        terms = LoanTerms(**values)
        return terms, build_plan(terms)
    except InvalidTerms:
        assume(False)
        raise


def _dates(draw: st.DrawFn) -> dict[str, Any]:
    disbursed_on = draw(_DAYS)
    unit = draw(st.sampled_from(_UNITS))
    every = 1 if unit == "half_month" else draw(st.sampled_from([1, 1, 2, 3, 7]))
    first_due_on = disbursed_on + timedelta(days=draw(st.sampled_from([1, 14, 28, 30, 31, 45, 90])))
    values: dict[str, Any] = {
        "currency": draw(st.sampled_from(["CNY", "EUR", "JPY"])),
        "disbursed_on": disbursed_on,
        "first_due_on": first_due_on,
        "frequency": {"unit": unit, "every": every},
    }
    if unit == "half_month":
        values["second_due_day"] = draw(st.integers(1, 31))
    if unit in ("month", "year") and draw(st.booleans()):
        values["end_of_month"] = draw(st.booleans())
    return values


def _amounts(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "principal": draw(st.integers(100_000, 5_000_000) | st.integers(1, 10**9)),
        "annual_rate": draw(_RATES),
        "penalty_annual_rate": draw(_RATES),
        "grace_days": draw(st.sampled_from([0, 0, 3])),
        "penalty_base": draw(st.sampled_from(PenaltyBase)),
        "penalty_cap": draw(st.none() | st.decimals(0, 50, places=1)),
    }


def _of_method(draw: st.DrawFn, method: Method, values: dict[str, Any]) -> dict[str, Any]:
    principal, disbursed_on = values["principal"], values["disbursed_on"]
    match method:
        case Method.BALLOON:
            return {"balloon": draw(st.integers(1, principal))}
        case Method.FIXED_INSTALMENT:
            parts = draw(st.integers(1, 20))
            return {"instalment_amount": principal // parts + 1, "instalments": 0}
        case Method.SINGLE_PAYMENT:
            return {"instalments": 1}
        case Method.RENTALS_IN_ADVANCE:
            residual = draw(st.just(0) | st.integers(0, principal - 1))
            return {"first_due_on": disbursed_on, "residual": residual}
        case Method.EXPLICIT:
            due = sorted(
                draw(st.sets(st.dates(values["first_due_on"], date(2031, 1, 1)), max_size=5))
                | {values["first_due_on"]}
            )
            kinds = st.sampled_from(["principal", "total"])
            listed: list[dict[str, Any]] = [
                {"due_on": on, draw(kinds): draw(st.integers(0, principal))} for on in due[:-1]
            ]
            return {
                "explicit": [*listed, {"due_on": due[-1]}],
                "instalments": len(due),
                "frequency": {"unit": "month"},
            }
        case _:
            return {}


def _options(draw: st.DrawFn, values: dict[str, Any], *, in_parts: bool) -> dict[str, Any]:
    counts = st.sampled_from([0, 0, 0, 1, 2])
    counting_days = [item for item in DayCount if item is not DayCount.PERIOD]
    rounding = st.tuples(st.sampled_from(ROUNDING_UNITS), st.sampled_from(RoundingMode))
    options: dict[str, Any] = {
        "day_count": draw(st.just(DayCount.PERIOD) | st.sampled_from(counting_days)),
        "interest_rounding": (1, draw(st.sampled_from(RoundingMode))),
        "residue": draw(st.sampled_from(Residue)),
        "smooth": draw(st.booleans()),
        "interest_grace": draw(counts),
        "interest_free": draw(counts),
        "early_settlement": {
            "interest": draw(st.sampled_from(PayoffInterest)),
            "fee_percent": draw(st.none() | st.just(Decimal(2))),
        },
        "allocation": draw(allocations()),
        "fees": draw(fees()),
        "income": draw(st.sampled_from(Income)),
    }
    if values["method"] is Method.EXPLICIT:
        options["day_count"] = draw(st.sampled_from(counting_days))
    if draw(st.integers(0, 3)) == 0:
        options["instalment_rounding"] = draw(rounding)
    if values["method"] in (Method.EQUAL_INSTALMENT, Method.FLAT, Method.EQUAL_PRINCIPAL):
        options["principal_grace"] = draw(counts)
    if draw(st.integers(0, 2)) == 0:
        options |= _shape(draw, values)
    if draw(st.integers(0, 3)) == 0:
        options["business_day_rule"] = draw(st.sampled_from(BusinessDayRule))
        options["calendar"] = draw(st.sampled_from(BusinessCalendar))
        options["official_years"] = draw(st.sampled_from(((), OFFICIAL_YEARS)))
        moves = options["business_day_rule"] is not BusinessDayRule.NONE
        follows = moves and options["day_count"] is not DayCount.PERIOD
        options["interest_follows"] = follows and draw(st.booleans())
    follows = options.get("interest_follows", "business_day_rule" not in options)
    if values["method"] is not Method.FLAT and follows:
        options["interest_basis"] = draw(st.sampled_from(InterestBasis))
    return options | _changes(draw, values, in_parts=in_parts)


def _shape(draw: st.DrawFn, values: dict[str, Any]) -> dict[str, Any]:
    """Return conventions that only some methods and frequencies know; the others are refused."""
    shape: dict[str, Any] = {}
    weights = st.lists(st.sampled_from(["0", "0.5", "1", "1", "1.075", "3"]), min_size=1)
    if draw(st.booleans()):
        shape["weights"] = draw(weights)[: max(values["instalments"], 1)]
    match values["method"]:
        case Method.EQUAL_INSTALMENT | Method.BALLOON:
            shape["unmet_interest"] = draw(st.sampled_from(UnmetInterest))
            shape["level_rate"] = draw(st.sampled_from(LevelRate))
        case Method.FLAT:
            shape["level_total"] = draw(st.booleans())
            shape["flat_base"] = draw(st.sampled_from(FlatBase))
        case Method.RENTALS_IN_ADVANCE:
            shape["advance_rentals"] = draw(st.integers(1, values["instalments"]))
    if values["frequency"]["unit"] in ("month", "year") and not values.get("end_of_month"):
        shape["short_month"] = draw(st.sampled_from(ShortMonth))
    return shape


def _changes(draw: st.DrawFn, values: dict[str, Any], *, in_parts: bool) -> dict[str, Any]:
    day = st.integers(1, 150).map(lambda days: values["disbursed_on"] + timedelta(days=days))
    some = st.integers(0, 4)
    changes: dict[str, Any] = {}
    if draw(some) == 0:
        changes["down_payment"] = draw(st.integers(0, values["principal"]))
    if draw(some) == 0:
        changes["rate_steps"] = [{"on": draw(day), "annual_rate": draw(_RATES)}]
    if draw(some) == 0:
        changes["holidays"] = [{"on": draw(day), "count": 1, "extend": draw(st.booleans())}]
    if (in_parts or draw(some) == 0) and values["principal"] > 1:
        amount = draw(st.integers(1, values["principal"] - 1))
        at_once = draw(st.just(0) | st.integers(0, amount - 1))
        if in_parts:  # Before the first due date: later ones may be past the last.
            days = max((values["first_due_on"] - values["disbursed_on"]).days, 1)
            day = st.integers(1, days).map(lambda n: values["disbursed_on"] + timedelta(days=n))
        changes["tranches"] = [{"on": draw(day), "amount": amount, "down_payment": at_once}]
    return changes


@st.composite
def allocations(draw: st.DrawFn) -> dict[str, Any]:
    values: dict[str, Any] = {"excess": draw(st.sampled_from(Excess))}
    if draw(st.booleans()):
        pairs = [{"timing": t, "component": c} for t in Timing for c in Component]
        values["order"] = draw(st.permutations(pairs))
        values["direction"] = draw(st.sampled_from(Direction))
    return values


@st.composite
def fees(draw: st.DrawFn) -> list[dict[str, Any]]:
    kinds: list[dict[str, Any]] = [
        {"name": "a", "timing": "first_instalment", "amount": 1_000},
        {"name": "b", "timing": "spread", "percent": Decimal("1.5")},
        {"name": "c", "timing": "per_instalment", "percent": Decimal("0.2")},
        {"name": "d", "timing": "per_instalment", "percent": Decimal("0.2"), "base": "outstanding"},
        {"name": "e", "timing": "deducted", "percent": Decimal(1)},
        {"name": "g", "timing": "deducted", "amount": 700, "release": "over_plan"},
        {"name": "f", "timing": "on_event", "event": "rescheduled", "amount": 500},
    ]
    return draw(st.lists(st.sampled_from(kinds), max_size=2, unique_by=lambda fee: fee["name"]))


History = tuple[LoanTerms, list[LoanEvent], date]


@st.composite
def histories(draw: st.DrawFn, *, written_off: bool = True) -> History:
    """Return a loan, events that follow from each other as recorded, and a day to look at it."""
    terms, plan = draw(agreed_terms(max_instalments=8))
    last = (plan.rows[-1].due_on - terms.disbursed_on).days + 60
    days = st.integers(0, min(last, 400)).map(lambda d: terms.disbursed_on + timedelta(days=d))
    events: list[LoanEvent] = [
        Disbursed(key="d0", on=terms.disbursed_on, amount=terms.first_disbursement),
        *(
            Disbursed(key=f"d{number}", on=tranche.on, amount=tranche.amount)
            for number, tranche in enumerate(terms.tranches, start=1)
        ),
    ]
    for number in range(draw(st.integers(0, 7))):
        event = _event(draw, terms, plan, draw(days), number, written_off=written_off)
        if event is not None and stands(terms, [*events, event]):
            events.append(event)
            if draw(st.integers(0, 5)) == 0:
                back = Reversed(key=f"r{number}", on=event.on, reverses=event.key)
                if stands(terms, [*events, back]):
                    events.append(back)
    return terms, events, draw(days)


def stands(terms: LoanTerms, events: list[LoanEvent]) -> bool:
    """Say whether the events contradict neither each other nor the terms."""
    try:
        position(terms, events, max(event.on for event in events))
    except DomainError:
        return False
    return True


def _event(
    draw: st.DrawFn, terms: LoanTerms, plan: Plan, on: date, number: int, *, written_off: bool
) -> LoanEvent | None:
    key = f"e{number}"
    instalment = max(plan.rows[0].total, 1)
    amounts = st.integers(1, 2 * terms.principal) | st.integers(1, 3 * instalment)
    amounts |= st.just(instalment)
    kinds = [*["paid"] * 6, "paid_off", "charged", "waived", "rate", "holiday", "rescheduled"]
    kinds += ["refunded", "charged_off", "charged_off", "charge_off_undone"]
    kinds += ["written_off", "recovered"] if written_off else []
    match draw(st.sampled_from(kinds)):
        case "paid":
            rule = draw(st.none() | st.sampled_from(Excess))
            return Paid(key=key, on=on, amount=draw(amounts), excess=rule)
        case "paid_off":
            return PaidOff(key=key, on=on, amount=draw(amounts))
        case "charged":
            component = draw(st.sampled_from([Component.FEE, Component.PENALTY]))
            return Charged(key=key, on=on, component=component, amount=draw(st.integers(1, 5_000)))
        case "waived":
            component = draw(st.sampled_from(Component))
            return Waived(key=key, on=on, component=component, amount=draw(amounts))
        case "rate":
            return RateChanged(key=key, on=on, annual_rate=draw(_RATES))
        case "holiday":
            extend = draw(st.booleans())
            return HolidayGranted(key=key, on=on, count=draw(st.integers(1, 2)), extend=extend)
        case "rescheduled":
            return _rescheduled(draw, terms, on, key)
        case "refunded":
            return Refunded(key=key, on=on, amount=draw(st.integers(1, 3 * instalment)))
        case "recovered":
            return Recovered(key=key, on=on, amount=draw(amounts))
        case given_up:
            return _given_up(draw, given_up, on, key)


def _given_up(draw: st.DrawFn, kind: str, on: date, key: str) -> LoanEvent:
    if kind == "charged_off":
        return ChargedOff(key=key, on=on, reason=draw(st.sampled_from(ChargeOffReason)))
    return (ChargeOffUndone if kind == "charge_off_undone" else WrittenOff)(key=key, on=on)


def _rescheduled(draw: st.DrawFn, terms: LoanTerms, on: date, key: str) -> Rescheduled:
    units = st.just(terms.frequency.unit) | st.sampled_from(FrequencyUnit)
    return Rescheduled(
        key=key,
        on=on,
        instalments=draw(st.integers(1, 6)),
        first_due_on=on + timedelta(days=draw(st.integers(1, 40))),
        frequency=draw(st.none() | units.map(lambda unit: Frequency(unit=unit))),
        include_overdue=draw(st.booleans()),
    )
