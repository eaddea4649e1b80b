"""What a route that has no token in front of it asks for before it reads a body."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import Request

from api.http.errors import Problem
from api.http.routing import AuthorisedRoute
from api.http.services import Services

Proof = Callable[[Request, Services], Awaitable[None]]
"""Raises the problem of whoever cannot be who may call."""

_HEX: Final = r"[0-9a-fA-F]"
SIGNED: Final = re.compile(rf"t=[0-9]{{1,12}},v1={_HEX}{{64}}")
"""Our own form of a signature: `providers.http.signature`."""
DIGEST: Final = re.compile(rf"{_HEX}{{40,128}}")
"""A bare digest, as QI Tech signs."""


def proved(proof: Proof) -> type[AuthorisedRoute]:
    """Return the class of routes that look at `proof` before they read a body."""

    class ProvedRoute(AuthorisedRoute):
        async def prove(self, request: Request, services: Services) -> None:
            await proof(request, services)

    return ProvedRoute


def signed_in(header: str, form: re.Pattern[str]) -> Proof:
    """Return the proof of callbacks: a signature in `header`, of a form that can be right."""

    async def look(request: Request, services: Services) -> None:
        if not form.fullmatch(request.headers.get(header, "")):
            wrong = Problem("signature_invalid", f"Sign the body in the header {header}.")
            raise await services.wrong_credentials.refusal(request, "signature", wrong)

    return look


def known_link(find: Callable[[Any, str], Awaitable[object]], parameter: str) -> Proof:
    """Return the proof of links: `find` knows the one in the path's `parameter`."""

    async def look(request: Request, services: Services) -> None:
        async with services.database.read() as tx:
            if await find(tx, request.path_params[parameter]):
                return
        wrong = Problem("not_found", "There is no such link.")
        raise await services.wrong_credentials.refusal(request, "link", wrong)

    return look
