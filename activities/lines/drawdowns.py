"""Drawdowns: the signed contract, the disbursement, and the loan that it becomes."""

from dataclasses import dataclass
from datetime import date, datetime

from activities.common.performing import performs
from activities.common.refusals import PlanMismatch, TransferUnsettled, found, known
from activities.loans.books import LoanBooks
from activities.payments import Orders
from domain.common.definitions import digest
from domain.common.zones import zone_of
from domain.loans.contract import Contract, contract_text
from domain.loans.events import Disbursed, LoanEvent
from domain.loans.position import position
from domain.loans.schedule import Plan, build_plan, deducted_fees, same_amounts
from domain.loans.servicing import next_step
from domain.loans.terms import LoanTerms, redated
from messages import calls, ids
from messages.lines import (
    BookedLoan,
    BookLoan,
    Disburse,
    DrawdownEnded,
    FailDrawdown,
    SignContract,
    SignedContract,
)
from messages.loans import LoanAgreements, StartLoan
from messages.payments import QueryTransfer, TransferOutcome
from providers.http.client import Client
from providers.signing import SignRequest
from runtime.failpoints import failpoint
from runtime.temporal.siblings import Siblings
from services.loans.agreed import agreements_of, contract_of, loan_agreements
from services.loans.notices import contract_ready, money_sent
from services.messaging.outbox import tell
from services.products.agreed import product_of_line
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.lines.drawdowns import DrawdownRepository, DrawdownRow, DrawdownState
from storage.lines.lines import LineRepository, LineRow
from storage.lines.quotes import QuoteRepository, QuoteRow
from storage.loans.closings import ClosingRepository
from storage.loans.loans import LoanRepository, LoanRow
from storage.payments import TransferCreate, TransferRepository, TransferState
from storage.people.applicants import ApplicantRepository


