"""The product that something was agreed under: the one place where it is looked up."""

from domain.products.products import Product
from domain.products.products import product_of as product_of_code
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.lines.lines import LineRepository, LineRow
from storage.loans.loans import LoanRow


async def product_on_offer(tx: Transaction, code: str) -> Product:
    """Return the product that can be applied for by `code` now; raises `UnknownProduct`."""
    del tx
    return product_of_code(code)


async def product_of(tx: Transaction, application: ApplicationRow) -> Product:
    """Return the product of an application."""
    return await product_on_offer(tx, application.product)


async def product_of_line(tx: Transaction, line: LineRow) -> Product:
    """Return the product of the application that a line came of."""
    application = await ApplicationRepository(tx).get(line.application_id)
    if application is None:
        raise RecordMissing(f"line {line.id} has no application")
    return await product_of(tx, application)


async def product_of_loan(tx: Transaction, loan: LoanRow) -> Product:
    """Return the product that a loan was lent under."""
    line = await LineRepository(tx).get(loan.line_id)
    if line is None:
        raise RecordMissing(f"loan {loan.id} has no line")
    return await product_of_line(tx, line)
