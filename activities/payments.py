"""Orders to move money: sent once, then only asked about.

The order's row is committed before anything is sent. An attempt that finds the row may
not be the first, so it asks before it sends. Only what the channel never booked is sent, under the
same number, which the channel books once however often it arrives.
"""

from dataclasses import dataclass
from typing import Final

from activities.common.refusals import OrderConflict, found, known
from messages.loans import RepaymentSource
from messages.payments import TransferOutcome, TransferStatus
from providers.http.client import Client
from providers.http.errors import OutcomeUnknown, ProviderRejected
from providers.payments import (
    DebitRequest,
    DisburseRequest,
    Initiator,
    Order,
    OrderQuery,
    OrderRequest,
    OrderStatus,
)
from runtime import metrics
from runtime.failpoints import failpoint
from storage.common.repository import Transaction
from storage.database import Database
from storage.lines.drawdowns import DrawdownRepository
from storage.lines.lines import LineRepository
from storage.loans.loans import LoanRepository
from storage.loans.repayments import RepaymentRepository
from storage.payments import TransferRepository, TransferRow, TransferState
from storage.people.applicants import ApplicantRepository

_STATES: Final = {
    OrderStatus.ACCEPTED: TransferState.PROCESSING,
    OrderStatus.PROCESSING: TransferState.PROCESSING,
    OrderStatus.SUCCEEDED: TransferState.SUCCEEDED,
    OrderStatus.FAILED: TransferState.FAILED,
}
_STATUSES: Final = {
    TransferState.REQUESTED: TransferStatus.IN_DOUBT,
    TransferState.PROCESSING: TransferStatus.IN_DOUBT,
    TransferState.SUCCEEDED: TransferStatus.SUCCEEDED,
    TransferState.FAILED: TransferStatus.FAILED,
}
_CONFLICT: Final = "order_conflict"


@dataclass(frozen=True, repr=False)
class _Account:
    """Whose card money goes to or comes from, and who started it. Holds personal data."""

    card_number: str
    name: str
    initiator: Initiator


@dataclass(frozen=True)
class Orders:
    """Sends orders and asks about them."""

    database: Database
    providers: Client

    async def place(self, transfer: TransferRow, activity: str) -> TransferOutcome:
        """Have a recorded order carried out and return what is known of it.

        `activity` names the fail points. Raises `ProviderUnavailable` when nothing was sent,
        `ProviderRejected` when the channel refused us, and `OrderConflict`.
        """
        if transfer.state.is_final:
            return outcome_of(transfer)
        if not transfer.fresh:
            order = await self._ask(transfer)
            if order.status is not OrderStatus.NOT_FOUND:
                return await self._record(transfer, order)
        await failpoint(f"{activity}.before_send")
        try:
            order = await self._send(transfer)
        except OutcomeUnknown as doubt:
            metrics.money_moved(transfer.kind, "unknown")
            return TransferOutcome(
                order_no=transfer.order_no, status=TransferStatus.IN_DOUBT, reason=doubt.code
            )
        except ProviderRejected as rejection:
            if rejection.code == _CONFLICT:
                raise OrderConflict(f"{transfer.order_no} is another order there") from None
            raise
        await failpoint(f"{activity}.after_send")
        return await self._record(transfer, order)

    async def _ask(self, transfer: TransferRow) -> Order:
        query = OrderQuery(kind=transfer.kind, order_no=transfer.order_no)
        return await self.providers.call(query, request_id=transfer.order_no)

    async def _send(self, transfer: TransferRow) -> Order:
        async with self.database.read() as tx:
            account = await _account(tx, transfer)
        order = {
            "order_no": transfer.order_no,
            "amount": transfer.amount,
            "currency": transfer.currency,
            "card_number": account.card_number,
            "name": account.name,
        }
        request: OrderRequest
        if transfer.kind == "disbursement":
            request = DisburseRequest.model_validate(order)
        else:
            request = DebitRequest.model_validate(order | {"initiator": account.initiator})
        return await self.providers.call(request, request_id=transfer.order_no)

    async def _record(self, transfer: TransferRow, order: Order) -> TransferOutcome:
        async with self.database.transaction() as tx:
            stored = await TransferRepository(tx).resolve(
                transfer.order_no, _STATES[order.status], order.reason
            )
        if order.final:
            metrics.money_moved(transfer.kind, order.status)
        return outcome_of(found(stored, f"order {transfer.order_no}"))


def outcome_of(transfer: TransferRow) -> TransferOutcome:
    """Return what is stored of an order."""
    return TransferOutcome(
        order_no=transfer.order_no, status=_STATUSES[transfer.state], reason=transfer.reason
    )


async def _account(tx: Transaction, transfer: TransferRow) -> _Account:
    initiator: Initiator = "merchant"
    if transfer.kind == "disbursement":
        drawdown = found(
            await DrawdownRepository(tx).of_loan(transfer.loan_id), "drawdown of the order"
        )
        line = found(await LineRepository(tx).get(drawdown.line_id), f"line {drawdown.line_id}")
        applicant_id = line.applicant_id
    else:
        loan = found(await LoanRepository(tx).get(transfer.loan_id), f"loan {transfer.loan_id}")
        applicant_id = loan.applicant_id
        repayment = await RepaymentRepository(tx).by_order(transfer.order_no)
        if repayment is not None and repayment.source is not RepaymentSource.AUTO_DEBIT:
            initiator = "cardholder"
    personal = await ApplicantRepository(tx).personal(applicant_id)
    return _Account(known(personal.bank_card, "card"), known(personal.name, "name"), initiator)
