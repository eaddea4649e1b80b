"""Whether a product or a contract may go out: its rate against the caps of its kind of lender."""

from datetime import date

from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms
from domain.pricing.rate_caps import CappedLender, CapWarning, RateCaps, enforce_caps
from domain.pricing.trial import plan_rates
from domain.pricing.trial_rates import existing
from domain.products.products import Product
from domain.products.terms import terms_of


def check_plan(
    product: Product, terms: LoanTerms, plan: Plan, caps: RateCaps
) -> tuple[CapWarning, ...]:
    """Return the soft ones of `caps` that a plan is above.

    Raises `RateCapExceeded` on a hard cap of the product's lender, `CapUnknown` when it cannot be
    tested.
    """
    rates = existing(plan_rates(terms, plan))
    return enforce_caps(CappedLender(product.lender_kind, caps), terms.disbursed_on, rates)


def check_release(product: Product, on: date, caps: RateCaps) -> tuple[CapWarning, ...]:
    """Check every term of a product at its smallest and largest amount, contracted on `on`.

    Returns and raises as `check_plan`, and `InvalidTerms`.
    """
    warnings: list[CapWarning] = []
    for instalments in product.instalments:
        for amount in (product.amount_min, product.amount_max):
            terms = terms_of(
                product.terms,
                currency=product.currency,
                principal=amount,
                instalments=instalments,
                disbursed_on=on,
            )
            warnings += check_plan(product, terms, build_plan(terms), caps)
    return tuple(warnings)
