"""What a product costs, before anybody applies: total and yearly rates of representative loans."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from domain.loans.schedule import build_plan
from domain.pricing.rates import RateConvention
from domain.pricing.trial_costs import cost_sheet_of
from domain.pricing.trial_rates import rate_periods
from domain.products.products import Product


@dataclass(frozen=True, slots=True)
class RepresentativeLoan:
    """One loan of a product, all of it drawn on one day; amounts in minor units.

    `total_cost` is everything the borrower pays beside the principal. The rates are in percent a
    year, over all costs: the rate of a period times the periods of a year, and compounded. Where
    there is none, `reason` says why.
    """

    amount: int
    instalments: int
    proceeds: int
    total: int
    total_cost: int
    apr_simple: Decimal | None
    apr_compound: Decimal | None
    reason: str | None


def representative_amounts(product: Product) -> tuple[int, ...]:
    """Return the smallest amount, the one in the middle and the largest."""
    middle = (product.amount_min + product.amount_max) // 2
    amounts = (product.amount_min, middle - middle % product.amount_step, product.amount_max)
    return tuple(dict.fromkeys(amount for amount in amounts if amount >= product.amount_min))


@lru_cache(maxsize=64)
def representative_loans(product: Product, on: date) -> tuple[RepresentativeLoan, ...]:
    """Return what each choice of instalments costs at each representative amount, drawn on `on`.

    Remembered: it takes a moment, and is the same all day.
    """
    return tuple(
        _loan(product, amount, instalments, on)
        for amount in representative_amounts(product)
        for instalments in product.instalments
    )


def _loan(product: Product, amount: int, instalments: int, on: date) -> RepresentativeLoan:
    terms = product.loan_terms(amount, instalments, on)
    plan = build_plan(terms)
    outcome = cost_sheet_of(terms, plan.rows, rate_periods(terms, plan.rows))
    sheet = outcome.sheet
    rates = {rate.convention: rate.value for rate in sheet.rates} if sheet else {}
    return RepresentativeLoan(
        amount=amount,
        instalments=instalments,
        proceeds=terms.first_disbursement - plan.deducted,
        total=plan.total,
        total_cost=sheet.total_cost if sheet else plan.total_interest + plan.total_fees,
        apr_simple=rates.get(RateConvention.NOMINAL_SIMPLE),
        apr_compound=rates.get(RateConvention.EFFECTIVE),
        reason=outcome.reason,
    )
