"""Webhooks of QI Tech: an opinion that we asked for has come to a status."""

from typing import Final

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
from messages import ids
from messages.credit_analysis import OpinionUpdated
from providers.credit_analysis.qitech import SIGNATURE, QiTechNotice, status_of, verify_webhook
from providers.http.signature import SignatureInvalid
from storage.common.callbacks import CallbackRepository
from storage.credit_analysis.opinions import ExternalOpinionRepository

PATH: Final = "/v1/callbacks/qitech"

_log = structlog.get_logger(__name__)

router = gated_router("/callbacks", "callbacks")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": QiTechNotice.model_json_schema()}},
    },
    "parameters": [
        {
            "in": "header",
            "name": SIGNATURE,
            "required": True,
            "schema": {"type": "string"},
            "description": "hex HMAC-SHA1 of our URL, `POST` and the raw body",
        }
    ],
}


@router.post(
    "/qitech",
    responses=COMMAND_PROBLEMS,
    openapi_extra=_BODY,
    summary="QI Tech's analysis came to a status",
)
async def qitech(request: Request, services: Using) -> CallbackReceived:
    """Keep the notice, learn its status unless a later one is known, and wake the process.

    A repeat changes nothing but wakes the process again: the first wake may have been lost.
    """
    body = await request.body()
    settings = services.settings
    endpoint = settings.public_url.rstrip("/") + PATH
    key = settings.providers.key_of_qitech_webhooks.get_secret_value()
    try:
        verify_webhook(key, endpoint, "POST", body, request.headers.get(SIGNATURE))
    except SignatureInvalid as error:
        _log.warning("callback_refused", reason=error.code)
        raise Problem("signature_invalid", f"The signature is {error.code}.") from None
    notice = _notice(body)
    async with services.database.transaction() as tx:
        opinion = await ExternalOpinionRepository(tx).get(notice.opinion_id)
        if opinion is None:
            raise Problem("unknown_order", "No such analysis was asked for.")
        # As read, not as sent: fields that nobody agreed on may hold anything.
        is_new = await CallbackRepository(tx).store(
            notice.event_key, opinion.id, notice.model_dump_json().encode()
        )
        if is_new:
            await ExternalOpinionRepository(tx).learn(
                opinion.id,
                status_of(notice.analysis_status),
                notice.analysis_status,
                notice.event_date,
            )
    try:
        await services.engine.opinion_updated(
            ids.credit_analysis_workflow(opinion.analysis_id),
            OpinionUpdated(event_key=notice.event_key),
        )
    except ProcessClosed:
        _log.info("callback_after_the_end", opinion_id=opinion.id)
    return CallbackReceived(event_id=notice.event_key, duplicate=not is_new)


def _notice(body: bytes) -> QiTechNotice:
    parse_strictly(body)
    try:
        return QiTechNotice.model_validate_json(body)
    except ValidationError as error:
        complaints = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise validation_problem(complaints) from None
