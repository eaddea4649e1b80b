"""Questions that tell whether a server is ready; each answers `None` or why it is not."""

import asyncio
from datetime import timedelta

import asyncpg
import httpx
from temporalio.service import ConnectConfig, ServiceClient

from local.child import Probe
from local.errors import LocalStackError

_SECONDS = 2.0
_EXTERNAL_SECONDS = 15.0


def http_probe(url: str) -> Probe:
    """Return a probe that wants a 2xx answer to GET `url`."""

    async def probe() -> str | None:
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
                answer = await client.get(url)
        except httpx.HTTPError as error:
            return f"{url}: {type(error).__name__}"
        return None if answer.is_success else f"{url} answers {answer.status_code}"

    return probe


def postgres_probe(url: str) -> Probe:
    """Return a probe that wants to log in to the database at `url`, which it never quotes.

    The probe raises LocalStackError when the password is wrong: waiting would not help.
    """

    async def probe() -> str | None:
        try:
            connection = await asyncpg.connect(url, timeout=_SECONDS)
        except asyncpg.InvalidPasswordError:
            raise LocalStackError(
                "PostgreSQL refuses the password: the secrets were made anew after its data was; "
                "put the earlier ones back, or run `make clean-data` to begin with empty data"
            ) from None
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"PostgreSQL does not accept connections: {type(error).__name__}"
        await connection.close()
        return None

    return probe


def temporal_probe(config: ConnectConfig) -> Probe:
    """Return a probe that wants a Temporal frontend at `config` to be SERVING."""

    async def probe() -> str | None:
        try:
            async with asyncio.timeout(_SECONDS):
                client = await ServiceClient.connect(config)
                serving = await client.check_health(timeout=timedelta(seconds=_SECONDS))
        except (RuntimeError, TimeoutError) as error:
            # An RPCError is a RuntimeError too; its text may quote a whole configuration.
            return f"Temporal at {config.target_host} does not answer: {type(error).__name__}"
        return None if serving else f"Temporal at {config.target_host} is not serving"

    return probe


async def wait_reachable(probe: Probe, setting: str) -> None:
    """Wait for a server elsewhere; LocalStackError naming the `setting` that leads to it."""
    reason: str | None = "no answer"
    try:
        async with asyncio.timeout(_EXTERNAL_SECONDS):
            while (reason := await probe()) is not None:  # noqa: ASYNC110 -- a server elsewhere
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise LocalStackError(f"{setting} is set, but not usable: {reason}") from None
