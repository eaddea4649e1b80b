"""`python -m deploy.register_search_attributes`: give the namespace the attributes that it lacks.

Reads the `TEMPORAL_*` family only. Safe to repeat; exits 1 when it cannot.
"""

import asyncio
import gc
import sys
import time
from typing import Final

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from messages.search_attributes import ALL
from runtime.temporal.search_attributes import SearchAttributesMissingError, register

_ATTEMPTS: Final = 30
_PAUSE_SECONDS: Final = 1.0


async def _register() -> str:
    """Register, waiting for a namespace that was made a moment ago; returns its name."""
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await register(client)
            break
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or attempt == _ATTEMPTS:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
    return client.namespace


def main() -> int:
    """Register, and return the exit code."""
    try:
        namespace = asyncio.run(_register())
    except (SearchAttributesMissingError, RPCError, RuntimeError) as error:
        sys.stderr.write(f"search attributes were not registered: {error}\n")
        return 1
    sys.stdout.write(f"namespace {namespace} has {len(ALL)} search attributes of ours\n")
    return 0


if __name__ == "__main__":
    code = main()
    # The SDK's threads may outlive the interpreter and abort it (temporalio/sdk-python#300).
    gc.collect()
    time.sleep(0.4)
    sys.exit(code)
