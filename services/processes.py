"""What starts the process of a row whose own start was lost, such as by a death between the two.

Each returns None for a row that needs none any more.
"""

from domain.loans.position import position
from domain.loans.servicing import oldest_unpaid
from messages.applications import StartApplication
from messages.collections import StartCollections
from messages.credit_analysis import StartCreditAnalysis
from messages.lines import StartDrawdown, StartLine
from messages.loans import StartLoan, StartRepayment
from services.applications.applying import start_of_application
from services.credit_analysis.intake import start_of
from services.loans.agreed import agreements_of
from services.loans.starting import start_of_loan
from services.products.agreed import product_of_line, product_of_loan
from storage.applications.applications import ApplicationRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.lines.drawdowns import DrawdownRepository
from storage.lines.lines import LineRepository
from storage.loans.loans import LoanRepository
from storage.loans.repayments import RepaymentRepository
from storage.processes import ProcessKind, ProcessRepository

Start = (
    StartApplication
    | StartLine
    | StartDrawdown
    | StartLoan
    | StartRepayment
    | StartCollections
    | StartCreditAnalysis
)


async def start_of_row(tx: Transaction, kind: ProcessKind, row_id: str) -> Start | None:
    """Return what starts the process of a row."""
    match kind:
        case ProcessKind.APPLICATION:
            application = await ApplicationRepository(tx).get(row_id)
            return None if application is None else await start_of_application(tx, application)
        case ProcessKind.LINE:
            return await _line(tx, row_id)
        case ProcessKind.DRAWDOWN:
            return await _drawdown(tx, row_id)
        case ProcessKind.LOAN:
            loan = await LoanRepository(tx).get(row_id)
            if loan is None:
                return None
            return await start_of_loan(tx, loan, await LoanRepository(tx).events(row_id))
        case ProcessKind.REPAYMENT:
            return await _repayment(tx, row_id)
        case ProcessKind.COLLECTIONS:
            return await _collections(tx, row_id)
        case ProcessKind.CREDIT_ANALYSIS:
            analysis = await CreditAnalysisRepository(tx).get(row_id)
            return None if analysis is None else await start_of(tx, analysis)


async def start_of_process(tx: Transaction, workflow_id: str) -> Start | None:
    """Return what starts a process whose row is open, None for any other."""
    row = await ProcessRepository(tx).open_row(workflow_id)
    return None if row is None else await start_of_row(tx, *row)


async def _line(tx: Transaction, line_id: str) -> StartLine | None:
    line = await LineRepository(tx).get(line_id)
    if line is None:
        return None
    drawdowns = await DrawdownRepository(tx).open_of(line.id)
    return StartLine(
        line_id=line.id,
        applicant_id=line.applicant_id,
        application_id=line.application_id,
        product=await product_of_line(tx, line),
        currency=line.currency,
        credit_limit=line.credit_limit,
        mode=line.mode,
        expires_at=line.expires_at,
        open_drawdowns=tuple(drawdown.id for drawdown in drawdowns),
        drawn=line.drawn,
    )


async def _drawdown(tx: Transaction, drawdown_id: str) -> StartDrawdown | None:
    drawdown = await DrawdownRepository(tx).get(drawdown_id)
    line = None if drawdown is None else await LineRepository(tx).get(drawdown.line_id)
    if drawdown is None or line is None:
        return None
    return StartDrawdown(
        drawdown_id=drawdown.id,
        line_id=drawdown.line_id,
        loan_id=drawdown.loan_id,
        applicant_id=line.applicant_id,
        product=await product_of_line(tx, line),
        currency=drawdown.currency,
        amount=drawdown.amount,
    )


async def _repayment(tx: Transaction, repayment_id: str) -> StartRepayment | None:
    repayment = await RepaymentRepository(tx).get(repayment_id)
    if repayment is None:
        return None
    return StartRepayment(
        repayment_id=repayment.id,
        loan_id=repayment.loan_id,
        order_no=repayment.order_no,
        amount=repayment.amount,
        business_date=repayment.requested_on,
        sent=False,
    )


async def _collections(tx: Transaction, loan_id: str) -> StartCollections | None:
    loan = await LoanRepository(tx).get(loan_id)
    if loan is None:
        return None
    events = await LoanRepository(tx).events(loan_id)
    oldest = oldest_unpaid(position(loan.terms, events, loan.business_date))
    if oldest is None:
        return None
    agreed = await agreements_of(tx, loan)
    return StartCollections(
        loan_id=loan.id,
        applicant_id=loan.applicant_id,
        product=(await product_of_loan(tx, loan)).code,
        zone=agreed.zone,
        ladder=agreed.ladder,
        episode=loan.episode,
        oldest_due_on=oldest.due_on,
    )
