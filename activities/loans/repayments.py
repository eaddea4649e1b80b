"""Repayments: what is debited from borrowers' cards, and its booking."""

from dataclasses import dataclass

from activities.common.performing import performs
from activities.common.refusals import TransferUnsettled, found
from activities.loans.books import LoanBooks, book_repayment
from activities.payments import Orders
from domain.loans.events import LoanEvent
from messages import calls, ids
from messages.loans import (
    AppliedRepayment,
    ApplyRepayment,
    CollectInstalment,
    CollectOutcome,
    DebitRepayment,
    FailRepayment,
    RepaymentSource,
    RequestRepayment,
)
from messages.payments import TransferOutcome, TransferStatus
from runtime.failpoints import failpoint
from services.loans.notices import debit_failed
from services.messaging.outbox import tell
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.loans.loans import LoanRepository
from storage.loans.repayments import RepaymentRepository
from storage.payments import TransferCreate, TransferRepository, TransferRow, TransferState


@dataclass(frozen=True)
class Repayments:
    """Collects and books repayments."""

    database: Database
    orders: Orders

    @performs(calls.COLLECT_INSTALMENT)
    async def collect_instalment(self, request: CollectInstalment) -> CollectOutcome:
        """Bill what is due on a date, debit it, and book the money if it came at once.

        Nothing is debited when credit held covers what is due. A debit in doubt is left for
        `query_transfer`; what it collects is then booked by `apply_repayment`.
        """
        transfer = await self._bill(request)
        if transfer is None:
            return _collected(request, TransferStatus.SUCCEEDED)
        outcome = await self.orders.place(transfer, "collect_instalment")
        event = None
        if outcome.status is TransferStatus.SUCCEEDED:
            async with self.database.transaction() as tx:
                event = await book_repayment(
                    tx,
                    request.loan_id,
                    request.repayment_id,
                    request.business_date,
                    request.state_seq,
                )
            await failpoint("collect_instalment.after_record")
        elif outcome.status is TransferStatus.FAILED:
            async with self.database.transaction() as tx:
                await _give_up(tx, request.repayment_id, outcome.reason or "unknown")
        return _collected(request, outcome.status, outcome.reason, event)

    @performs(calls.REQUEST_REPAYMENT)
    async def request_repayment(self, request: RequestRepayment) -> None:
        """Record a repayment before its debit; raises `RepaymentInFlight`."""
        async with self.database.transaction() as tx:
            loan = found(
                await LoanRepository(tx).for_update(request.loan_id), f"loan {request.loan_id}"
            )
            await RepaymentRepository(tx).request(
                repayment_id=request.repayment_id,
                loan_id=loan.id,
                source=request.source,
                order_no=request.order_no,
                currency=loan.currency,
                amount=request.amount,
                requested_on=request.business_date,
                payoff=request.payoff,
            )

    @performs(calls.DEBIT_REPAYMENT)
    async def debit_repayment(self, request: DebitRepayment) -> TransferOutcome:
        """Debit a recorded repayment from the borrower's card, once."""
        async with self.database.transaction() as tx:
            repayment = found(
                await RepaymentRepository(tx).get(request.repayment_id),
                f"repayment {request.repayment_id}",
            )
            transfer = await TransferRepository(tx).request(
                TransferCreate(
                    order_no=request.order_no,
                    kind="debit",
                    workflow_id=request.workflow_id,
                    loan_id=repayment.loan_id,
                    currency=repayment.currency,
                    amount=repayment.amount,
                )
            )
        return await self.orders.place(transfer, "debit_repayment")

    @performs(calls.APPLY_REPAYMENT)
    async def apply_repayment(self, request: ApplyRepayment) -> AppliedRepayment:
        """Book a debit that succeeded; a repeat returns the recorded event."""
        async with self.database.transaction() as tx:
            event = await book_repayment(
                tx,
                request.loan_id,
                request.repayment_id,
                request.business_date,
                request.state_seq,
            )
        await failpoint("apply_repayment.after_commit")
        return AppliedRepayment(event=event)

    @performs(calls.FAIL_REPAYMENT)
    async def fail_repayment(self, request: FailRepayment) -> None:
        """Record that a debit failed; raises `TransferUnsettled` if money may have come."""
        async with self.database.transaction() as tx:
            await _give_up(tx, request.repayment_id, request.reason)

    async def _bill(self, request: CollectInstalment) -> TransferRow | None:
        """Bring the books up to the due date and record the debit; None if nothing is due."""
        async with self.database.transaction() as tx:
            books = await LoanBooks.open(tx, request.loan_id)
            repayment = await RepaymentRepository(tx).get(request.repayment_id)
            if repayment is None:
                # A holiday may move an instalment that was billed: its new date is another bill.
                key = f"{request.number}:{request.business_date.isoformat()}"
                now = await books.post(
                    f"{ids.loan_workflow(request.loan_id)}:bill:{key}",
                    "bill",
                    request.business_date,
                    request.state_seq,
                )
                await books.publish("billed", key, now, {"number": request.number})
                if not now.total_due:
                    return None
                repayment = await RepaymentRepository(tx).request(
                    repayment_id=request.repayment_id,
                    loan_id=request.loan_id,
                    source=RepaymentSource.AUTO_DEBIT,
                    order_no=request.order_no,
                    currency=books.loan.currency,
                    amount=now.total_due,
                    requested_on=request.business_date,
                )
            return await TransferRepository(tx).request(
                TransferCreate(
                    order_no=request.order_no,
                    kind="debit",
                    workflow_id=request.workflow_id,
                    loan_id=request.loan_id,
                    currency=repayment.currency,
                    amount=repayment.amount,
                )
            )


async def _give_up(tx: Transaction, repayment_id: str, reason: str) -> None:
    repayment = found(await RepaymentRepository(tx).get(repayment_id), f"repayment {repayment_id}")
    transfer = await TransferRepository(tx).get(repayment.order_no)
    if transfer is not None and transfer.state is not TransferState.FAILED:
        raise TransferUnsettled(f"{transfer.order_no} is not known to have failed")
    if await RepaymentRepository(tx).fail(repayment_id, reason):
        aggregate = ids.loan_workflow(repayment.loan_id)
        payload = {
            "loan_id": repayment.loan_id,
            "repayment_id": repayment_id,
            "amount": repayment.amount,
            "currency": repayment.currency,
            "reason": reason,
        }
        await OutboxRepository(tx).add(
            aggregate,
            "repayment_failed",
            f"{aggregate}:repayment_failed:{repayment_id}",
            payload,
        )
        failed = debit_failed(repayment.loan_id, repayment_id, repayment.amount, repayment.currency)
        await tell(tx, failed)


def _collected(
    request: CollectInstalment,
    status: TransferStatus,
    reason: str | None = None,
    event: LoanEvent | None = None,
) -> CollectOutcome:
    return CollectOutcome(
        repayment_id=request.repayment_id,
        order_no=request.order_no,
        status=status,
        reason=reason,
        event=event,
    )
