"""What the payment channel calls back with: an order has come to its end."""

from typing import Final

from providers.payments import SettlementNotice
from services.common.callbacks import Recipient, SharedSecretSender, UnknownOrder
from storage.common.repository import Transaction
from storage.payments import TransferRepository

_KINDS: Final = frozenset({"disbursement", "debit"})


class PaymentChannel(SharedSecretSender[SettlementNotice]):
    """Whose notices of settled orders are accepted, and which process each is for."""

    notice = SettlementNotice

    def event_id_of(self, notice: SettlementNotice) -> str:
        """Return the channel's own id of the event."""
        return notice.event_key

    async def recipient_of(self, tx: Transaction, notice: SettlementNotice) -> Recipient:
        """Return the process that waits for the order."""
        transfer = await TransferRepository(tx).get(notice.order_no)
        if transfer is None or notice.kind in _KINDS - {transfer.kind}:
            raise UnknownOrder("No such order was sent.")
        return Recipient(transfer.workflow_id, notice.order_no)
