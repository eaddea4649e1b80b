"""Loans and repayments, for who may see them."""

from domain.common.errors import NotFound
from domain.people.principals import Principal
from services.people.ownership import owns, require_id, scope_of
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.loans.loans import LoanRepository, LoanRow
from storage.loans.repayments import RepaymentRepository, RepaymentRow, RepaymentState


async def find_loan(tx: Transaction, caller: Principal, loan_id: str) -> LoanRow:
    """Return a loan that the caller may see; raises `NotFound`."""
    require_id(loan_id, "loa", "loan")
    row = await LoanRepository(tx).get(loan_id)
    if row is None or not await owns(tx, caller, row.applicant_id):
        raise NotFound("loan")
    return row


async def find_repayment(tx: Transaction, caller: Principal, repayment_id: str) -> RepaymentRow:
    """Return a repayment that the caller may see; raises `NotFound`."""
    require_id(repayment_id, "rep", "repayment")
    row = await RepaymentRepository(tx).get(repayment_id)
    loan = None if row is None else await LoanRepository(tx).get(row.loan_id)
    if row is None or loan is None or not await owns(tx, caller, loan.applicant_id):
        raise NotFound("repayment")
    return row


async def list_repayments(
    tx: Transaction,
    caller: Principal,
    after: Cursor | None,
    limit: int,
    *,
    loan_id: str | None = None,
    state: RepaymentState | None = None,
    channel: str | None = None,
) -> list[RepaymentRow]:
    """Return a page of the repayments that the caller may see, the newest first."""
    scope = scope_of(caller, channel, None)
    return await RepaymentRepository(tx).page(
        after,
        limit,
        loan_id=loan_id,
        state=state,
        channel=scope.channel,
        applicant_id=scope.applicant_id,
    )
