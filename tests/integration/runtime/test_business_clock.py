"""What time it is for a process while Temporal cannot be asked."""

from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RetryConfig, RPCError

from local.ports import choose_ports
from runtime.business_clock import BusinessClock
from runtime.clock import utc_now
from runtime.settings import Settings


# A busy machine's wall clock was once taken for a loan's own, whose clock then went years too far.
async def test_who_moves_a_clock_never_takes_the_wall_clock_for_it(tmp_path: Path) -> None:
    port = choose_ports(tmp_path, ["temporal"])["temporal"]
    nobody = await Client.connect(
        f"127.0.0.1:{port}",
        lazy=True,
        retry_config=RetryConfig(max_retries=0),
    )
    clock = BusinessClock(nobody, Settings.model_validate({"time_travel": True}))
    with pytest.raises((RPCError, RuntimeError)):
        await clock.exactly("loan:loa_0")
    # What is only shown is shown as of today.
    assert abs(await clock.now("loan:loa_0") - utc_now()) < timedelta(minutes=1)
