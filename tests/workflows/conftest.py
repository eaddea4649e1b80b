"""A Temporal dev server whose workflows have a clock of their own that tests can turn."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment


@pytest.fixture(scope="session")
async def time_skipping(dev_server_options: dict[str, Any]) -> AsyncIterator[WorkflowEnvironment]:
    """The environment: timers of workflows that `client` starts are skipped as they come up.

    To stop at an instant, start under `with env.with_time_skipping_disabled():` and move the
    clock by `await env.fast_forward(client.get_workflow_handle(id), timedelta(days=31))`: a handle
    without a run id, which follows continue-as-new. The server allows 200 skips unless told.
    """
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(max_session_skip_count=10_000), **dev_server_options
    ) as env:
        yield env
