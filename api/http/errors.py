"""Every refusal as an RFC 9457 problem with a stable code, from one table of codes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from asgi_correlation_id import correlation_id
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """What a code means: its HTTP status, its title, and how long the refusal lasts.

    One with `retry_after` passes by itself: the same request may be repeated after so many seconds.
    Any other 409 or 410 is the last word on this request; who mends its cause asks by a new key.
    """

    status: int
    title: str
    retry_after: int | None = None

    @property
    def is_lasting(self) -> bool:
        """Whether the same request will be refused again, and so may be refused from memory."""
        refuses = self.status in (HTTPStatus.CONFLICT, HTTPStatus.GONE)
        return refuses and self.retry_after is None


CATALOGUE: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        # the request itself
        "invalid_request": Kind(400, "The request cannot be read"),
        "invalid_json": Kind(400, "The body is not acceptable JSON"),
        "idempotency_key_missing": Kind(400, "An Idempotency-Key header is needed"),
        "invalid_proposal": Kind(400, "A field of the proposal is not as documented"),
        "api_key_invalid": Kind(401, "No valid API key"),
        "unauthenticated": Kind(401, "No valid token"),
        "signature_invalid": Kind(401, "The signature is not valid"),
        "forbidden": Kind(403, "Not allowed for this role"),
        "role_not_held": Kind(403, "The person does not hold this role"),
        "not_authorised": Kind(403, "Beyond what the caller may decide"),
        "own_roles": Kind(403, "Nobody changes their own roles"),
        "not_found": Kind(404, "Not found"),
        "unknown_order": Kind(404, "No such order"),
        "unknown_person": Kind(404, "No such person"),
        "unknown_team": Kind(404, "No such team"),
        "unknown_definition": Kind(404, "No such definition"),
        "method_not_allowed": Kind(405, "Method not allowed"),
        "json_not_acceptable": Kind(406, "The body is not acceptable JSON"),
        "body_too_slow": Kind(408, "The body came too slowly"),
        "already_processed": Kind(409, "This id was processed before"),
        "consent_closed": Kind(410, "This link is no longer open"),
        "body_too_large": Kind(413, "The body is too large"),
        "unsupported_media_type": Kind(415, "The body must be application/json"),
        "validation_failed": Kind(422, "The request has invalid fields"),
        "unknown_field": Kind(422, "The request has an unknown field"),
        "missing_field": Kind(422, "A required field is missing"),
        "invalid_value": Kind(422, "A field has an invalid value"),
        "unknown_parameter": Kind(422, "The route has no such query parameter"),
        "invalid_amount": Kind(422, "Not an amount"),
        "invalid_identity_number": Kind(422, "Not an identity number"),
        "invalid_mobile": Kind(422, "Not a mobile number"),
        "invalid_card_number": Kind(422, "Not a card number"),
        "not_an_image": Kind(422, "Not a picture"),
        "image_too_large": Kind(422, "The picture has too many pixels"),
        "image_too_small": Kind(422, "The picture has too few pixels"),
        "image_animated": Kind(422, "The picture moves"),
        "image_damaged": Kind(422, "The picture is damaged"),
        "invalid_cursor": Kind(422, "Not a cursor of this list"),
        "unknown_element_kind": Kind(422, "No such kind of element"),
        "idempotency_key_reused": Kind(422, "The Idempotency-Key belongs to another request"),
        "definition_invalid": Kind(422, "The definition is not in order"),
        "invalid_effective_from": Kind(422, "Nothing comes into force in the past"),
        "request_in_progress": Kind(409, "The same request is being processed", retry_after=1),
        "too_many_requests": Kind(429, "Too many requests", retry_after=2),
        # the business: what was asked for cannot be
        "unknown_product": Kind(422, "No such product"),
        "unknown_zone": Kind(422, "No such time zone"),
        "unknown_consent_text": Kind(422, "Not the text of today"),
        "outside_product": Kind(422, "Outside what the product lends"),
        "unknown_currency": Kind(422, "No such currency"),
        "invalid_terms": Kind(422, "No loan can have these terms"),
        "invalid_rounding": Kind(422, "Amounts cannot be rounded so"),
        "day_count_unusable": Kind(422, "The day count cannot measure this"),
        "invalid_flows": Kind(422, "No rate can be computed from this"),
        "invalid_cost_sheet": Kind(422, "No cost sheet can be made of this"),
        "no_rate": Kind(422, "No rate balances this"),
        "invalid_period": Kind(422, "No statement can be made of this period"),
        "unknown_bucket": Kind(422, "No such bucket"),
        "rate_cap_exceeded": Kind(422, "Above the rate that the lender may charge"),
        "repayment_too_large": Kind(422, "More than it takes to pay the loan off"),
        "domain_error": Kind(422, "The business refuses this"),
        "invalid_deputy": Kind(422, "Nobody can stand in like this"),
        # the business: it does not fit what has happened
        "handle_taken": Kind(409, "The handle is or was another person's"),
        "team_taken": Kind(409, "The code is another team's"),
        "person_left": Kind(409, "The person works here no more"),
        "last_ops": Kind(409, "Nobody else could change the directory"),
        "directory_not_empty": Kind(409, "The directory has somebody who adds people"),
        "application_pending": Kind(
            409, "An application for this product is not over", retry_after=60
        ),
        "application_closed": Kind(409, "The application is closed"),
        "wrong_state": Kind(409, "Not possible in this state"),
        "review_closed": Kind(409, "The review is closed"),
        "file_refused": Kind(422, "The file cannot be taken"),
        "document_not_there": Kind(422, "The document was not given"),
        "document_not_asked_for": Kind(409, "The document is not asked for"),
        "documents_incomplete": Kind(422, "Documents are missing"),
        "too_many_documents": Kind(409, "There are too many documents"),
        "view_limit_reached": Kind(429, "Too many views", retry_after=60),
        "case_closed": Kind(409, "The case has its outcome"),
        "case_claimed": Kind(409, "Somebody else works on the case"),
        "claim_needed": Kind(409, "Claim the case first"),
        "case_waits": Kind(409, "The case waits for its applicant"),
        "second_reviewer_needed": Kind(409, "Somebody else has to decide this"),
        "calls_exhausted": Kind(409, "Called as often as may be"),
        "call_too_soon": Kind(429, "The last call was a short while ago", retry_after=60),
        "unknown_script": Kind(422, "No such script"),
        "invalid_review": Kind(422, "A reviewer cannot say this"),
        "elements_missing": Kind(409, "Elements are missing"),
        "element_refused": Kind(409, "The element cannot be taken"),
        "element_locked": Kind(429, "The element was wrong too often", retry_after=60),
        "code_refused": Kind(409, "No code is waited for"),
        "challenge_expired": Kind(409, "Ask for a new liveness challenge"),
        "consent_missing": Kind(409, "A consent is missing"),
        "nothing_to_try": Kind(409, "There are no decisions to try a policy on"),
        "appeal_refused": Kind(409, "This cannot be appealed"),
        "supplement_refused": Kind(409, "This cannot be asked for again"),
        "drawdown_elements_missing": Kind(409, "Elements are missing for the drawdown"),
        "suspended": Kind(409, "Suspended for the time being", retry_after=60),
        "definition_changed": Kind(409, "Somebody changed the definition meanwhile"),
        "definition_referenced": Kind(409, "Other definitions in force need it as it is"),
        "wrong_definition_state": Kind(409, "Not possible for this version"),
        "second_person_needed": Kind(409, "A second person has to release or approve it"),
        "period_closed": Kind(409, "The books are closed, or open, on this day"),
        "day_not_ready": Kind(409, "The day is not over, or not booked to its end"),
        "change_decided": Kind(409, "Somebody decided this change"),
        "request_decided": Kind(409, "Somebody decided this request"),
        "invalid_list_file": Kind(422, "The file has rows that cannot be taken"),
        "invalid_key": Kind(422, "Nobody can have this number"),
        "invalid_entry": Kind(422, "Not an entry of this list"),
        "exemption_too_long": Kind(422, "No exemption may last so long"),
        "level_override_too_long": Kind(422, "No level may be set until then"),
        "invalid_manual_entry": Kind(422, "Not an entry that people may book"),
        "line_closed": Kind(409, "The line is closed"),
        "line_blocked": Kind(409, "The line is blocked"),
        "limit_exceeded": Kind(409, "More than the line has left"),
        "quote_unusable": Kind(409, "The quote cannot be used"),
        "quote_expired": Kind(409, "The quote has expired"),
        "quote_mismatch": Kind(409, "The quote is for something else"),
        "quote_used": Kind(409, "The quote was used already"),
        "plan_changed": Kind(409, "The plan is not the quoted one"),
        "plan_mismatch": Kind(409, "The plan is not the signed one"),
        "credit_analysis_closed": Kind(409, "The credit analysis is closed"),
        "loan_closed": Kind(409, "The loan is closed"),
        "loan_settled": Kind(409, "The loan is settled"),
        "nothing_outstanding": Kind(409, "Nothing is outstanding"),
        "nothing_due": Kind(409, "Nothing is due"),
        "payoff_changed": Kind(409, "The payoff is another amount now"),
        "repayment_in_flight": Kind(409, "Another repayment is on its way", retry_after=5),
        "repayment_closed": Kind(409, "The repayment is closed"),
        "drawdown_closed": Kind(409, "The drawdown is closed"),
        "transfer_unsettled": Kind(409, "Contradicts what is known of the order", retry_after=30),
        "order_conflict": Kind(409, "The order number stands for another order"),
        "personal_data_missing": Kind(409, "A verified personal datum is missing"),
        "task_closed": Kind(409, "The task is closed"),
        "message_not_sent": Kind(409, "The message still waits to be sent", retry_after=60),
        "idempotency_mismatch": Kind(409, "The same id stands for something else"),
        "cap_unknown": Kind(409, "The rate cannot be tested against a cap"),
        "invalid_event": Kind(409, "Contradicts where the loan stands"),
        "conflicting_event": Kind(409, "Contradicts what is recorded"),
        "invalid_reversal": Kind(409, "There is nothing to reverse"),
        "disbursement_mismatch": Kind(409, "Contradicts the disbursement"),
        "unbalanced_entry": Kind(500, "Internal error"),
        # ourselves
        "internal_error": Kind(500, "Internal error"),
        "overloaded": Kind(503, "Too many requests at once", retry_after=1),
        "database_unavailable": Kind(503, "The database cannot be reached", retry_after=3),
        "unknown_policy": Kind(503, "The policy of this client is not in force", retry_after=60),
        "engine_unavailable": Kind(503, "The process engine cannot be reached", retry_after=3),
        "not_accepted_yet": Kind(503, "The command was not taken on yet", retry_after=2),
    }
)


class FieldProblem(BaseModel):
    """What is wrong with one field; never the value that was sent."""

    field: str = Field(description="path inside the body, such as `elements.0.identity_number`")
    code: str
    message: str
    example: str | None = Field(default=None, description="what would be right")


class ProblemDetails(BaseModel):
    """A refusal (RFC 9457). Programs switch on `code`, people read `detail`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:loanflow:problem:unknown_field",
                "title": "The request has an unknown field",
                "status": 422,
                "code": "unknown_field",
                "detail": "purpose: no such field",
                "request_id": "b7d1c6f09a3e4c55",
                "errors": [
                    {"field": "purpose", "code": "unknown_field", "message": "no such field"}
                ],
            }
        }
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    errors: list[FieldProblem] = Field(default_factory=list)


