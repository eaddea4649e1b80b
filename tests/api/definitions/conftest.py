"""The API with kinds of the tests' own."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from runtime.settings import Settings
from tests.api.conftest import http_client, serving
from tests.integration.definitions.kinds import KINDS


@pytest.fixture(scope="module")
async def defining(api_settings: Settings, absent_temporal: Client) -> AsyncIterator[FastAPI]:
    async with serving(api_settings, absent_temporal) as app:
        app.state.services = replace(app.state.services, kinds=KINDS)
        yield app


@pytest.fixture(scope="module")
async def api(defining: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(defining) as client:
        yield client


@pytest.fixture
def code() -> str:
    """A code that no other test uses."""
    return f"c{secrets.token_hex(6)}"
