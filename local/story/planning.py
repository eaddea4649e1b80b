"""Loan terms from the command line: options, a file, and what follows where nothing is said."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import typer
from pydantic import ValidationError

from api.v1.pricing.plans import TrialResponse, TrialTerms
from domain.common.business_days import HOLIDAY_CALENDAR, HolidayCalendar
from domain.common.calendar import month_day, months_after
from domain.common.errors import DomainError
from domain.common.frequency import Frequency, FrequencyUnit
from domain.common.money import parse_amount
from domain.common.rounding import Rounding, RoundingMode
from domain.loans.fees import Fee, FeeBase, FeeTiming
from domain.loans.plan_terms import Method, ShortMonth
from domain.loans.terms import LoanTerms, on_official_days
from domain.pricing.trial import Trial
from local.story.terms import AMOUNT, CURRENCY, MONTHS, RATE
from services.definitions.shipped import shipped

_HALF_MONTH_DAYS: Final = 15
_LENGTH_FOLLOWS: Final = frozenset({Method.EXPLICIT, Method.FIXED_INSTALMENT})


def frequency(given: str) -> Frequency:
    """Read how often instalments fall due: `week`, `2 weeks`, `half_month`, `3 months`."""
    count, _, unit = given.strip().rpartition(" ")
    try:
        return Frequency(unit=FrequencyUnit(unit.removesuffix("s")), every=int(count or 1))
    except (ValueError, DomainError):
        units = ", ".join(FrequencyUnit)
        raise typer.BadParameter(f"write '2 weeks' or 'month'; units are {units}") from None


def rounding(given: str) -> Rounding:
    """Read a unit and a mode: `0.05`, `1.00:half_even`."""
    unit, _, mode = given.partition(":")
    try:
        return Rounding(parse_amount(unit, CURRENCY), RoundingMode(mode or "half_up"))
    except (ValueError, DomainError):
        modes = ", ".join(RoundingMode)
        raise typer.BadParameter(f"write '1.00:half_even'; modes are {modes}") from None


def fee(given: str) -> Fee:
    """Read a fee: `service:deducted:5%`, `upkeep:per_instalment:0.1%:outstanding`."""
    name, timing, size, base = (*given.split(":"), "original", "", "")[:4]
    try:
        charge: dict[str, object] = (
            {"percent": size.removesuffix("%")}
            if size.endswith("%")
            else {"amount": parse_amount(size, CURRENCY)}
        )
        return Fee.model_validate(
            {"name": name, "timing": FeeTiming(timing), "base": FeeBase(base), **charge}
        )
    except (ValueError, DomainError) as error:
        reason = error.message if isinstance(error, DomainError) else "write 'service:deducted:5%'"
        raise typer.BadParameter(f"{reason}; timings are {', '.join(FeeTiming)}") from None


def read_terms(path: Path | None) -> dict[str, Any]:
    """Return the terms that a JSON file holds, an empty object without one."""
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise typer.BadParameter(f"{path.name} is not JSON") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{path.name} holds no object of terms")
    return found


def terms_of(given: Mapping[str, Any], today: date) -> LoanTerms:
    """Return the terms given, completed as the story has them; raises `InvalidTerms`.

    Without dates the loan goes out today and is first due one period later.
    """
    rate = given.get("annual_rate", RATE)
    complete = {
        "currency": CURRENCY,
        "principal": AMOUNT,
        "annual_rate": rate,
        "penalty_annual_rate": rate,
        **given,
    }
    if complete.get("method") == Method.SINGLE_PAYMENT:
        complete.setdefault("instalments", 1)
    if complete.get("method") not in _LENGTH_FOLLOWS:
        complete.setdefault("instalments", MONTHS)
    try:
        terms = TrialTerms.model_validate(complete | _dates(complete, today))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise typer.BadParameter(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
    return _on_shipped_calendar(terms)


def _on_shipped_calendar(terms: LoanTerms) -> LoanTerms:
    """Return terms on the calendar that a fresh installation has in force."""
    if not terms.rests_on_calendar or terms.official_years:
        return terms
    calendars = {one.code: one.content for one in shipped() if one.kind is HOLIDAY_CALENDAR}
    calendar = calendars[terms.calendar.lower()]
    assert isinstance(calendar, HolidayCalendar)  # noqa: S101 -- the model of its kind
    return on_official_days(terms, calendar.years)


def answer(found: Trial) -> dict[str, Any]:
    """Return a trial as the API answers it."""
    return TrialResponse.of(found, None).model_dump(mode="json")


def _dates(given: Mapping[str, Any], today: date) -> dict[str, object]:
    every = _frequency_of(given.get("frequency"))
    in_advance = given.get("method") == Method.RENTALS_IN_ADVANCE
    first = _date_of(given.get("first_due_on"))
    disbursed = _date_of(given.get("disbursed_on"))
    due_day = _due_day(given, first, disbursed or first or today)
    if first is None:
        disbursed = disbursed or today
        rolls = given.get("short_month") == ShortMonth.NEXT_FIRST
        first = disbursed if in_advance else _moved(disbursed, every, 1, due_day, rolls=rolls)
    if disbursed is None:
        disbursed = first if in_advance else _moved(first, every, -1, due_day)
    dates: dict[str, object] = {"first_due_on": first, "disbursed_on": disbursed}
    if every.months is not None and not given.get("end_of_month"):
        dates["due_day"] = due_day
    return dates


def _due_day(given: Mapping[str, Any], first: date | None, start: date) -> int:
    """Return the day of the month to fall due on: that of the disbursement where nothing is said.

    Disbursed on the 31st a loan is due on the last day of a short month and on the 31st of others.
    """
    if given.get("end_of_month"):
        return 31
    if isinstance(day := given.get("due_day"), int):
        return day
    if first is None or (first.day < start.day and first == month_day(first.year, first.month, 31)):
        return start.day
    return first.day


def _frequency_of(given: object) -> Frequency:
    try:
        return Frequency.model_validate(given or {})
    except ValidationError:
        raise typer.BadParameter(
            "write frequency as an object such as {unit: week, every: 2}"
        ) from None


def _date_of(given: object) -> date | None:
    if given is None or isinstance(given, date):
        return given
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise typer.BadParameter("write a date as 2026-03-31") from None


def _moved(on: date, every: Frequency, count: int, day: int, *, rolls: bool = False) -> date:
    if every.months is not None:
        return months_after(on, count * every.months, day, rolls=rolls)
    half = every.unit is FrequencyUnit.HALF_MONTH
    return on + timedelta(days=count * (_HALF_MONTH_DAYS if half else every.days))
