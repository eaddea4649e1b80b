"""What a route is given of its request: who calls, what to work with, and how to answer."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.http.idempotency import command_of
from api.http.services import Services, services_of
from domain.people.principals import Principal
from services.common.commands import Command
from storage.database import Database

_bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="A static token of the settings."
)

PENDING: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "Taken on for good, and not at its end yet: read it at `Location`"}
}
"""The further answer of a command that may take longer than its caller waits."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of somebody whose token may make it."""

    caller: Principal
    services: Services
    response: Response

    @property
    def database(self) -> Database:
        """The database of the services."""
        return self.services.database

    def created(self, location: str) -> None:
        """Say where the created resource is."""
        self.response.headers["Location"] = location

    def pending(self, location: str) -> None:
        """Answer 202: the command is taken on for good, its end is to be read at `location`."""
        self.response.status_code = 202
        self.response.headers.update({"Location": location, "Retry-After": "2"})


@dataclass(frozen=True, slots=True)
class CommandCall(Call):
    """The same of a route that creates or moves something, once for each Idempotency-Key."""

    command: Command


async def _call(
    request: Request,
    response: Response,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Call:
    return Call(_caller(request), services_of(request), response)


async def _command_call(
    request: Request,
    response: Response,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            description="1 to 255 visible ASCII characters, chosen by the caller for one intent",
            examples=["5c1f9a62-apply-1"],
        ),
    ],
) -> CommandCall:
    return CommandCall(_caller(request), services_of(request), response, command_of(request))


def _caller(request: Request) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101 -- `authorise` ran before every endpoint
    return principal


# Coroutines: FastAPI would run anything else in a thread, a detour for each request.
Called = Annotated[Call, Depends(_call)]
Commanded = Annotated[CommandCall, Depends(_command_call)]
