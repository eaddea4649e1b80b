"""Callbacks of sources that imported something."""

from typing import Final

from fastapi import Request

from api.http.callbacks import described_callback, receive_callback
from api.http.operation_schemas import CallbackReceived
from api.http.proofs import SIGNED, proved, signed_in
from api.http.routing import authorised_router
from api.http.services import Using
from messages.verification import ElementSettled
from services.common.callbacks import StoredCallback
from services.verification.callbacks import ReportSender

router = authorised_router(
    "/callbacks", "callbacks", proved(signed_in(ReportSender.header, SIGNED))
)

_DESCRIBED: Final = described_callback(
    ReportSender.header,
    ReportSender.notice,
    "`t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>`",
)


@router.post("/reports", openapi_extra=_DESCRIBED, summary="A source is done with a data import")
async def reports(request: Request, services: Using) -> CallbackReceived:
    """Keep the notice and have the process that waits for the data import ask for it.

    The notice itself settles nothing. A repeat notifies the process again: the first may have been
    lost. One for an application that has ended is kept and changes nothing.
    """

    async def notify(stored: StoredCallback) -> None:
        update = ElementSettled(element_id=stored.recipient.reference, event_id=stored.event_id)
        await services.engine.notify(stored.recipient.workflow_id, "element_settled", update)

    secret = services.settings.providers.callback_secret.get_secret_value()
    return await receive_callback(request, services, ReportSender(secret), notify)
