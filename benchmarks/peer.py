"""The same number of steps as a DBOS workflow on the same PostgreSQL, where DBOS is installed.

`pip install --require-hashes -r requirements-bench.lock` installs it; the product does not use it.
"""

import asyncio
import importlib.util
from time import perf_counter
from typing import Any


def is_installed() -> bool:
    """Say whether DBOS can be imported."""
    return importlib.util.find_spec("dbos") is not None


async def rate(database_url: str, workflows: int, steps: int, at_once: int) -> float:
    """Return how many workflows of `steps` steps a second one DBOS process runs."""
    return await asyncio.to_thread(_rate, database_url, workflows, steps, at_once)


def _rate(database_url: str, workflows: int, steps: int, at_once: int) -> float:
    from dbos import DBOS, DBOSConfig

    config: DBOSConfig = {
        "name": "lifecycle-peer",
        "system_database_url": database_url,
        "log_level": "ERROR",
    }
    DBOS(config=config)

    @DBOS.step()
    async def step(number: int) -> int:
        return number

    @DBOS.workflow()
    async def credit(count: int) -> int:
        done = 0
        for number in range(count):
            done = await step(number)
        return done

    async def drive() -> float:
        slots = asyncio.Semaphore(at_once)

        async def one() -> None:
            async with slots:
                handle: Any = await DBOS.start_workflow_async(credit, steps)
                await handle.get_result()

        await one()
        started = perf_counter()
        await asyncio.gather(*(one() for _ in range(workflows)))
        return workflows / (perf_counter() - started)

    DBOS.launch()
    try:
        return asyncio.run(drive())
    finally:
        DBOS.destroy()