@dataclass(frozen=True)
class Drawdowns:
    """Carries out drawdowns."""

    database: Database
    providers: Client
    orders: Orders
    siblings: Siblings

    @performs(calls.SIGN_CONTRACT)
    async def sign_contract(self, request: SignContract) -> SignedContract:
        """Have the contract signed under its digest; a repeat returns the recorded signature."""
        async with self.database.read() as tx:
            drawdown, quote = await _drawdown(tx, request.drawdown_id)
            signed = _signed(drawdown)
            if signed is not None:
                return signed
            line = found(await LineRepository(tx).get(drawdown.line_id), f"line {drawdown.line_id}")
            personal = await ApplicantRepository(tx).personal(line.applicant_id)
            template = await contract_of(tx, drawdown)
        sha256 = digest(contract_text(template, _contract(drawdown, quote, line)))
        request_to_sign = SignRequest(
            contract_no=drawdown.contract_no,
            document_sha256=sha256,
            name=known(personal.name, "name"),
            identity_number=known(personal.identity_number, "identity number"),
            mobile=known(personal.mobile, "mobile"),
        )
        signature = await self.providers.call(request_to_sign, request_id=drawdown.contract_no)
        async with self.database.transaction() as tx:
            signed = SignedContract(
                drawdown_id=drawdown.id,
                contract_no=drawdown.contract_no,
                contract_sha256=sha256,
                evidence_id=signature.evidence_id,
            )
            if not await DrawdownRepository(tx).set_state(
                drawdown.id,
                DrawdownState.SIGNED,
                contract_sha256=sha256,
                evidence_id=signature.evidence_id,
            ):
                # Another attempt was first, and has said so.
                drawdown, _ = await _drawdown(tx, drawdown.id)
                return found(_signed(drawdown), f"signature of {drawdown.id}")
            await _tell(tx, drawdown, "signed", {"contract_no": drawdown.contract_no})
            ready = contract_ready(
                drawdown.id, drawdown.loan_id, drawdown.amount, drawdown.currency
            )
            await tell(tx, ready)
        return signed

    @performs(calls.DISBURSE)
    async def disburse(self, request: Disburse) -> TransferOutcome:
        """Pay the drawdown out to the borrower's card, once."""
        async with self.database.transaction() as tx:
            drawdown, quote = await _drawdown(tx, request.drawdown_id)
            transfer = await TransferRepository(tx).request(
                TransferCreate(
                    order_no=request.order_no,
                    kind="disbursement",
                    workflow_id=request.workflow_id,
                    loan_id=drawdown.loan_id,
                    currency=drawdown.currency,
                    amount=_proceeds(quote.terms),
                )
            )
            await DrawdownRepository(tx).set_state(drawdown.id, DrawdownState.DISBURSING)
        return await self.orders.place(transfer, "disburse")

    @performs(calls.QUERY_TRANSFER)
    async def query_transfer(self, request: QueryTransfer) -> TransferOutcome:
        """Ask what became of an order.

        One that the payment channel never booked was lost on its way and is placed again under its
        own number, which the channel books once.
        """
        async with self.database.read() as tx:
            transfer = found(
                await TransferRepository(tx).get(request.order_no), f"order {request.order_no}"
            )
        return await self.orders.place(transfer, "query_transfer")

    @performs(calls.BOOK_LOAN)
    async def book_loan(self, request: BookLoan) -> BookedLoan:
        """Record the loan of a successful disbursement, start its process and tell the line.

        The plan is that of the quote, from the day of the disbursement on. Raises `PlanMismatch`
        when its amounts would be others, and `TransferUnsettled`.
        """
        async with self.database.transaction() as tx:
            loan, disbursed = await _book(tx, request)
            agreed = await agreements_of(tx, loan)
        await failpoint("book_loan.after_commit")
        await self.siblings.start_loan(
            StartLoan(
                loan_id=loan.id,
                line_id=loan.line_id,
                applicant_id=loan.applicant_id,
                product=request.product,
                terms=loan.terms,
                agreed=agreed,
                events=(disbursed,),
            ),
            _first_step_at(loan, agreed, disbursed),
        )
        await self.siblings.drawdown_ended(
            loan.line_id,
            DrawdownEnded(drawdown_id=loan.drawdown_id, amount=request.amount, disbursed=True),
        )
        return BookedLoan(loan_id=loan.id, plan_hash=loan.plan_hash)

    @performs(calls.FAIL_DRAWDOWN)
    async def fail_drawdown(self, request: FailDrawdown) -> None:
        """Give the reserved amount back, once, and tell the line.

        Raises `TransferUnsettled` if money may be out.
        """
        async with self.database.transaction() as tx:
            drawdown = found(
                await DrawdownRepository(tx).for_update(request.drawdown_id),
                f"drawdown {request.drawdown_id}",
            )
            transfer = await TransferRepository(tx).get(ids.disbursement_order(drawdown.id))
            if transfer is not None and transfer.state is not TransferState.FAILED:
                raise TransferUnsettled(f"{transfer.order_no} is not known to have failed")
            failed = await DrawdownRepository(tx).set_state(
                drawdown.id, DrawdownState.FAILED, failure=request.reason
            )
            if failed:
                await LineRepository(tx).release(drawdown.line_id, drawdown.amount)
                await _tell(tx, drawdown, "failed", {"reason": request.reason})
        await self.siblings.drawdown_ended(
            drawdown.line_id,
            DrawdownEnded(drawdown_id=drawdown.id, amount=drawdown.amount, disbursed=False),
        )


async def _drawdown(tx: Transaction, drawdown_id: str) -> tuple[DrawdownRow, QuoteRow]:
    drawdown = found(await DrawdownRepository(tx).get(drawdown_id), f"drawdown {drawdown_id}")
    quote = found(await QuoteRepository(tx).get(drawdown.quote_id), f"quote {drawdown.quote_id}")
    return drawdown, quote


def _contract(drawdown: DrawdownRow, quote: QuoteRow, line: LineRow) -> Contract:
    return Contract(
        contract_no=drawdown.contract_no,
        borrower=line.applicant_id,
        loan_id=drawdown.loan_id,
        terms=quote.terms,
        plan=quote.plan,
        cost_sheet_hash=quote.cost_sheet_hash,
    )


def _signed(drawdown: DrawdownRow) -> SignedContract | None:
    if drawdown.contract_sha256 is None or drawdown.evidence_id is None:
        return None
    return SignedContract(
        drawdown_id=drawdown.id,
        contract_no=drawdown.contract_no,
        contract_sha256=drawdown.contract_sha256,
        evidence_id=drawdown.evidence_id,
    )


