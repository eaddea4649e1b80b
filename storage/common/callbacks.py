"""Callbacks of third parties as they came, each once."""

import hashlib

from storage.common.repository import Repository


class CallbackRepository(Repository):
    """The callbacks."""

    async def store(self, event_id: str, order_no: str, body: bytes) -> bool:
        """Keep a verified callback's JSON `body`; False if this event was kept before."""
        stored = await self._connection.fetchval(
            "insert into callbacks (event_id, order_no, body_sha256, body)"
            " values ($1, $2, $3, $4) on conflict (event_id) do nothing returning true",
            event_id,
            order_no,
            hashlib.sha256(body).digest(),
            body.decode(),
        )
        return stored is True