class Problem(Exception):
    """Raise it to answer with the problem `code` of the catalogue; `detail` holds no secret.

    `by_process` says that a durable process refused: it gives an update of that id this answer for
    ever.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        by_process: bool = False,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.by_process = by_process

    @property
    def status(self) -> int:
        """The HTTP status that the code stands for."""
        return CATALOGUE[self.code].status


def later(code: str, detail: str, seconds: int | None = None) -> Problem:
    """Return a problem that goes away by itself; the caller repeats after `seconds`.

    Without `seconds` it is what the catalogue says of the code.
    """
    return Problem(code, detail, headers={} if seconds is None else {"Retry-After": str(seconds)})


def problem_response(request: Request, problem: Problem) -> Response:
    """Write a problem as the answer to `request`."""
    kind = CATALOGUE[problem.code]
    details = ProblemDetails(
        type=f"urn:loanflow:problem:{problem.code}",
        title=kind.title,
        status=kind.status,
        code=problem.code,
        detail=problem.detail,
        request_id=correlation_id.get(),
        errors=list(problem.errors),
    )
    content: dict[str, Any] = details.model_dump(exclude_none=True, exclude_defaults=False)
    if not problem.errors:
        del content["errors"]
    headers = dict(problem.headers)
    if kind.retry_after is not None:
        headers.setdefault("Retry-After", str(kind.retry_after))
    return JSONResponse(content, kind.status, headers, MEDIA_TYPE)


def code_of_class(name: str) -> str:
    """Return the code that a class name stands for: `ReviewClosed` is `review_closed`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
