"""A plan's rows with the arithmetic of their interest in words, and their totals by year."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.common.money import format_amount, half_up, minor_digits
from domain.loans.accrual import Accrual
from domain.loans.schedule import Plan, PlanRow

_FURTHER_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a row's interest.

    `balance` x `annual_rate` / 100 x `numerator` / `denominator` is exactly `exact` minor units,
    earned from `start` to `end`.
    """

    start: date
    end: date
    balance: int
    annual_rate: Decimal
    numerator: int
    denominator: int
    exact: Fraction


@dataclass(slots=True)
class TrialRow(PlanRow):
    """One instalment; `interest` is the sum of `pieces`, rounded once; `text` says so in a line."""

    pieces: tuple[Piece, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is paid in a calendar year, or in all without one; deducted fees are among the fees."""

    year: int | None
    principal: int
    interest: int
    fee: int
    total: int


def explained_rows(plan: Plan) -> tuple[TrialRow, ...]:
    """Return the rows of a plan with the arithmetic behind their interest."""
    return tuple(_row(row, plan.currency) for row in plan.rows)


def overall_totals(plan: Plan) -> Totals:
    """Return the totals of a whole plan."""
    principal = sum(row.principal for row in plan.rows)
    return Totals(None, principal, plan.total_interest, plan.total_fees, plan.total)


def totals_by_year(plan: Plan, disbursed_on: date) -> tuple[Totals, ...]:
    """Return the totals of each calendar year in which something is paid, in order."""
    years = {row.due_on.year for row in plan.rows if row.total}
    if plan.deducted:
        years.add(disbursed_on.year)
    return tuple(_year(plan, year, disbursed_on) for year in sorted(years))


def _year(plan: Plan, year: int, disbursed_on: date) -> Totals:
    rows = [row for row in plan.rows if row.due_on.year == year]
    deducted = plan.deducted if disbursed_on.year == year else 0
    return Totals(
        year,
        sum(row.principal for row in rows),
        sum(row.interest for row in rows),
        sum(row.fee for row in rows) + deducted,
        sum(row.total for row in rows) + deducted,
    )


def _row(row: PlanRow, currency: str) -> TrialRow:
    pieces = tuple(_piece(accrual) for accrual in row.arithmetic)
    plain = {field.name: getattr(row, field.name) for field in fields(PlanRow)}
    return TrialRow(**plain, pieces=pieces, text=_text(pieces, row.interest, currency))


def _piece(accrual: Accrual) -> Piece:
    return Piece(
        accrual.start,
        accrual.end,
        accrual.balance,
        accrual.annual_rate,
        *accrual.years,
        Fraction(*accrual.exact),
    )


def _text(pieces: Iterable[Piece], interest: int, currency: str) -> str:
    held = [piece for piece in pieces if piece.exact]
    if not held:
        return "no interest is collected"
    terms = " + ".join(
        f"{format_amount(piece.balance, currency)} × {piece.annual_rate} % × "
        f"{piece.numerator}/{piece.denominator}"
        for piece in held
    )
    exact = sum((piece.exact for piece in held), Fraction(0))
    charged = format_amount(interest, currency)
    if exact == interest:
        return f"{terms} = {charged}"
    return f"{terms} = {_unrounded(exact, currency)}, rounded to {charged}"


def _unrounded(exact: Fraction, currency: str) -> str:
    """Write an amount with four digits more than the currency has."""
    scale = 10**_FURTHER_DIGITS
    shown = half_up(exact.numerator * scale, exact.denominator)
    digits = minor_digits(currency) + _FURTHER_DIGITS
    major, minor = divmod(shown, 10**digits)
    return f"{major:,}.{minor:0{digits}d}"
