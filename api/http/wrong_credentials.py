"""Wrong credentials are counted by address: past a few a minute each is refused as too many.

Who shows a right one is let in whatever others do at the same address: nobody can lock out another.
"""

from collections import OrderedDict
from contextlib import suppress
from math import ceil
from time import monotonic
from typing import Final, Literal

import structlog
from fastapi import Request

from api.http.callers import address_of, shown_address_of
from api.http.errors import Problem, later
from api.http.refusals import DATABASE_DOWN
from runtime import metrics
from storage.common.audit import AuditRepository
from storage.database import Database

_log = structlog.stdlib.get_logger(__name__)

_WINDOW_SECONDS: Final = 60.0
_ADDRESSES: Final = 10_000
"""So many addresses are remembered, the latest."""

Credential = Literal["token", "api_key", "link", "signature"]


class WrongCredentials:
    """How many wrong credentials came from which address in the last minute, in this process."""

    def __init__(self, database: Database, allowed: int) -> None:
        self._database = database
        self._allowed = allowed
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    async def refusal(self, request: Request, kind: Credential, wrong: Problem) -> Problem:
        """Count a wrong credential and return its refusal: `wrong`, or 429 when there were many.

        The first one too many of a minute goes on record, with the network of the address.
        """
        metrics.credential_refused(kind)
        now, address = monotonic(), address_of(request)
        since, count = self._seen.pop(address, (now, 0))
        if now - since >= _WINDOW_SECONDS:
            since, count = now, 0
        self._seen[address] = (since, count + 1)
        if len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
        if count < self._allowed:
            return wrong
        if count == self._allowed:
            await self._record(request, kind)
        return later(
            "too_many_requests",
            "Too many wrong credentials came from this address.",
            ceil(since + _WINDOW_SECONDS - now),
        )

    async def _record(self, request: Request, kind: Credential) -> None:
        network = shown_address_of(request)
        _log.warning("wrong_credentials", credential=kind, network=network)
        with suppress(*DATABASE_DOWN):
            async with self._database.transaction() as tx:
                await AuditRepository(tx).add(
                    actor="nobody",
                    role="none",
                    action="authenticate",
                    subject=f"network:{network}",
                    outcome="refused",
                    detail={"credential": kind, "wrong": self._allowed + 1},
                )
