"""What is wrong with a product before it goes out: each finding at its field, in plain words."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from domain.collections import COLLECTIONS_LADDER
from domain.common.currencies import MINOR_DIGITS
from domain.common.definitions import Finding, InForce, Kind
from domain.common.errors import DomainError, InvalidTerms
from domain.common.money import money
from domain.common.zones import ZONES
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.decision import DECISION_SOURCES
from domain.loans.contract import CONTRACT_TEMPLATE
from domain.loans.plan_terms import Method
from domain.loans.schedule import build_plan
from domain.loans.servicing import SERVICING_POLICY
from domain.pricing.rate_caps import (
    HOME_CAPS,
    RATE_CAPS,
    CapUnknown,
    RateCapExceeded,
    RateCaps,
)
from domain.products.products import Product, check_release
from domain.verification.element_policies import ELEMENT_POLICIES, ElementPolicies
from domain.verification.elements import ElementKind

_DAYS_OF_A_MONTH: Final = 31
"""Terms are made for a disbursement on each of so many days: due days follow from it."""

_FIELDS: Final[Mapping[str, str]] = {
    "currency": "currency",
    "instalments": "instalments",
    "principal": "amount_max",
    "first_due_on": "terms.due_day",
    "balloon": "terms.balloon_percent",
    "residual": "terms.residual_percent",
    "instalment_amount": "terms.instalment_percent",
    "down_payment": "terms.down_payment_percent",
    "explicit": "terms.listed",
}
"""Where a product says what a field of the loan's terms says; the others have the same names."""


def check_product(product: Product, others: InForce) -> Iterator[Finding]:
    """Say everything that is wrong with a product."""
    yield from _amounts(product)
    yield from _references(product, others)
    yield from _elements(product, others)
    refused = tuple(_terms(product, others.on))
    yield from refused
    if not refused:
        yield from _caps(product, others)


def _amounts(product: Product) -> Iterator[Finding]:
    step = product.amount_step
    if product.currency not in MINOR_DIGITS:
        message = f"{product.currency!r} is no currency of ISO 4217: write three capital letters"
        yield Finding("currency", message, "CNY")
    if product.zone not in ZONES:
        yield Finding("zone", f"there is no time zone {product.zone!r}", "Asia/Shanghai")
    if product.amount_max < product.amount_min:
        yield Finding("amount_max", "is below amount_min", str(product.amount_min))
    for field in ("amount_min", "amount_max"):
        amount = getattr(product, field)
        if amount % step:
            example = str(max(amount // step, 1) * step)
            yield Finding(field, f"{amount} is not a multiple of the step of {step}", example)
    if list(product.instalments) != sorted(set(product.instalments)):
        example = str(sorted(set(product.instalments)))
        yield Finding("instalments", "are given once each, the fewest first", example)
    if list(product.reminders_after) != sorted(set(product.reminders_after)):
        yield Finding("reminders_after", "follow each other", '["P1D", "P3D"]')
    if not set(product.decision_sources) <= set(DECISION_SOURCES):
        known = ", ".join(DECISION_SOURCES)
        yield Finding("decision_sources", f"there are rules for {known} only", '["bureau"]')


def _references(product: Product, others: InForce) -> Iterator[Finding]:
    for field, kind in (
        ("element_policies", ELEMENT_POLICIES.name),
        ("decision_policy", RISK_POLICY.name),
        ("collections", COLLECTIONS_LADDER.name),
        ("servicing", SERVICING_POLICY.name),
        ("contract", CONTRACT_TEMPLATE.name),
    ):
        code = getattr(product, field)
        if others.find(kind, code) is None:
            yield Finding(field, f"no {kind} {code!r} is in force", "standard")


def _elements(product: Product, others: InForce) -> Iterator[Finding]:
    policies = others.find(ELEMENT_POLICIES.name, product.element_policies)
    application = product.required_elements + product.optional_elements
    lists = (
        ("required_elements", product.required_elements, product.required_elements),
        ("optional_elements", product.optional_elements, application),
        (
            "drawdown_elements",
            product.drawdown_elements,
            product.required_elements + product.drawdown_elements,
        ),
    )
    for field, kinds, asked in lists:
        for index, kind in enumerate(kinds):
            where = f"{field}.{index}"
            if kind in kinds[:index]:
                yield Finding(where, f"{kind} is asked for twice")
            if isinstance(policies, ElementPolicies):
                yield from _needs(where, kind, policies, asked)
    for index, kind in enumerate(product.optional_elements):
        if kind in product.required_elements:
            yield Finding(f"optional_elements.{index}", f"{kind} is required already")


def _needs(
    where: str, kind: ElementKind, policies: ElementPolicies, asked: tuple[ElementKind, ...]
) -> Iterator[Finding]:
    policy = policies.find(kind)
    if policy is None:
        yield Finding(where, f"the element policies say nothing of {kind}", "real_name")
        return
    for need in policy.needs:
        if need not in asked:
            yield Finding(where, f"{kind} needs {need}, which is not asked for", need)
        elif asked.index(need) > asked.index(kind):
            yield Finding(where, f"{kind} needs {need}, which is asked for after it", need)


def _terms(product: Product, on: date) -> Iterator[Finding]:
    """Make the terms of each choice at the smallest and the largest amount, and their plans."""
    told: set[Finding] = set()
    first = on.replace(month=1, day=1)
    days = [*(first + timedelta(days=day) for day in range(_DAYS_OF_A_MONTH)), on]
    for index, instalments in enumerate(product.instalments):
        for amount in (product.amount_min, product.amount_max):
            found = _of_choice(product, index, instalments, amount, days)
            if found is not None and found not in told:
                told.add(found)
                yield found


def _of_choice(
    product: Product, index: int, instalments: int, amount: int, days: list[date]
) -> Finding | None:
    try:
        made = [product.loan_terms(amount, instalments, day) for day in days]
        terms = made[-1]
        rows = [row for row in build_plan(terms).rows if row.number]
    except InvalidTerms as error:
        field, *item = error.field.split(".", 1)
        return Finding(".".join([_FIELDS.get(field, f"terms.{field}"), *item]), error.message)
    except DomainError as error:
        return Finding("terms", error.message)
    expected = instalments
    if product.terms.method is Method.RENTALS_IN_ADVANCE:
        expected += (terms.residual > 0) - (terms.advance_rentals - 1)
    if len(rows) != expected:
        told = money(amount, product.currency)
        message = f"{told} is repaid in {len(rows)} instalments, not {instalments}"
        return Finding(f"instalments.{index}", message, str(len(rows)))
    return None


def _caps(product: Product, others: InForce) -> Iterator[Finding]:
    caps = others.find(RATE_CAPS.name, HOME_CAPS)
    if not isinstance(caps, RateCaps):
        yield Finding("lender_kind", f"no {RATE_CAPS.name} are in force: release them first")
        return
    try:
        check_release(product, others.on, caps)
    except (RateCapExceeded, CapUnknown) as error:
        yield Finding("terms.annual_rate", error.message, "a lower rate, or fewer fees")


PRODUCT: Final = Kind("product", Product, check_product)
