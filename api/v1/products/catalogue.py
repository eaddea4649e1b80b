"""The products in force: what they lend, what they cost, what they ask of an applicant."""

import asyncio
from typing import Annotated

from fastapi import Path

from api.http.calls import Called
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.http.services import Services
from api.v1.products.schemas import ProductResponse
from api.v1.verification.schemas import ElementPolicyResponse
from domain.common.calendar import business_date
from domain.common.definitions import Code
from domain.common.errors import NotFound
from domain.products.products import AgreedProduct, UnknownProduct
from domain.verification.element_policies import Stage
from domain.verification.elements import ElementKind
from runtime.clock import utc_now
from services.products.agreed import product_on_offer, products_on_offer

router = authorised_router("/products", "products")

ProductPath = Annotated[Code, Path()]


@router.get("", summary="The products that may be applied for")
async def products(call: Called) -> Page[ProductResponse]:
    """Return every product in force with its limits, its terms and what it costs."""
    async with call.database.read() as tx:
        found = await products_on_offer(tx)
    return Page(items=[await _answer(product) for product in found], next=None)


@router.get("/{product}", summary="Read a product")
async def read(product: ProductPath, call: Called) -> ProductResponse:
    """Return a product in force with its limits, its terms and what it costs."""
    return await _answer(await _product(product, call.services))


@router.get("/{product}/elements", summary="The elements that a product asks for")
async def elements(product: ProductPath, call: Called) -> Page[ElementPolicyResponse]:
    """Return them in the order in which they are asked for."""
    async with call.database.read() as tx:
        found = await product_on_offer(tx, product)
    asked: list[tuple[ElementKind, Stage]] = [
        *((kind, Stage.APPLICATION) for kind in found.required_elements),
        *((kind, Stage.OPTIONAL) for kind in found.optional_elements),
        *((kind, Stage.DRAWDOWN) for kind in found.drawdown_elements),
    ]
    items = [
        ElementPolicyResponse.model_validate(
            {
                "kind": kind,
                "asked": when,
                "fields": found.fields_of(kind),
                **found.policy_of(kind).model_dump(
                    include={
                        "consent",
                        "valid_for_days",
                        "attempts",
                        "mismatches",
                        "on_mismatch",
                        "imported",
                    }
                ),
            }
        )
        for kind, when in asked
    ]
    return Page(items=items, next=None)


async def _product(code: str, services: Services) -> AgreedProduct:
    async with services.database.read() as tx:
        try:
            return await product_on_offer(tx, code)
        except UnknownProduct:
            raise NotFound("product") from None


async def _answer(product: AgreedProduct) -> ProductResponse:
    """Return what a product is today; its costs are worked out beside the event loop."""
    today = business_date(utc_now(), product.zone)
    return await asyncio.to_thread(ProductResponse.of, product, today)
