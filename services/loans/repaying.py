"""Repaying a loan by debit of the bound card."""

from domain.people.principals import Principal
from messages.loans import RepayCommand
from services.common.commands import Command
from services.loans.finding import find_loan
from storage.common.repository import Transaction
from storage.loans.loans import LoanRow


async def prepare_repayment(
    tx: Transaction,
    caller: Principal,
    command: Command,
    loan_id: str,
    *,
    amount: int | None,
    payoff_total: int | None,
) -> tuple[LoanRow, RepayCommand]:
    """Return the loan and what its process is told; amounts in minor units.

    Without an amount everything due is debited, with `payoff_total` the whole payoff. Raises
    `NotFound`.
    """
    loan = await find_loan(tx, caller, loan_id)
    repayment_id = command.new_id("rep")
    return loan, RepayCommand(repayment_id=repayment_id, amount=amount, payoff_total=payoff_total)
