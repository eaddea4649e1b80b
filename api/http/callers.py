"""Who a request is from, as far as can be said at once: by a known token, else by its address."""

import hashlib
import ipaddress
from typing import Final

from fastapi import Request

from runtime.settings import Settings, Token

_HOST_BITS: Final = {4: 32, 6: 64}
"""How much of an address one household has to itself: an IPv6 network has 64 bits of hosts."""
_SHOWN_BITS: Final = {4: 24, 6: 48}


class Callers:
    """The tokens of the settings by their digests: who looks one up learns nothing by the time."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = {_digest(one.token.get_secret_value()): one for one in settings.tokens}
        self._clients = {one.api_key_sha256: one.client for one in settings.credit_analysis_clients}

    def token_of(self, request: Request) -> Token | None:
        """Return the token that the request shows, None for none and for one that nobody has."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return self._tokens.get(_digest(given.strip())) if scheme.lower() == "bearer" else None

    def name_of(self, request: Request) -> str:
        """Return a name under which the requests of one caller are counted together."""
        given = request.headers.get("authorization", "")
        if given:
            token = self.token_of(request)
            if token is not None:
                return f"{token.role}:{token.subject}"
            client = self._clients.get(_digest(given))
            if client is not None:
                return f"client:{client}"
        return f"address:{address_of(request)}"


def address_of(request: Request) -> str:
    """Return the address that the request came from, of IPv6 its network; empty if unknown."""
    return _network(request, _HOST_BITS)


def shown_address_of(request: Request) -> str:
    """Return what may stand on record of the address: its network, which is nobody's alone."""
    return _network(request, _SHOWN_BITS)


def _network(request: Request, bits: dict[int, int]) -> str:
    if request.client is None:
        return ""
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((address, bits[address.version]), strict=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
