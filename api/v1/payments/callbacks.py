"""Callbacks: third parties report the end of orders. A signature proves who sends them."""

import structlog
from fastapi import Request
from pydantic import ValidationError

from api.http.bodies import parse_strictly
from api.http.engine import ProcessClosed
from api.http.errors import Problem
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.operation_schemas import CallbackReceived
from api.http.services import Using
from api.http.validation import validation_problem
from messages.payments import TransferUpdated
from providers.http.signature import HEADER, SignatureInvalid, verify_signature
from providers.payments import SettlementNotice
from runtime.clock import utc_now
from storage.common.callbacks import CallbackRepository
from storage.payments import TransferRepository

_log = structlog.get_logger(__name__)

router = gated_router("/callbacks", "callbacks")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SettlementNotice.model_json_schema()}},
    },
    "parameters": [
        {
            "in": "header",
            "name": HEADER,
            "required": True,
            "schema": {"type": "string"},
            "description": "`t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>`",
        }
    ],
}


@router.post(
    "/payments",
    responses=COMMAND_PROBLEMS,
    openapi_extra=_BODY,
    summary="An order of the payment channel came to its end",
)
async def payments(request: Request, services: Using) -> CallbackReceived:
    """Keep the callback and have the process that waits for the order ask what became of it.

    The notice itself moves nothing. A repeat wakes the process again: the first may have been lost.
    """
    body = await request.body()
    secret = services.settings.providers.callback_secret.get_secret_value()
    try:
        verify_signature(secret, request.headers.get(HEADER), body, utc_now())
    except SignatureInvalid as error:
        _log.warning("callback_refused", reason=error.code)
        raise Problem("signature_invalid", f"The signature is {error.code}.") from None
    notice = _notice(body)
    async with services.database.transaction() as tx:
        transfer = await TransferRepository(tx).get(notice.order_no)
        if transfer is None or transfer.kind != notice.kind:
            raise Problem("unknown_order", "No such order was sent.")
        is_new = await CallbackRepository(tx).store(notice.event_id, notice.order_no, body)
    try:
        await services.engine.transfer_updated(
            transfer.workflow_id,
            TransferUpdated(order_no=notice.order_no, event_id=notice.event_id),
        )
    except ProcessClosed:
        _log.info("callback_after_the_end", order_no=notice.order_no)
    return CallbackReceived(event_id=notice.event_id, duplicate=not is_new)


def _notice(body: bytes) -> SettlementNotice:
    parse_strictly(body)
    try:
        return SettlementNotice.model_validate_json(body)
    except ValidationError as error:
        complaints = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise validation_problem(complaints) from None
