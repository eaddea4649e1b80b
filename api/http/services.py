"""What the endpoints work with, made once a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from api.http.auth import Authenticator
from api.http.callers import Callers
from api.http.engine import Engine, LostStart
from api.http.readiness import ReadinessCheck
from api.http.stream_places import StreamPlaces
from api.http.wrong_credentials import WrongCredentials
from messages.base import Message
from runtime.business_clock import BusinessClock
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from runtime.temporal.client import connect
from services.people.acting import DirectoryPrincipals
from services.processes import start_of_process
from storage.common.outbox_feed import OutboxFeed
from storage.database import Database


@dataclass(frozen=True)
class Services:
    """The database, the process engine, the clock, and who may call."""

    settings: Settings
    database: Database
    engine: Engine
    clock: BusinessClock
    authenticator: Authenticator
    wrong_credentials: WrongCredentials
    readiness: ReadinessCheck
    streams: StreamPlaces
    feed: OutboxFeed
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is about to end: event streams close, so that their clients move on."""


def services_of(request: Request) -> Services:
    """Return the services of the application that serves `request`."""
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 -- set when the application starts
    return services


async def _services(request: Request) -> Services:
    # FastAPI runs a dependency that is no coroutine in a thread: a detour for each request.
    return services_of(request)


Using = Annotated[Services, Depends(_services)]
"""The services, for an endpoint."""


def _lost_starts(database: Database) -> LostStart:
    async def start_of(workflow_id: str) -> Message | None:
        async with database.transaction() as tx:
            return await start_of_process(tx, workflow_id)

    return start_of


@asynccontextmanager
async def open_services(
    settings: Settings, client: Client | None = None
) -> AsyncIterator[Services]:
    """Open what the API needs; `client` replaces the one that settings lead to.

    Temporal may be down: its client connects at the first call. Raises what PostgreSQL raises when
    it cannot be reached, and runtime.keyring.InvalidKeysError.
    """
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    temporal = client or await connect(settings, lazy=True)
    async with (
        Database.open(
            settings.database_url, settings.database_pool_size, keyring, blind_index
        ) as database,
        OutboxFeed(database.read, database.outbox) as feed,
    ):
        wrong = WrongCredentials(database, settings.api_wrong_credentials)
        directory = DirectoryPrincipals(database, settings.zone)
        yield Services(
            settings=settings,
            database=database,
            engine=Engine(temporal, settings.task_queue_prefix, _lost_starts(database)),
            clock=BusinessClock(temporal, settings),
            authenticator=Authenticator(Callers(settings), directory, wrong),
            wrong_credentials=wrong,
            readiness=ReadinessCheck(database, temporal),
            streams=StreamPlaces(settings.api_streams, settings.api_streams_of_one),
            feed=feed,
        )
