"""What the payment channel calls back with: an order has come to its end."""

from datetime import datetime

from providers.http.signature import HEADER, verify_signature
from providers.payments import SettlementNotice
from services.common.callbacks import CallbackSender, Recipient, UnknownOrder
from storage.common.repository import Transaction
from storage.payments import TransferRepository


class PaymentChannel(CallbackSender[SettlementNotice]):
    """The payment channel; `secret` is shared with it."""

    header = HEADER
    notice = SettlementNotice

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def verify(self, body: bytes, signature: str | None, now: datetime) -> None:
        """Verify our own form of signature."""
        verify_signature(self._secret, signature, body, now)

    def event_id_of(self, notice: SettlementNotice) -> str:
        """Return the channel's own id of the event."""
        return notice.event_id

    async def recipient_of(self, tx: Transaction, notice: SettlementNotice) -> Recipient:
        """Return the process that waits for the order."""
        transfer = await TransferRepository(tx).get(notice.order_no)
        if transfer is None or transfer.kind != notice.kind:
            raise UnknownOrder("No such order was sent.")
        return Recipient(transfer.workflow_id, notice.order_no)
