"""Credit lines: opening, reserving what is drawn, closing."""

from dataclasses import dataclass
from datetime import datetime

from activities.applications import enter_state
from activities.common.performing import performs
from activities.common.refusals import QuoteExpired, QuoteMismatch, found
from domain.applications.application import ApplicationState, Waiting
from domain.applications.reusable_verifications import check_may_draw
from domain.common.calendar import business_date
from domain.common.money import money
from domain.common.suspensions import Suspendable
from domain.lines import LimitExceeded, LineBlocked, LineClosed, LineState
from domain.loans.schedule import build_plan
from domain.products.products import AgreedProduct
from messages import calls, ids
from messages.applications import OpenLine
from messages.lines import CloseLine, DrawReceipt, ReserveDrawdown, StartDrawdown, StartLine
from runtime import metrics
from runtime.temporal.siblings import Siblings
from services.definitions.suspending import refuse_suspended
from services.loans.agreed import contract_in_force
from services.products.agreed import product_of_application, product_of_line
from storage.applications.offers import OfferRepository, OfferState
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.lines.drawdowns import DrawdownCreate, DrawdownRepository, DrawdownRow
from storage.lines.lines import LineCreate, LineRepository, LineRow
from storage.lines.quotes import QuoteRepository, QuoteRow
from storage.loans.loans import LoanRepository
from storage.people.consents import ConsentRepository
from storage.verification.elements import ElementRepository


@dataclass(frozen=True)
class Lines:
    """Keeps credit lines."""

    database: Database
    siblings: Siblings

    @performs(calls.OPEN_LINE)
    async def open_line(self, request: OpenLine) -> None:
        """Record the acceptance and the line, then start the line's process."""
        offer = request.offer
        async with self.database.transaction() as tx:
            entered = await enter_state(
                tx,
                request.application_id,
                ApplicationState.ACCEPTED,
                Waiting.NOTHING,
                request.state_seq,
                request.opened_at,
                line_id=request.line_id,
            )
            await OfferRepository(tx).set_state(offer.offer_id, OfferState.ACCEPTED)
            new = LineCreate(
                id=request.line_id,
                application_id=request.application_id,
                applicant_id=request.applicant_id,
                offer_id=offer.offer_id,
                mode=offer.mode,
                currency=offer.currency,
                credit_limit=offer.amount,
                opened_at=request.opened_at,
                expires_at=request.expires_at,
            )
            await LineRepository(tx).open(new)
            await _tell(tx, request.line_id, "opened", {"application_id": request.application_id})
            product = await product_of_application(tx, request.application_id)
        if entered:
            metrics.application_entered(ApplicationState.ACCEPTED, entered.channel)
        await self.siblings.start_line(
            StartLine(
                line_id=request.line_id,
                applicant_id=request.applicant_id,
                application_id=request.application_id,
                product=product,
                currency=offer.currency,
                credit_limit=offer.amount,
                mode=offer.mode,
                expires_at=request.expires_at,
            )
        )

    @performs(calls.RESERVE_DRAWDOWN)
    async def reserve_drawdown(self, request: ReserveDrawdown) -> DrawReceipt:
        """Take the quoted amount from the limit, record the drawdown and start its process.

        Raises `LineClosed`, `LineBlocked`, `Suspended`, `LimitExceeded` or `QuoteUnusable`.
        """
        async with self.database.transaction() as tx:
            line = found(
                await LineRepository(tx).for_update(request.line_id), f"line {request.line_id}"
            )
            product = await product_of_line(tx, line)
            drawdown = await DrawdownRepository(tx).get(request.command.drawdown_id)
            if drawdown is None:
                drawdown = await _reserve(tx, line, product, request)
        await self.siblings.start_drawdown(
            StartDrawdown(
                drawdown_id=drawdown.id,
                line_id=drawdown.line_id,
                loan_id=drawdown.loan_id,
                applicant_id=line.applicant_id,
                product=product,
                currency=drawdown.currency,
                amount=drawdown.amount,
            )
        )
        return DrawReceipt(
            drawdown_id=drawdown.id,
            loan_id=drawdown.loan_id,
            line_id=drawdown.line_id,
            amount=drawdown.amount,
            state=drawdown.state,
        )

    @performs(calls.CLOSE_LINE)
    async def close_line(self, request: CloseLine) -> None:
        """Write a line's end."""
        async with self.database.transaction() as tx:
            await LineRepository(tx).set_state(request.line_id, LineState(request.state))
            await _tell(
                tx,
                request.line_id,
                "closed",
                {"state": request.state, "at": request.at.isoformat()},
            )


async def _reserve(
    tx: Transaction, line: LineRow, product: AgreedProduct, request: ReserveDrawdown
) -> DrawdownRow:
    command = request.command
    if line.state is not LineState.ACTIVE or request.at >= line.expires_at:
        raise LineClosed(f"{line.id} cannot be drawn on any more")
    today = business_date(request.at, product.zone)
    if await LoanRepository(tx).any_overdue(line.applicant_id, today):
        raise LineBlocked("a loan of the same borrower is overdue")
    await refuse_suspended(tx, Suspendable.PRODUCT, product.code)
    await refuse_suspended(tx, Suspendable.FUNDER, product.content.funder)
    kept = await ElementRepository(tx).verified_earlier(line.applicant_id)
    consented = await ConsentRepository(tx).purposes_in_force(line.applicant_id)
    check_may_draw(product, kept, today, consented)
    quote = found(await QuoteRepository(tx).get(command.quote_id), f"quote {command.quote_id}")
    _check_quote(quote, line, command.amount, request.at)
    drawdown, _ = await DrawdownRepository(tx).reserve(
        DrawdownCreate(
            id=command.drawdown_id,
            line_id=line.id,
            quote_id=quote.id,
            loan_id=command.loan_id,
            currency=quote.currency,
            amount=command.amount,
            contract_no=f"LF-{command.drawdown_id.upper()}",
            requested_at=request.at,
            contract=str((await contract_in_force(tx, product.content)).ref),
        )
    )
    if not await LineRepository(tx).reserve(line.id, command.amount):
        raise LimitExceeded(f"{line.id} has {money(line.available, line.currency)} left")
    payload = {
        "drawdown_id": drawdown.id,
        "loan_id": drawdown.loan_id,
        "amount": drawdown.amount,
        "currency": drawdown.currency,
    }
    await _tell(tx, line.id, "drawdown_reserved", payload, drawdown.id)
    return drawdown


def _check_quote(quote: QuoteRow, line: LineRow, amount: int, at: datetime) -> None:
    """Raise unless the quote is this line's, for this amount, in time, and true to its terms."""
    if quote.line_id != line.id or quote.currency != line.currency:
        raise QuoteMismatch(f"{quote.id} was made for another line")
    if at >= quote.expires_at:
        raise QuoteExpired(f"{quote.id} expired")
    if (quote.amount, quote.terms.principal) != (amount, amount):
        raise QuoteMismatch(f"{quote.id} was made for {money(quote.amount, quote.currency)}")
    if build_plan(quote.terms).hash != quote.plan_hash:
        raise QuoteMismatch(f"the plan of {quote.id} does not follow from its terms")


async def _tell(
    tx: Transaction, line_id: str, kind: str, payload: dict[str, object], key: str = "once"
) -> None:
    aggregate = ids.line_workflow(line_id)
    await OutboxRepository(tx).add(
        aggregate, kind, f"{aggregate}:{kind}:{key}", {"line_id": line_id, **payload}
    )
