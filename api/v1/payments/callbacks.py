"""Callbacks of the payment channel: an order has come to its end."""

from typing import Final

from fastapi import Request

from api.http.callbacks import described_callback, receive_callback
from api.http.operation_schemas import CallbackReceived
from api.http.proofs import SIGNED, proved, signed_in
from api.http.routing import authorised_router
from api.http.services import Using
from messages.payments import TransferUpdated
from services.common.callbacks import StoredCallback
from services.payments import PaymentChannel

router = authorised_router(
    "/callbacks", "callbacks", proved(signed_in(PaymentChannel.header, SIGNED))
)

_DESCRIBED: Final = described_callback(
    PaymentChannel.header,
    PaymentChannel.notice,
    "`t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>`",
)


@router.post(
    "/payments", openapi_extra=_DESCRIBED, summary="An order of the payment channel came to its end"
)
async def payments(request: Request, services: Using) -> CallbackReceived:
    """Keep the callback and have the process that waits for the order ask what became of it.

    The notice itself moves nothing. A repeat notifies the process again: the first may be lost.
    """

    async def notify(stored: StoredCallback) -> None:
        update = TransferUpdated(order_no=stored.recipient.reference, event_id=stored.event_id)
        await services.engine.notify(stored.recipient.workflow_id, "transfer_updated", update)

    secret = services.settings.providers.callback_secret.get_secret_value()
    return await receive_callback(request, services, PaymentChannel(secret), notify)
