"""What time it is for a business process.

Everywhere but in the local profile that is the wall clock. Under time travel each workflow has a
virtual clock of its own, which `advance` moves; whoever shows a loan shows it as of that clock.
"""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from runtime.clock import utc_now
from runtime.settings import Settings

_PATIENCE: Final = timedelta(seconds=2)
_AT_ONCE: Final = 20


class BusinessClock:
    """Tells the time of workflows."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._time_travel = settings.time_travel

    async def now(self, workflow_id: str) -> datetime:
        """Return the instant (UTC) at which the workflow stands.

        Without time travel, for a workflow that no time was skipped for, and while Temporal cannot
        be asked, that is the wall clock.
        """
        if not self._time_travel:
            return utc_now()
        return await self._virtual_time(workflow_id) or utc_now()

    async def exactly(self, workflow_id: str) -> datetime:
        """Return the same for whoever moves the clock, who must not take another for it.

        Raises `RPCError` while Temporal cannot be asked.
        """
        return await self._described_time(workflow_id, patience=None) or utc_now()

    @property
    def travels(self) -> bool:
        """Say whether processes may have clocks of their own."""
        return self._time_travel

    async def times_of(self, workflow_ids: Collection[str]) -> dict[str, datetime]:
        """Return the instants of the workflows that have a clock of their own; usually none."""
        if not self._time_travel:
            return {}
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def look(workflow_id: str) -> datetime | None:
            async with at_once:
                return await self._virtual_time(workflow_id)

        found = await asyncio.gather(*map(look, workflow_ids))
        return {
            workflow_id: at
            for workflow_id, at in zip(workflow_ids, found, strict=True)
            if at is not None
        }

    async def _virtual_time(self, workflow_id: str) -> datetime | None:
        try:
            return await self._described_time(workflow_id, patience=_PATIENCE)
        except (RPCError, RuntimeError):
            # RuntimeError is how the SDK reports that a lazy client cannot connect.
            return None

    async def _described_time(
        self, workflow_id: str, patience: timedelta | None
    ) -> datetime | None:
        handle = self._client.get_workflow_handle(workflow_id)
        description = await handle.describe(rpc_timeout=patience)
        extended = description.raw_description.workflow_extended_info
        if not extended.HasField("time_skipping_info"):
            return None
        info = extended.time_skipping_info
        if not info.HasField("current_time"):
            return None
        return info.current_time.ToDatetime(tzinfo=UTC)
