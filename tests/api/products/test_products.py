"""What a product lends and costs is told before anybody applies."""

from datetime import date
from decimal import Decimal

import httpx
import pytest

from api.http.services import Services
from domain.products.costs import representative_loans
from tests.api.conftest import bearer, keyed
from tests.products import CASH, changed, release_products


@pytest.mark.parametrize(
    ("role", "subject"),
    [("applicant", "alice"), ("partner", "acme"), ("reviewer", "rita"), ("ops", "otto")],
)
async def test_products_in_force_are_shown_with_limits_terms_and_costs(
    http: httpx.AsyncClient, role: str, subject: str
) -> None:
    answer = await http.get("/v1/products", headers=bearer(role, subject))
    assert answer.status_code == 200
    (cash,) = [one for one in answer.json()["items"] if one["code"] == "cash"]
    assert (cash["amount_min"], cash["amount_max"], cash["amount_step"]) == (
        100_000,
        5_000_000,
        10_000,
    )
    assert cash["instalments"] == [3, 6, 12, 24]
    assert cash["terms"]["method"] == "equal_instalment"
    assert cash["terms"]["annual_rate"] == "24"
    assert len(cash["loans"]) == 3 * 4
    assert await http.get("/v1/products/cash", headers=bearer(role, subject)) is not None


async def test_the_rates_of_a_product_are_those_of_the_facts(http: httpx.AsyncClient) -> None:
    """12 months at 2 % a month: 12 x 2 % = 24 % simple, 1.02^12 - 1 = 26.82 % compounded."""
    one = changed(CASH, amount_min=1_000_000, amount_max=1_000_000, instalments=(12,))
    (loan,) = representative_loans(one.content, date(2026, 1, 15))
    assert (loan.amount, loan.total, loan.total_cost) == (1_000_000, 1_134_715, 134_715)
    assert loan.apr_simple is not None
    assert loan.apr_compound is not None
    cent = Decimal("0.01")
    assert loan.apr_simple.quantize(cent) == Decimal("24.00")
    assert loan.apr_compound.quantize(cent) == Decimal("26.82")


async def test_a_fee_that_is_kept_back_shows_in_every_rate() -> None:
    """With 5 % upfront 34.14 % simple and 40.03 % compounded: the IRR, worked out separately."""
    terms = CASH.content.terms.model_dump() | {
        "fees": [{"name": "service", "timing": "deducted", "percent": "5"}]
    }
    one = changed(CASH, amount_min=1_000_000, amount_max=1_000_000, instalments=(12,), terms=terms)
    (loan,) = representative_loans(one.content, date(2026, 1, 15))
    assert (loan.proceeds, loan.total_cost) == (950_000, 134_715 + 50_000)
    cent = Decimal("0.01")
    assert (loan.apr_simple or Decimal(0)).quantize(cent) == Decimal("34.14")
    assert (loan.apr_compound or Decimal(0)).quantize(cent) == Decimal("40.03")


async def test_a_product_that_is_not_in_force_is_not_there(http: httpx.AsyncClient) -> None:
    unknown = await http.get("/v1/products/pawn", headers=bearer("partner", "acme"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    shouted = await http.get("/v1/products/CASH", headers=bearer("partner", "acme"))
    assert shouted.status_code == 422
    refused = await http.get("/v1/products", headers=bearer("collector", "carl"))
    assert refused.status_code == 403


async def test_a_released_product_is_shown_and_can_be_applied_for(
    http: httpx.AsyncClient, services: Services
) -> None:
    small = changed(CASH, "small", amount_max=200_000, instalments=(3,))
    body = {"product": "small", "customer_reference": "c-1", "amount": 100_000, "instalments": 3}
    before = await http.post("/v1/applications", headers=keyed("partner", "acme"), json=body)
    assert (before.status_code, before.json()["code"]) == (422, "unknown_product")
    await release_products(services.database, small)
    shown = await http.get("/v1/products/small", headers=bearer("partner", "acme"))
    assert (shown.json()["version"], shown.json()["amount_max"]) == (1, 200_000)
    # Temporal is down here: that it is asked at all shows that the product was found.
    after = await http.post("/v1/applications", headers=keyed("partner", "acme"), json=body)
    assert after.json()["code"] == "engine_unavailable"


async def test_a_repeat_goes_on_with_the_version_that_it_began_with(
    http: httpx.AsyncClient, services: Services
) -> None:
    """The first request died before its process was started; then the limits were lowered."""
    await release_products(services.database, changed(CASH, "shrinking"))
    body = {
        "product": "shrinking",
        "customer_reference": "c-2",
        "amount": 1_000_000,
        "instalments": 12,
    }
    first = await http.post("/v1/applications", headers=keyed("partner", "acme", "k-2"), json=body)
    assert first.status_code == 503
    await release_products(services.database, changed(CASH, "shrinking", amount_max=200_000))
    again = await http.post("/v1/applications", headers=keyed("partner", "acme", "k-2"), json=body)
    assert again.status_code == 503
    other = body | {"customer_reference": "c-3"}
    anew = await http.post("/v1/applications", headers=keyed("partner", "acme"), json=other)
    assert (anew.status_code, anew.json()["code"]) == (422, "outside_product")
    async with services.database.read() as tx:
        version = await tx.connection.fetchval(
            "select split_part(product_ref, '@', 2) from applications where product = 'shrinking'"
        )
    assert version == "1"
