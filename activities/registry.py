"""All activities of a worker, opened with what they need and sorted by task queue."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from temporalio.client import Client

from activities.applications import Applications
from activities.arrears import Arrears
from activities.decision import Decisions
from activities.drawdowns import Drawdowns
from activities.identity import Identity
from activities.lines import Lines
from activities.orders import Orders
from activities.performing import PerformedCall
from activities.repayments import Repayments
from activities.servicing import Servicing
from messages.queues import ALL
from providers.registry import Providers
from runtime import failpoints, metrics
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from runtime.temporal.siblings import Siblings
from storage.database import Database

Activities = dict[str, list[Callable[..., Any]]]


@asynccontextmanager
async def build(settings: Settings, client: Client) -> AsyncIterator[Activities]:
    """Open the database and the providers and yield the activities by queue.

    Raises runtime.keyring.InvalidKeys, runtime.failpoints.FailpointsRefusedError, and what
    PostgreSQL raises when it cannot be reached.
    """
    failpoints.arm(settings.environment, os.environ)
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    third_parties = settings.providers
    async with (
        Database.open(
            settings.database_url, settings.database_pool_size, keyring, blind_index
        ) as database,
        Providers.connect(
            third_parties.url_of,
            third_parties.api_key,
            third_parties.signing_secret,
            third_parties.timeout_seconds,
            metrics.provider_called,
        ) as providers,
    ):
        yield assemble(database, providers, Siblings(client, settings.task_queue_prefix))


def assemble(database: Database, providers: Providers, siblings: Siblings) -> Activities:
    """Return the activities by queue.

    Local activities run inside the worker of their workflow: they are on the core queue.
    """
    orders = Orders(database, providers.payments)
    concerns = (
        Applications(database),
        Decisions(database, providers),
        Identity(database, providers),
        Lines(database, siblings),
        Drawdowns(database, providers, orders, siblings),
        Repayments(database, orders),
        Arrears(database, providers, siblings),
        Servicing(database),
    )
    activities: Activities = {queue: [] for queue in ALL}
    for concern in concerns:
        for name in vars(type(concern)):
            method = getattr(concern, name)
            if hasattr(method, "call"):
                activities[cast(PerformedCall, method).call.queue].append(method)
    return activities
