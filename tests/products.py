"""Products in tests: the shipped ones, others made from them, and releasing these."""

import asyncio
from collections.abc import Iterable
from typing import Any

from domain.common.definitions import Agreed, UnknownDefinition
from domain.common.reject_codes import REJECT_CODES
from domain.decisioning.decision import Rules
from domain.decisioning.policy import DECISION_POLICY, DecisionPolicy
from domain.products.checks import PRODUCT
from domain.products.products import AgreedProduct, Product
from domain.verification.element_policies import (
    ELEMENT_POLICIES,
    ElementPolicies,
    ElementPolicy,
)
from domain.verification.elements import ElementKind
from storage.database import Database
from storage.definitions import DefinitionRepository
from tests.definitions import agreed, release, shipped


def shipped_product(code: str) -> AgreedProduct:
    """The product that `catalogue/` brings, as a fresh database has it in force."""
    product = agreed(PRODUCT, code)
    elements = agreed(ELEMENT_POLICIES, product.content.element_policies)
    return AgreedProduct(product=product, elements=elements)


CASH = shipped_product("cash")
REVOLVING = shipped_product("revolving")
RULES = Rules(agreed(DECISION_POLICY, "cash"), shipped(REJECT_CODES, "standard"))
BANK_CARD_BINDING = REVOLVING.policy_of(ElementKind.BANK_CARD)


def ruled_by(policy: DecisionPolicy, version: int = 2) -> Rules:
    """Rules with another policy, as a later version of the shipped one."""
    return Rules(DECISION_POLICY.agreed("cash", version, policy), RULES.codes)


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


async def release_product(record: Database, product: AgreedProduct) -> AgreedProduct:
    """Bring a product and its element policies into force; return both with their references."""
    elements = await release(
        record, ELEMENT_POLICIES, product.elements.ref.code, product.elements.content
    )
    ref = await release(record, PRODUCT, product.code, product.content)
    await until_in_force(record, PRODUCT.name, product.code, ref.version)
    return AgreedProduct(
        product=Agreed[Product](ref=ref, content=product.content),
        elements=Agreed[ElementPolicies](ref=elements, content=product.elements.content),
    )


async def until_in_force(record: Database, kind: str, code: str, version: int) -> None:
    """Wait until the processes of this test know of a release, which takes a second at most."""
    kinds = {one.name: one for one in (PRODUCT, ELEMENT_POLICIES, DECISION_POLICY, REJECT_CODES)}
    for _ in range(200):
        async with record.read() as tx:
            try:
                found = await DefinitionRepository(tx).in_force(kinds[kind], code)
            except UnknownDefinition:
                found = None
        if found is not None and found.ref.version >= version:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{kind}/{code}@{version} did not come into force")
