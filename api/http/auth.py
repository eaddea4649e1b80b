"""Who calls: static bearer tokens, and the people they belong to."""

from fastapi import Request

from api.http.access import RULES, Rule
from api.http.callers import Callers
from api.http.errors import Problem
from api.http.wrong_credentials import WrongCredentials
from domain.people.principals import Principal
from domain.people.staff import PersonLeft, UnknownPerson
from services.people.acting import StaffPrincipals


class Authenticator:
    """The tokens that are accepted, of machines and of people whom the directory knows."""

    def __init__(self, callers: Callers, staff: StaffPrincipals, wrong: WrongCredentials) -> None:
        self._callers = callers
        self._staff = staff
        self._wrong = wrong

    async def principal(self, request: Request) -> Principal | None:
        """Return who calls, None without a valid token or once the person works here no more.

        Raises `RoleNotHeld` when the person does not hold the role of the token.
        """
        token = self._callers.token_of(request)
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

    async def refusal(self, request: Request) -> Problem:
        """Return the problem of who is nobody: 401, or 429 after many wrong tokens."""
        unknown = Problem(
            "unauthenticated",
            "Send a valid token as `Authorization: Bearer <token>`.",
            headers={"WWW-Authenticate": "Bearer"},
        )
        if "authorization" not in request.headers:
            return unknown
        return await self._wrong.refusal(request, "token", unknown)


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
        raise await authenticator.refusal(request)
    request.state.principal = principal
    if principal.role not in rule.roles:
        raise Problem("forbidden", f"The role {principal.role} may not call this route.")
    return rule
