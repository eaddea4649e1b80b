"""The story's own look into Temporal: a client for moving time, and what a process cost."""

from collections.abc import Iterable, Mapping
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from runtime.keyring import Keyring
from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin
from runtime.time_travel import TimeTravel

_TRAVEL: Final = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    }
)


async def temporal_client(environment: Mapping[str, str]) -> Client:
    """Return a client of the Temporal server that an installation's settings name."""
    config = ClientConfig.load_client_connect_config(override_env_vars=dict(environment))
    keyring = Keyring.parse(environment["LOANFLOW_PAYLOAD_KEYS"])
    return await Client.connect(**config, plugins=[LoanflowPlugin(keyring)])


async def time_travel(environment: Mapping[str, str], client: Client | None = None) -> TimeTravel:
    """Return time travel in an installation; raises TimeTravelOffError where it is off."""
    settings = Settings.model_validate(
        {"time_travel": environment.get("LOANFLOW_TIME_TRAVEL", "false")}
    )
    return TimeTravel(client or await temporal_client(environment), settings)


async def events_of(client: Client, workflow_id: str) -> int:
    """Return how many history events a process has cost, without those of moving its clock.

    A process that never was cost none.
    """
    handle = client.get_workflow_handle(workflow_id)
    count = 0
    try:
        async for event in handle.fetch_history_events():
            count += event.event_type not in _TRAVEL
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return count


async def events_of_all(client: Client, workflow_ids: Iterable[str]) -> int:
    """Return how many history events several processes have cost together."""
    return sum([await events_of(client, workflow_id) for workflow_id in workflow_ids])
