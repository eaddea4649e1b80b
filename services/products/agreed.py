"""The product that something was agreed under: the one place where it is looked up.

In force when an application begins, and by the application's own references ever after.
"""

from domain.common.definitions import Agreed, UnknownDefinition
from domain.products.checks import PRODUCT
from domain.products.products import AgreedProduct, Product, UnknownProduct
from domain.verification.element_policies import ELEMENT_POLICIES
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository
from storage.lines.lines import LineRepository, LineRow
from storage.loans.loans import LoanRow


async def product_on_offer(tx: Transaction, code: str) -> AgreedProduct:
    """Return the product that can be applied for by `code` now; raises `UnknownProduct`."""
    definitions = DefinitionRepository(tx)
    try:
        product = await definitions.in_force(PRODUCT, code)
    except UnknownDefinition:
        known = [one.ref.code for one in await definitions.all_in_force(PRODUCT)]
        raise UnknownProduct(f"no product {code!r}; there are {known}") from None
    return await _with_elements(tx, product)


async def products_on_offer(tx: Transaction) -> list[AgreedProduct]:
    """Return every product that can be applied for now, by code."""
    products = await DefinitionRepository(tx).all_in_force(PRODUCT)
    return [await _with_elements(tx, product) for product in products]


async def product_of(tx: Transaction, application: ApplicationRow) -> AgreedProduct:
    """Return the product of an application, as it was agreed when that began."""
    definitions = DefinitionRepository(tx)
    return AgreedProduct(
        product=await definitions.of_ref(PRODUCT, application.product_ref),
        elements=await definitions.of_ref(ELEMENT_POLICIES, application.element_policies_ref),
    )


async def product_of_application(tx: Transaction, application_id: str) -> AgreedProduct:
    """Return the product of an application by its id; raises `RecordMissing`."""
    application = await ApplicationRepository(tx).get(application_id)
    if application is None:
        raise RecordMissing(f"no application {application_id}")
    return await product_of(tx, application)


async def product_of_line(tx: Transaction, line: LineRow) -> AgreedProduct:
    """Return the product of the application that a line came of."""
    return await product_of_application(tx, line.application_id)


async def product_of_loan(tx: Transaction, loan: LoanRow) -> AgreedProduct:
    """Return the product that a loan was lent under."""
    line = await LineRepository(tx).get(loan.line_id)
    if line is None:
        raise RecordMissing(f"loan {loan.id} has no line")
    return await product_of_line(tx, line)


async def _with_elements(tx: Transaction, product: Agreed[Product]) -> AgreedProduct:
    code = product.content.element_policies
    elements = await DefinitionRepository(tx).in_force(ELEMENT_POLICIES, code)
    return AgreedProduct(product=product, elements=elements)
