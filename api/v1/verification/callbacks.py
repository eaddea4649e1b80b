"""Callbacks of sources that captured something. A signature proves who sends them."""

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
from messages.ids import is_id
from messages.verification import ElementSettled
from providers.http.signature import HEADER, SignatureInvalid, verify_signature
from providers.verification.capture import ReportNotice
from runtime.clock import utc_now
from storage.common.callbacks import CallbackRepository
from storage.verification.captures import CaptureRepository

_log = structlog.get_logger(__name__)

router = gated_router("/callbacks", "callbacks")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ReportNotice.model_json_schema()}},
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
    "/reports",
    responses=COMMAND_PROBLEMS,
    openapi_extra=_BODY,
    summary="A source is done with a capture",
)
async def reports(request: Request, services: Using) -> CallbackReceived:
    """Keep the notice and have the process that waits for the capture ask for it.

    The notice itself settles nothing. A repeat wakes the process again: the first may have been
    lost. One for an application that has ended is kept and changes nothing.
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
        known = is_id(notice.capture_no, "elt")
        capture = await CaptureRepository(tx).get(notice.capture_no) if known else None
        if capture is None or capture.kind != notice.source:
            raise Problem("unknown_order", "No such capture was begun.")
        is_new = await CallbackRepository(tx).store(notice.event_id, notice.capture_no, body)
    try:
        await services.engine.element_settled(
            capture.workflow_id,
            ElementSettled(element_id=capture.element_id, event_id=notice.event_id),
        )
    except ProcessClosed:
        _log.info("callback_after_the_end", element_id=capture.element_id)
    return CallbackReceived(event_id=notice.event_id, duplicate=not is_new)


def _notice(body: bytes) -> ReportNotice:
    parse_strictly(body)
    try:
        return ReportNotice.model_validate_json(body)
    except ValidationError as error:
        complaints = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise validation_problem(complaints) from None
