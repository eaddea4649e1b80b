"""How the process of a loan goes on from what is on record."""

from domain.loans.events import LoanEvent
from domain.loans.position import position
from domain.loans.servicing import last_due_number
from messages.loans import StartLoan
from services.loans.agreed import agreements_of
from services.products.agreed import product_of_loan
from storage.common.repository import Transaction
from storage.loans.loans import LoanRow


async def start_of_loan(tx: Transaction, loan: LoanRow, events: tuple[LoanEvent, ...]) -> StartLoan:
    """Return what the process of a loan on record starts with, of which none runs."""
    product = await product_of_loan(tx, loan)
    agreed = await agreements_of(tx, loan)
    stands = position(loan.terms, events, loan.business_date)
    return StartLoan(
        loan_id=loan.id,
        line_id=loan.line_id,
        applicant_id=loan.applicant_id,
        product=product.code,
        terms=loan.terms,
        agreed=agreed,
        events=events,
        collected_to=last_due_number(stands),
        bucket_start=agreed.servicing.content.reached(stands.days_past_due),
        episode=loan.episode,
        state_seq=loan.state_seq,
    )
