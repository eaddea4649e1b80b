"""Payloads for the Temporal UI and CLI: `POST /codec/decode` and `POST /codec/encode`.

What is decrypted may show what the payloads hide, so production asks for the bearer token of a
person with the role `ops` or of the proxy before the Temporal UI. What is encrypted is taken by
processes as sent by us, so there it is a person with the role `ops` and no proxy, behind which
anybody with its password could be. Every call is logged by who asked and how many payloads it was.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from temporalio.api.common.v1 import Payloads

from api.http.routing import StrictRoute
from domain.people.principals import Principal, Role
from runtime.keyring import Keyring, KeyringError
from runtime.settings import Settings
from runtime.temporal.codec import KeyringCodec

_log = structlog.get_logger(__name__)

_LARGEST_BODY: Final = 8 * 1024 * 1024
_READERS: Final[frozenset[Role]] = frozenset({"codec", "ops"})
_WRITERS: Final[frozenset[Role]] = frozenset({"ops"})
_ALLOWED_HEADERS: Final = "authorization,content-type,x-namespace"


Authenticate = Callable[[Request], Awaitable[Principal | None]]
"""Says who calls, None without a valid token."""


def codec_router(settings: Settings, authenticate: Authenticate) -> APIRouter:
    """Return the codec's routes; raises runtime.keyring.InvalidKeysError."""
    codec = KeyringCodec(Keyring.parse(settings.payload_keys.get_secret_value()))
    access = _Access(settings, authenticate)
    router = APIRouter(
        prefix="/codec", tags=["codec"], route_class=StrictRoute, include_in_schema=False
    )

    @router.options("/decode")
    @router.options("/encode")
    async def preflight(request: Request) -> Response:
        return Response(status_code=204, headers=access.cors(request))

    @router.post("/decode")
    async def decode(request: Request, reader: Annotated[str, Depends(access.reader)]) -> Response:
        payloads = await _payloads(request)
        try:
            decrypted = Payloads(payloads=await codec.decode(payloads.payloads))
        except KeyringError as error:
            _log.warning("codec_refused", reader=reader, reason=type(error).__name__)
            raise HTTPException(
                422, f"a payload cannot be decrypted: {type(error).__name__}"
            ) from None
        _log.info(
            "codec_decoded",
            reader=reader,
            payload_count=len(decrypted.payloads),
            namespace=request.headers.get("x-namespace", ""),
        )
        return Response(MessageToJson(decrypted), 200, access.cors(request), "application/json")

    @router.post("/encode")
    async def encode(request: Request, writer: Annotated[str, Depends(access.writer)]) -> Response:
        payloads = await _payloads(request)
        encrypted = Payloads(payloads=await codec.encode(payloads.payloads))
        _log.info(
            "codec_encoded",
            writer=writer,
            payload_count=len(encrypted.payloads),
            namespace=request.headers.get("x-namespace", ""),
        )
        return Response(MessageToJson(encrypted), 200, access.cors(request), "application/json")

    return router


class _Access:
    """Who may read, and from which pages."""

    def __init__(self, settings: Settings, authenticate: Authenticate) -> None:
        self._local = settings.environment == "local"
        ui = urlsplit(settings.temporal_ui_url)
        self._ui_origin = f"{ui.scheme}://{ui.netloc}"
        self._authenticate = authenticate

    async def reader(self, request: Request) -> str:
        """Return who asks to read, or refuse with 401 or 403.

        A person with the role `ops` may read, and the proxy before the Temporal UI. In the local
        environment so may anybody on this machine, unless a page of another origin than the
        Temporal UI makes the browser ask.
        """
        return await self._one_of(_READERS, request)

    async def writer(self, request: Request) -> str:
        """Return who asks to have something encrypted: the same, but for the proxy."""
        return await self._one_of(_WRITERS, request)

    async def _one_of(self, roles: frozenset[Role], request: Request) -> str:
        if request.headers.get("origin") not in (None, self._ui_origin):
            raise HTTPException(403, "only the Temporal UI's pages may ask for payloads")
        principal = await self._authenticate(request)
        if principal is not None and principal.role in roles:
            return principal.actor
        if self._local and _is_loopback(request):
            return "local"
        raise HTTPException(
            401,
            f"a bearer token of the role {' or '.join(sorted(roles, reverse=True))} is needed",
            {"WWW-Authenticate": "Bearer"},
        )

    def cors(self, request: Request) -> dict[str, str]:
        """Return the headers that let the Temporal UI's pages, and no others, read the answer."""
        headers = {"Vary": "Origin"}
        if request.headers.get("origin") == self._ui_origin:
            headers |= {
                "Access-Control-Allow-Origin": self._ui_origin,
                "Access-Control-Allow-Credentials": "true",
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            }
        return headers


async def _payloads(request: Request) -> Payloads:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            raise HTTPException(413, "more payloads than one page of history holds")
    try:
        return Parse(bytes(body), Payloads())
    except (ParseError, UnicodeDecodeError):
        raise HTTPException(422, "the body is not temporal.api.common.v1.Payloads JSON") from None


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
