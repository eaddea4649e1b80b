"""Webhooks of QI Tech: an assessment that we asked for has come to a status."""

from typing import Final

from fastapi import Request

from api.http.callbacks import described_callback, receive_callback
from api.http.operation_schemas import CallbackReceived
from api.http.proofs import DIGEST, proved, signed_in
from api.http.routing import authorised_router
from api.http.services import Using
from messages.credit_analysis import AssessmentUpdated
from services.common.callbacks import StoredCallback
from services.credit_analysis.callbacks import QiTechSender

PATH: Final = "/v1/callbacks/qitech"

router = authorised_router(
    "/callbacks", "callbacks", proved(signed_in(QiTechSender.header, DIGEST))
)

_DESCRIBED: Final = described_callback(
    QiTechSender.header,
    QiTechSender.notice,
    "hex HMAC-SHA1 of our URL, the method and the raw body",
)


@router.post("/qitech", openapi_extra=_DESCRIBED, summary="QI Tech's analysis came to a status")
async def qitech(request: Request, services: Using) -> CallbackReceived:
    """Keep the notice, learn its status unless a later one is known, and notify the process.

    A repeat changes nothing but notifies the process again: the first time may have been lost.
    """

    async def notify(stored: StoredCallback) -> None:
        update = AssessmentUpdated(event_key=stored.event_id)
        await services.engine.notify(stored.recipient.workflow_id, "assessment_updated", update)

    key = services.settings.providers.key_of_qitech_webhooks.get_secret_value()
    sender = QiTechSender(key, services.settings.public_url.rstrip("/") + PATH, request.method)
    return await receive_callback(request, services, sender, notify)


@router.put(
    "/qitech", openapi_extra=_DESCRIBED, summary="The same, by the method of their older documents"
)
async def qitech_by_put(request: Request, services: Using) -> CallbackReceived:
    """Keep the notice as the other method does; its own name is part of what is signed."""
    return await qitech(request, services)
