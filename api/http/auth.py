"""Who calls: static bearer tokens, compared in constant time, and the people they belong to."""

import hmac
from collections.abc import Iterable

from fastapi import Request

from api.http.access import RULES, Rule
from api.http.errors import Problem
from domain.people.principals import Principal
from domain.people.staff import PersonLeft, UnknownPerson
from runtime.settings import Token
from services.people.acting import StaffPrincipals


class Authenticator:
    """The tokens that are accepted, of machines and of people whom the directory knows."""

    def __init__(self, tokens: Iterable[Token], staff: StaffPrincipals) -> None:
        self._known = tuple((one.token.get_secret_value().encode(), one) for one in tokens)
        self._staff = staff

    async def principal(self, request: Request) -> Principal | None:
        """Return who calls, None without a valid token or once the person works here no more.

        Raises `RoleNotHeld` when the person does not hold the role of the token.
        """
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = self._of(given.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            return None
        match token.role:
            case "applicant" | "partner" | "codec":
                return Principal(token.role, token.subject)
            case role:
                try:
                    return await self._staff.principal(token.subject, role)
                except (UnknownPerson, PersonLeft):
                    return None

    def _of(self, given: str) -> Token | None:
        """Return the token that was given; every known one is compared, found or not."""
        if not given:
            return None
        found: Token | None = None
        for known, token in self._known:
            if hmac.compare_digest(known, given.encode()):
                found = token
        return found


async def authorise(request: Request, template: str, authenticator: Authenticator) -> Rule:
    """Return the rule of a route, or raise the problem 401 or 403.

    On a route that is not public the caller is put into `request.state.principal`.
    """
    rule = RULES.get((request.method, template))
    if rule is None:
        raise Problem("forbidden", "This route is open to nobody.")
    if rule.roles is None:
        return rule
    principal = await authenticator.principal(request)
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
