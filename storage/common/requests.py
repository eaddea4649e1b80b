"""Idempotency-Keys: the first request of a key works, the others get its answer."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from storage.common.repository import Repository


@dataclass(frozen=True)
class Fresh:
    """The key is ours for the time of the lease: do the work, then end the claim.

    By `finish`, `abandon` or `retry_later`; `attempt` counts the last.
    """

    attempt: int = 0


@dataclass(frozen=True)
class InProgress:
    """Another request of this key is at work."""


@dataclass(frozen=True)
class Mismatch:
    """The key was used for another body."""


@dataclass(frozen=True)
class Stored:
    """The answer that the key got."""

    status: int
    response: Any


class RequestRepository(Repository):
    """The keys, by caller and route."""

    async def begin(
        self, subject: str, route: str, key: str, body_sha256: bytes, lease: timedelta
    ) -> Fresh | InProgress | Mismatch | Stored:
        """Claim a key, or say what became of it.

        One statement decides who claims it. A claim of the same body whose lease ran out is taken
        over: its process died, and what it did is found by business keys.
        """
        digest = self._blind_index.of("request", body_sha256.hex())
        while True:
            claimed = await self._connection.fetchval(
                "insert into api_requests as r"
                " (subject, route, key, body_idx, state, leased_until)"
                " values ($1, $2, $3, $4, 'in_progress', now() + $5)"
                " on conflict (subject, route, key) do update"
                " set leased_until = excluded.leased_until"
                " where r.state = 'in_progress' and r.leased_until < now()"
                " and r.body_idx = excluded.body_idx returning attempt",
                subject,
                route,
                key,
                digest,
                lease,
            )
            if claimed is not None:
                return Fresh(claimed)
            record = await self._connection.fetchrow(
                "select body_idx, state, status, response from api_requests"
                " where subject = $1 and route = $2 and key = $3",
                subject,
                route,
                key,
            )
            if record is None:
                continue  # abandoned in between: claim it
            if record["body_idx"] != digest:
                return Mismatch()
            if record["state"] == "in_progress":
                return InProgress()
            return Stored(record["status"], json.loads(record["response"]))

    async def finish(self, subject: str, route: str, key: str, status: int, response: Any) -> None:
        """Store the answer; `response` is JSON without personal data."""
        await self._connection.execute(
            "update api_requests set state = 'done', status = $4, response = $5"
            " where subject = $1 and route = $2 and key = $3 and state = 'in_progress'",
            subject,
            route,
            key,
            status,
            json.dumps(response),
        )

    async def abandon(self, subject: str, route: str, key: str) -> None:
        """Give the key back, for an answer that is not stored: the next request works again."""
        await self._connection.execute(
            "delete from api_requests"
            " where subject = $1 and route = $2 and key = $3 and state = 'in_progress'",
            subject,
            route,
            key,
        )

    async def retry_later(self, subject: str, route: str, key: str) -> None:
        """Keep the key for its body, for a refusal that passes: the next request is an attempt."""
        await self._connection.execute(
            "update api_requests set attempt = attempt + 1, leased_until = '-infinity'"
            " where subject = $1 and route = $2 and key = $3 and state = 'in_progress'",
            subject,
            route,
            key,
        )
