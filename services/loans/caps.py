"""The rate caps in force, as they hold for what is changed of a running loan."""

from collections.abc import Sequence

from domain.loans.events import AnyEvent, Charged, LoanEvent, RateChanged, Rescheduled
from domain.pricing.change_caps import check_change
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS, CapFinding, CappedLender
from services.products.agreed import product_of_loan
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository
from storage.loans.loans import LoanRow


async def check_caps_on(
    tx: Transaction, loan: LoanRow, events: Sequence[LoanEvent], event: AnyEvent
) -> tuple[CapFinding, ...]:
    """Return the soft caps that a loan is above with an event that follows `events`.

    The lender is that of the product that the loan was lent under, the caps are those in force.
    Raises `RateCapExceeded` and `CapUnknown`.
    """
    if not isinstance(event, Charged | RateChanged | Rescheduled):
        return ()
    product = await product_of_loan(tx, loan)
    caps = await DefinitionRepository(tx).in_force(RATE_CAPS, HOME_CAPS)
    lender = CappedLender(product.content.lender_kind, caps.content)
    return check_change(lender, loan.terms, events, event)
