"""What every request passes before its endpoint: who calls, how big the body is, once only.

The body is not read before the caller is known, no endpoint runs twice for one key, and no query
parameter is passed over.
"""

import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Param, ParamTypes
from fastapi.routing import APIRoute

from api.http.auth import authorise
from api.http.bodies import read_checked
from api.http.errors import MEDIA_TYPE, FieldProblem, Problem, ProblemDetails
from api.http.idempotency import once
from api.http.services import Services, services_of

_TOLD: Final = 20
_SHOWN: Final = 64
"""So many unknown parameters are named, each cut to so many characters."""


def parameters_of(route: APIRoute) -> tuple[str, ...]:
    """Return the names of the query parameters that a route takes."""
    fields = get_flat_params(route.dependant)
    infos = ((field.alias, field.field_info) for field in fields)
    return tuple(
        sorted(
            alias
            for alias, info in infos
            if isinstance(info, Param) and info.in_ is ParamTypes.query
        )
    )


def check_parameters(request: Request, known: Sequence[str]) -> None:
    """Raise the problem `unknown_parameter` for a query that has any other than the `known`.

    A filter that is misspelt, or that a list does not have, would otherwise answer the whole list.
    """
    unknown = [name for name in request.query_params if name not in known]
    if not unknown:
        return
    takes = f"This route takes {', '.join(known)}." if known else "This route takes none."
    errors = [
        FieldProblem(field=name[:_SHOWN], code="unknown_parameter", message=takes)
        for name in unknown[:_TOLD]
    ]
    named = ", ".join(f"`{error.field}`" for error in errors)
    raise Problem(
        "unknown_parameter", f"There is no query parameter {named} here. {takes}", errors=errors
    )


class StrictRoute(APIRoute):
    """A route that refuses query parameters which it does not take."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the endpoint."""
        handle = super().get_route_handler()
        known = parameters_of(self)

        async def strict(request: Request) -> Response:
            check_parameters(request, known)
            return await handle(request)

        return strict


class AuthorisedRoute(APIRoute):
    """A route of the table in `api.http.access`: refused to whoever the table does not name."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint behind authorisation, the limits of its body, and idempotency."""
        handle = super().get_route_handler()
        template, known = self.path_format, parameters_of(self)

        async def checked_route(request: Request) -> Response:
            services = services_of(request)
            rule = await authorise(request, template, services.authenticator)
            check_parameters(request, known)
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
