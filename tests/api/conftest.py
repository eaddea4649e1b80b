"""The API in process, on a real PostgreSQL. Temporal is absent unless a test brings it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities import registry
from api.app import create_app
from api.http.services import Services
from local.ports import choose_ports
from local.staff import add_people
from messages.queues import ALL
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings, Token
from runtime.temporal.plugin import LoanflowPlugin
from runtime.temporal.worker import build_workers
from storage.database import Database
from tests.products import release_products
from tests.workflows.asking import ANY_ORDER, ANY_ORDER_DRAWING, ASKING, EASY
from workflows.registry import WORKFLOWS

TOKENS = (
    ("applicant", "alice"),
    ("applicant", "bob"),
    ("partner", "app"),
    ("partner", "acme"),
    ("reviewer", "rita"),
    ("reviewer", "rolf"),
    ("collector", "carl"),
    ("analyst", "anna"),
    ("ops", "otto"),
)

Headers = dict[str, str]


def bearer(role: str, subject: str) -> Headers:
    """The header by which `subject` calls in a role."""
    return {"Authorization": f"Bearer token-of-{role}-{subject}"}


def keyed(role: str, subject: str, key: str | None = None) -> Headers:
    """The same with an Idempotency-Key, a fresh one unless given."""
    return bearer(role, subject) | {"Idempotency-Key": key or secrets.token_hex(8)}


def tokens() -> list[Token]:
    """The token of everybody in `TOKENS`."""
    return [
        Token.model_validate(
            {"token": f"token-of-{role}-{subject}", "role": role, "subject": subject}
        )
        for role, subject in TOKENS
    ]


async def add_staff(settings: Settings) -> None:
    """Write the people of the tokens into the directory, each with the roles of their tokens."""
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with (
        Database.open(settings.database_url, 1, keyring, blind_index) as database,
        database.transaction() as tx,
    ):
        await add_people(tx, settings.tokens, settings.lender)


@pytest.fixture(scope="module")
async def api_settings(settings: Settings, database_url: str) -> Settings:
    own = settings.model_copy(
        # In one process, without a server, tests ask for much at once.
        update={
            "tokens": tokens(),
            "database_url": database_url,
            "api_reads": 100,
            "api_wrong_credentials": 100_000,
        }
    )
    await add_staff(own)
    return own


@asynccontextmanager
async def serving(settings: Settings, client: Client) -> AsyncIterator[FastAPI]:
    """Start the application as a server would."""
    app = create_app(settings, client)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="session")
async def absent_temporal(
    plugin: LoanflowPlugin, tmp_path_factory: pytest.TempPathFactory
) -> Client:
    """A client of a Temporal server that is down."""
    port = choose_ports(tmp_path_factory.mktemp("ports"), ("temporal",), {})["temporal"]
    return await Client.connect(f"127.0.0.1:{port}", lazy=True, plugins=[plugin])


@pytest.fixture(scope="module")
async def app(api_settings: Settings, absent_temporal: Client) -> AsyncIterator[FastAPI]:
    async with serving(api_settings, absent_temporal) as application:
        yield application


@pytest.fixture(scope="module")
def services(app: FastAPI) -> Services:
    found = app.state.services
    assert isinstance(found, Services)
    return found


@pytest.fixture(scope="module")
async def more_products(services: Services) -> None:
    """Offer the products of `tests.workflows.asking` too."""
    await release_products(services.database, *ASKING, ANY_ORDER, ANY_ORDER_DRAWING, EASY)


@asynccontextmanager
async def http_client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


@pytest.fixture(scope="module")
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(app) as client:
        yield client


@pytest.fixture(scope="module")
async def live(own_settings: Settings, dev_server: WorkflowEnvironment) -> AsyncIterator[FastAPI]:
    """The API with workers behind it, by the settings of the module (`own_settings`)."""
    client = dev_server.client
    async with (
        registry.build(own_settings, client) as activities,
        serving(own_settings, client) as app,
    ):
        workers = build_workers(client, own_settings, ALL, WORKFLOWS, activities)
        async with workers[0], workers[1]:
            yield app


@pytest.fixture(scope="module")
def record(live: FastAPI) -> Services:
    """What the live API works with."""
    services = live.state.services
    assert isinstance(services, Services)
    return services


async def eventually(look: Callable[[], Awaitable[Any]], holds: Callable[[Any], Any]) -> Any:
    """Return what `look` sees as soon as it `holds`; fails after 20 seconds."""
    deadline = monotonic() + 20
    while True:
        found = await look()
        if holds(found):
            return found
        assert monotonic() < deadline, f"still {found!r}"
        await asyncio.sleep(0.02)
