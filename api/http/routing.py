"""What every request passes before its endpoint: who calls, how big the body is, once only.

The body is not read before the caller is known, and no endpoint runs twice for one key.
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.http.auth import authorise
from api.http.bodies import read_checked
from api.http.errors import MEDIA_TYPE, ProblemDetails
from api.http.idempotency import once
from api.http.services import Services, services_of


class AuthorisedRoute(APIRoute):
    """A route of the table in `api.http.access`: refused to whoever the table does not name."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint behind authorisation, the limits of its body, and idempotency."""
        handle = super().get_route_handler()
        template = self.path_format

        async def checked_route(request: Request) -> Response:
            services = services_of(request)
            rule = await authorise(request, template, services.authenticator)
            if rule.roles is None:
                await self.prove(request, services)
            if request.method == "GET":
                return await handle(request)
            checked = await read_checked(request, rule)
            return await once(checked, handle) if rule.keyed else await handle(checked)

        return checked_route

    async def prove(self, request: Request, services: Services) -> None:
        """Raise a problem unless who calls a public route may; called before the body is read."""


def described(text: str) -> dict[str, Any]:
    """Return how an answer that is a problem is described."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}


_READ_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: described("No valid token"),
    403: described("Not allowed for this role, or beyond what the caller may decide"),
    404: described("No such resource, or not the caller's"),
    422: described("A parameter is invalid"),
    503: described("Repeat after `Retry-After` seconds"),
}
COMMAND_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: described("Not JSON, or no Idempotency-Key"),
    409: described("Does not fit the state, or is being processed"),
    413: described("The body is too large"),
    415: described("The body is not application/json"),
    422: described("A field is invalid, or the key was used for another body"),
    429: described("Repeat after `Retry-After` seconds"),
}
"""The further answers of a route that creates or moves something."""


class _AuthorisedRouter(APIRouter):
    """Says of each route how it may be refused, and that a pending answer looks like the last."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        problems = {} if options["methods"] == ["GET"] else COMMAND_PROBLEMS
        further = options.pop("responses", None) or {}
        if 202 in further:
            model = inspect.signature(endpoint).return_annotation
            further = {202: {**further[202], "model": model}}
        super().add_api_route(path, endpoint, responses={**problems, **further}, **options)


def authorised_router(
    prefix: str, tag: str, route_class: type[AuthorisedRoute] = AuthorisedRoute
) -> APIRouter:
    """Return the router of an area: its routes are `AuthorisedRoute`s under `/v1`."""
    return _AuthorisedRouter(
        prefix=f"/v1{prefix}", tags=[tag], route_class=route_class, responses=_READ_PROBLEMS
    )