async def _book(tx: Transaction, request: BookLoan) -> tuple[LoanRow, LoanEvent]:
    """Record loan, first event, journal and projection, once; return the loan and the event.

    The drawdown's lock lets it happen once.
    """
    drawdown = found(
        await DrawdownRepository(tx).for_update(request.drawdown_id),
        f"drawdown {request.drawdown_id}",
    )
    booked = await LoanRepository(tx).get(request.loan_id)
    if booked is not None:
        return booked, (await LoanRepository(tx).events(booked.id))[0]
    quote = found(await QuoteRepository(tx).get(drawdown.quote_id), f"quote {drawdown.quote_id}")
    transfer = await TransferRepository(tx).get(ids.disbursement_order(drawdown.id))
    if transfer is None or transfer.state is not TransferState.SUCCEEDED:
        raise TransferUnsettled(f"{drawdown.id} is not known to be disbursed")
    terms, plan = _from_disbursement_on(quote, request.disbursed_on)
    line = found(await LineRepository(tx).get(drawdown.line_id), f"line {drawdown.line_id}")
    product = (await product_of_line(tx, line)).content
    agreed = await loan_agreements(tx, product)
    loan = await LoanRepository(tx).book(
        loan_id=request.loan_id,
        drawdown_id=drawdown.id,
        line_id=drawdown.line_id,
        applicant_id=request.applicant_id,
        terms=terms,
        plan=plan,
        zone=agreed.zone,
        ladder=agreed.ladder.ref,
        servicing=agreed.servicing.ref,
        funder=product.funder,
        bank_accounts=product.bank_accounts,
    )
    key = f"{ids.loan_workflow(loan.id)}:disbursed"
    event = Disbursed(key=key, on=request.disbursed_on, amount=terms.first_disbursement)
    closed_to = await ClosingRepository(tx).closed_to()
    books = LoanBooks(tx, loan, agreed.servicing.content, (), None, closed_to)
    position = await books.post(
        key, "disbursement", request.disbursed_on, 0, event=event, cash=-_proceeds(terms)
    )
    await LineRepository(tx).draw(drawdown.line_id, drawdown.amount)
    await DrawdownRepository(tx).set_state(drawdown.id, DrawdownState.DISBURSED)
    await _tell(tx, drawdown, "disbursed", {"loan_id": loan.id, "amount": drawdown.amount})
    await books.publish("booked", "once", position, {"plan_hash": plan.hash})
    await tell(tx, money_sent(loan.id, _proceeds(terms), loan.currency))
    return loan, event


def _first_step_at(loan: LoanRow, agreed: LoanAgreements, disbursed: LoanEvent) -> datetime | None:
    """Return when a new loan does something by itself, such as debiting its first instalment."""
    made = position(loan.terms, (disbursed,), loan.terms.disbursed_on)
    policy, delinquency = agreed.servicing.content, loan.terms.delinquency
    step = next_step(made, 0, 0, zone_of(agreed.zone), policy, delinquency)
    return None if step is None else step.at


def _proceeds(terms: LoanTerms) -> int:
    """Return what the borrower is paid out at first, less the fees that are deducted from it."""
    return terms.first_disbursement - deducted_fees(terms)


def _from_disbursement_on(quote: QuoteRow, disbursed_on: date) -> tuple[LoanTerms, Plan]:
    """Return the quoted terms and plan as they run from the actual day of disbursement."""
    if quote.terms.disbursed_on == disbursed_on:
        return quote.terms, quote.plan
    terms = redated(quote.terms, disbursed_on)
    plan = build_plan(terms)
    if not same_amounts(plan, quote.plan):
        raise PlanMismatch(f"disbursed on {disbursed_on}, {quote.id} would charge other amounts")
    return terms, plan


async def _tell(
    tx: Transaction, drawdown: DrawdownRow, kind: str, payload: dict[str, object]
) -> None:
    aggregate = ids.drawdown_workflow(drawdown.id)
    await OutboxRepository(tx).add(
        aggregate, kind, f"{aggregate}:{kind}", {"drawdown_id": drawdown.id, **payload}
    )
