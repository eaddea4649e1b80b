"""The API with kinds of the tests' own."""

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from domain.people.authority import AUTHORITY_MATRIX, STANDARD, Action
from runtime.settings import Settings
from storage.database import Database
from tests.api.conftest import http_client, serving
from tests.definitions import forget, release, shipped
from tests.integration.definitions.kinds import KINDS


@pytest.fixture(scope="module")
async def defining(api_settings: Settings, absent_temporal: Client) -> AsyncIterator[FastAPI]:
    async with serving(api_settings, absent_temporal) as app:
        database: Database = app.state.services.database
        async with database.read() as tx:
            tx.definitions.kinds = KINDS
        yield app


@pytest.fixture(scope="module")
async def api(defining: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(defining) as client:
        yield client


@pytest.fixture
async def without_authority(defining: FastAPI) -> AsyncIterator[None]:
    """A matrix in force under which nobody may release."""
    database: Database = defining.state.services.database
    usual = shipped(AUTHORITY_MATRIX, STANDARD)
    rows = tuple(row for row in usual.rows if row.action is not Action.RELEASE_DEFINITION)
    await release(database, AUTHORITY_MATRIX, STANDARD, usual.model_copy(update={"rows": rows}))
    forget(database)
    yield
    await release(database, AUTHORITY_MATRIX, STANDARD, usual)
    forget(database)


@pytest.fixture
def code() -> str:
    """A code that no other test uses."""
    return f"c{secrets.token_hex(6)}"
