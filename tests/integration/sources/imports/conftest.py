"""What tests of authorised data imports share: simulators that post notices, and who takes them."""

from collections.abc import AsyncIterator

import pytest

from providers.http.client import ProviderClient
from tests.integration.source_clients import signed_client
from tests.simulators import Callbacks, Simulators, connected, receiving, sandbox_config


@pytest.fixture(scope="module")
async def callbacks() -> AsyncIterator[Callbacks]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory, callbacks: Callbacks
) -> AsyncIterator[Simulators]:
    folder = tmp_path_factory.mktemp("sandbox")
    async with connected(sandbox_config(folder, callbacks.url)) as running:
        yield running


@pytest.fixture
async def simulators(served: Simulators, callbacks: Callbacks) -> AsyncIterator[Simulators]:
    """The module's simulators without faults; nothing is left in `callbacks`."""
    await served.repair()
    yield served
    while not callbacks.received.empty():
        callbacks.received.get_nowait()


@pytest.fixture(scope="module")
async def client(served: Simulators) -> AsyncIterator[ProviderClient]:
    async with signed_client(served) as opened:
        yield opened
