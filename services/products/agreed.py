"""The product of an application: in force when it begins, and by its own references ever after."""

from domain.common.definitions import Agreed, UnknownDefinition
from domain.products.checks import PRODUCT
from domain.products.products import AgreedProduct, Product, UnknownProduct
from domain.verification.element_policies import ELEMENT_POLICIES
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository


async def product_in_force(tx: Transaction, code: str) -> AgreedProduct:
    """Return the product that may be applied for under `code` now; raises `UnknownProduct`."""
    definitions = DefinitionRepository(tx)
    try:
        product = await definitions.in_force(PRODUCT, code)
    except UnknownDefinition:
        known = [one.ref.code for one in await definitions.all_in_force(PRODUCT)]
        raise UnknownProduct(f"no product {code!r}; there are {known}") from None
    return await _with_elements(tx, product)


async def products_in_force(tx: Transaction) -> list[AgreedProduct]:
    """Return every product that may be applied for now, by code."""
    products = await DefinitionRepository(tx).all_in_force(PRODUCT)
    return [await _with_elements(tx, product) for product in products]


async def agreed_product(tx: Transaction, application: ApplicationRow) -> AgreedProduct:
    """Return the product that an application is for, as it was agreed when it began."""
    definitions = DefinitionRepository(tx)
    return AgreedProduct(
        product=await definitions.of_ref(PRODUCT, application.product_ref),
        elements=await definitions.of_ref(ELEMENT_POLICIES, application.element_policies_ref),
    )


async def agreed_product_of(tx: Transaction, application_id: str) -> AgreedProduct:
    """Return the same by the application's id, as of a line; raises `RecordMissing`."""
    application = await ApplicationRepository(tx).get(application_id)
    if application is None:
        raise RecordMissing(f"no application {application_id}")
    return await agreed_product(tx, application)


async def _with_elements(tx: Transaction, product: Agreed[Product]) -> AgreedProduct:
    code = product.content.element_policies
    elements = await DefinitionRepository(tx).in_force(ELEMENT_POLICIES, code)
    return AgreedProduct(product=product, elements=elements)
