"""Clients of the credit-analysis API: a raw key in `Authorization`, known by its digest.

Their route answers in the published format: wrong fields with 400, what is no JSON with 406.
"""

import hashlib
import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from api.http.access import PROPOSAL, RULES
from api.http.bodies import read_checked
from api.http.errors import FieldProblem, Problem
from api.http.routing import check_parameters, parameters_of
from api.http.services import services_of
from domain.credit_analysis.errors import InvalidProposal
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import AnyProposal, Feedback
from domain.credit_analysis.receipt import receive_feedback, receive_proposal
from runtime.clock import utc_now
from runtime.settings import AnalysisClient, Settings
from services.common.strict_json import InvalidJson, parse_strictly, without_mark

MOST_VALUES: Final = PROPOSAL // 16
"""So many values a proposal may hold, which has some 40 bytes a value."""


class ClientRoute(APIRoute):
    """A route of which the body is not read before the client is known."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the endpoint."""
        handle = super().get_route_handler()
        template, known = self.path_format, parameters_of(self)

        async def authorised(request: Request) -> Response:
            services = services_of(request)
            given = request.headers.get("authorization", "")
            try:
                request.state.analysis_client = client_of(services.settings, given)
            except Problem as wrong:
                if given:
                    raise await services.wrong_credentials.refusal(
                        request, "api_key", wrong
                    ) from None
                raise
            check_parameters(request, known)
            if request.method == "GET":
                return await handle(request)
            rule = RULES[request.method, template]
            return await handle(await read_checked(request, rule))

        return authorised


def client_of(settings: Settings, given: str) -> AnalysisClient:
    """Return whose key `given` is; every known one is compared. Raises the problem 401."""
    digest = hashlib.sha256(given.encode()).hexdigest()
    found: AnalysisClient | None = None
    for client in settings.credit_analysis_clients:
        if hmac.compare_digest(client.api_key_sha256, digest):
            found = client
    if found is None or not given:
        raise Problem("api_key_invalid", "Send your API key as `Authorization: <key>`.")
    return found


def _client(request: Request) -> AnalysisClient:
    client = request.state.analysis_client
    assert isinstance(client, AnalysisClient)  # noqa: S101 -- the route found it before
    return client


Client = Annotated[AnalysisClient, Depends(_client)]
"""The client whom the route let through."""


async def proposal_of(request: Request, kind: PersonKind) -> tuple[AnyProposal, str]:
    """Return the body as a proposal and as its text; raises the problems 400 and 406."""
    body = await _json_body(request)
    try:
        return receive_proposal(kind, body, utc_now()), body
    except InvalidProposal as error:
        raise _invalid(error) from None


async def feedback_of(request: Request) -> Feedback:
    """Return the body as feedback; raises the problems 400 and 406."""
    body = await _json_body(request)
    try:
        return receive_feedback(body, utc_now())
    except InvalidProposal as error:
        raise _invalid(error) from None


async def _json_body(request: Request) -> str:
    raw = await request.body()
    try:
        parse_strictly(raw, MOST_VALUES)
    except InvalidJson as error:
        raise Problem("json_not_acceptable", error.message) from None
    return without_mark(raw).decode()


def _invalid(error: InvalidProposal) -> Problem:
    errors = [
        FieldProblem(field=fault.field, code=fault.code, message=fault.message)
        for fault in error.faults
    ]
    return Problem("invalid_proposal", error.message, errors=errors)
