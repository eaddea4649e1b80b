"""Callbacks of third parties as they came, each once."""

import hashlib

from storage.common.repository import Repository


class CallbackRepository(Repository):
    """The bodies by the senders' event ids, so that a repeat is known as one."""

    async def store(self, event_id: str, order_no: str, body: bytes) -> bool:
        """Store a verified callback's JSON `body`; False if this event was stored before."""
        return await self._insert(
            "callbacks",
            event_id=event_id,
            order_no=order_no,
            body_sha256=hashlib.sha256(body).digest(),
            body=body.decode(),
        )
