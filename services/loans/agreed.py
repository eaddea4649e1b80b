"""What a loan is agreed under: in force when it is made, and by its own references ever after."""

from typing import Final

from domain.collections import COLLECTIONS_LADDER
from domain.common.business_days import HOLIDAY_CALENDAR
from domain.common.definitions import Agreed
from domain.loans.contract import CONTRACT_TEMPLATE, ContractTemplate
from domain.loans.servicing import SERVICING_POLICY, ServicingPolicy
from domain.loans.terms import LoanTerms, on_official_days
from domain.products.products import Product
from messages.loans import LoanAgreements
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository
from storage.lines.drawdowns import DrawdownRow
from storage.loans.loans import LoanRow

STANDARD_SERVICING: Final = "standard"
"""The policy by which loans are shown that no product stands behind."""


async def loan_agreements(tx: Transaction, product: Product) -> LoanAgreements:
    """Return what a loan of a product that is booked now is serviced under."""
    definitions = DefinitionRepository(tx)
    return LoanAgreements(
        zone=product.zone,
        ladder=await definitions.in_force(COLLECTIONS_LADDER, product.collections),
        servicing=await definitions.in_force(SERVICING_POLICY, product.servicing),
    )


async def agreements_of(tx: Transaction, loan: LoanRow) -> LoanAgreements:
    """Return what a booked loan is serviced under."""
    definitions = DefinitionRepository(tx)
    return LoanAgreements(
        zone=loan.zone,
        ladder=await definitions.of_ref(COLLECTIONS_LADDER, loan.ladder),
        servicing=await definitions.of_ref(SERVICING_POLICY, loan.servicing),
    )


async def servicing_of(tx: Transaction, loan: LoanRow) -> ServicingPolicy:
    """Return the policy that a booked loan is serviced under."""
    agreed = await DefinitionRepository(tx).of_ref(SERVICING_POLICY, loan.servicing)
    return agreed.content


async def contract_in_force(tx: Transaction, product: Product) -> Agreed[ContractTemplate]:
    """Return the template of a product's contracts that are made now."""
    return await DefinitionRepository(tx).in_force(CONTRACT_TEMPLATE, product.contract)


async def contract_of(tx: Transaction, drawdown: DrawdownRow) -> Agreed[ContractTemplate]:
    """Return the template that the contract of a drawdown is written by."""
    return await DefinitionRepository(tx).of_ref(CONTRACT_TEMPLATE, drawdown.contract)


async def on_calendar_in_force(tx: Transaction, terms: LoanTerms) -> LoanTerms:
    """Return new terms with what is known today of their calendar's years.

    Terms that were given official years keep them: such a plan is an agreed one, computed again.
    """
    if not terms.rests_on_calendar or terms.official_years:
        return terms
    calendar = await DefinitionRepository(tx).in_force(HOLIDAY_CALENDAR, terms.calendar.lower())
    return on_official_days(terms, calendar.content.years)
