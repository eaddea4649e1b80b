"""What time it is for a business process.

Everywhere but in the local profile that is the wall clock. Under time travel each workflow has a
virtual clock of its own, which `advance` moves; whoever shows a loan shows it as of that clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from runtime.clock import utc_now
from runtime.settings import Settings

_PATIENCE: Final = timedelta(seconds=2)


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

    async def _virtual_time(self, workflow_id: str) -> datetime | None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            description = await handle.describe(rpc_timeout=_PATIENCE)
        except (RPCError, RuntimeError):
            # RuntimeError is how the SDK reports that a lazy client cannot connect.
            return None
        extended = description.raw_description.workflow_extended_info
        if not extended.HasField("time_skipping_info"):
            return None
        info = extended.time_skipping_info
        if not info.HasField("current_time"):
            return None
        return info.current_time.ToDatetime(tzinfo=UTC)
