"""Who calls: static bearer tokens, compared in constant time."""

import hmac
from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.http.access import RULES, Rule
from api.http.errors import Problem
from domain.people.principals import Principal
from runtime.settings import Token

_bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="A static token of the settings."
)


class TokenRing:
    """The tokens that are accepted."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._known = tuple(
            (token.token.get_secret_value().encode(), Principal(token.role, token.subject))
            for token in tokens
        )

    def principal_of(self, given: str) -> Principal | None:
        """Return whose token `given` is; every known token is compared, found or not."""
        if not given:
            return None
        found: Principal | None = None
        for known, principal in self._known:
            if hmac.compare_digest(known, given.encode()):
                found = principal
        return found


def admit(request: Request, template: str, tokens: TokenRing) -> Rule:
    """Return the rule of a route, or raise the problem 401 or 403.

    On a route that is not public the caller is put into `request.state.principal`.
    """
    rule = RULES.get((request.method, template))
    if rule is None:
        raise Problem("forbidden", "This route is open to nobody.")
    if rule.roles is None:
        return rule
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    principal = tokens.principal_of(given.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        raise Problem(
            "unauthenticated",
            "Send a valid token as `Authorization: Bearer <token>`.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    request.state.principal = principal
    if principal.role not in rule.roles:
        raise Problem("forbidden", f"The role {principal.role} may not call this route.")
    return rule


def _caller(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101 -- `admit` ran before every endpoint
    return principal


Caller = Annotated[Principal, Depends(_caller)]
"""The caller whom `admit` let through."""
