"""Products in tests: the shipped ones, others made from them, and releasing these."""

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import Any

from pydantic import BaseModel

from domain.common.definitions import Agreed, DefinitionRef, Kind, UnknownDefinition
from domain.definitions import KINDS
from domain.products.checks import PRODUCT
from domain.products.products import AgreedProduct, Product
from domain.verification.element_policies import (
    ELEMENT_POLICIES,
    ElementPolicies,
    ElementPolicy,
)
from domain.verification.elements import ElementKind
from services.definitions import shipped as files
from storage.database import Database
from storage.definitions import DefinitionRepository
from tests.definitions import agreed, release


def shipped_product(code: str) -> AgreedProduct:
    """The product that `catalogue/` brings, as a fresh database has it in force."""
    product = agreed(PRODUCT, code)
    elements = agreed(ELEMENT_POLICIES, product.content.element_policies)
    return AgreedProduct(product=product, elements=elements)


class ShippedInForce:
    """What is in force of a fresh installation, on a day of the test's own."""

    def __init__(self, on: date = date(2026, 3, 1)) -> None:
        self.on = on
        self._contents = {(one.kind.name, one.code): one.content for one in files.shipped()}

    def find(self, kind: str, code: str) -> BaseModel | None:
        return self._contents.get((kind, code))


CASH = shipped_product("cash")
REVOLVING = shipped_product("revolving")
BANK_CARD_BINDING = REVOLVING.policy_of(ElementKind.BANK_CARD)


def changed(
    product: AgreedProduct,
    code: str | None = None,
    *,
    policies: Iterable[ElementPolicy] = (),
    **changes: Any,
) -> AgreedProduct:
    """A product like another one; `policies` replace the element policies of their kinds.

    Under a code of its own it has element policies of that code, too.
    """
    own = {policy.kind: policy for policy in policies}
    elements = ElementPolicies(
        policies=tuple(own.get(one.kind, one) for one in product.elements.content.policies)
    )
    code = code or product.code
    content = Product.model_validate({**dict(product.content), "element_policies": code, **changes})
    return AgreedProduct(
        product=PRODUCT.agreed(code, 1, content),
        elements=ELEMENT_POLICIES.agreed(code, 1, elements),
    )


async def release_products(record: Database, *products: AgreedProduct) -> list[AgreedProduct]:
    """Bring products and their element policies into force, and wait until `record` knows it.

    Returns them with the references that they have now.
    """
    released = []
    async with record.transaction() as tx:
        for product in products:
            code = product.elements.ref.code
            elements = await release(tx, ELEMENT_POLICIES, code, product.elements.content)
            ref = await release(tx, PRODUCT, product.code, product.content)
            released.append(
                AgreedProduct(
                    product=Agreed[Product](ref=ref, content=product.content),
                    elements=Agreed[ElementPolicies](
                        ref=elements, content=product.elements.content
                    ),
                )
            )
    for product in released:
        await until_in_force(record, product.product.ref)
    return released


async def until_in_force(record: Database, ref: DefinitionRef) -> None:
    """Wait until the caches of this test know of a release, which takes a second at most."""
    async with asyncio.timeout(10):
        while True:
            if await _in_force(record, ref) == ref:
                return
            await asyncio.sleep(0.02)


async def _in_force(record: Database, ref: DefinitionRef) -> DefinitionRef | None:
    kind: Kind[Any] = KINDS[ref.kind]
    async with record.read() as tx:
        try:
            return (await DefinitionRepository(tx).in_force(kind, ref.code)).ref
        except UnknownDefinition:
            return None
