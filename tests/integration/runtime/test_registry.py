"""Every call of the contract is performed by one activity, on its queue, with its types."""

from collections import Counter
from typing import Any

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.registry import build
from messages import calls
from messages.calls import Call
from runtime.settings import Settings
from tests.integration.story import Bench

CALLS = [value for value in vars(calls).values() if isinstance(value, Call)]


def test_each_call_is_performed_once(bench: Bench) -> None:
    performed = Counter(
        activity._Definition.must_from_callable(method).name
        for methods in bench.by_queue.values()
        for method in methods
    )
    assert performed == Counter(call.name for call in CALLS)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_queue_and_types_are_those_of_the_call(bench: Bench, call: Call[Any, Any]) -> None:
    definitions = map(activity._Definition.must_from_callable, bench.by_queue[call.queue])
    definition = next(found for found in definitions if found.name == call.name)
    assert definition.arg_types == [call.takes]
    assert definition.ret_type is call.gives
    assert definition.is_async


async def test_a_worker_s_activities_open_and_close(
    settings: Settings, database_url: str, dev_server: WorkflowEnvironment
) -> None:
    own = settings.model_copy(update={"database_url": database_url})
    async with build(own, dev_server.client) as by_queue:
        assert sum(len(methods) for methods in by_queue.values()) == len(CALLS)
