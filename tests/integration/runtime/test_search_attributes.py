"""Search attributes of a namespace, on a server that knows none of ours."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from runtime.temporal.search_attributes import SearchAttributesMissingError, check, register


@pytest.fixture
async def bare(temporal_binary: str) -> AsyncIterator[Client]:
    """A server that knows none of our attributes, and caches what it knows as servers do."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=temporal_binary, dev_server_log_level="never"
    ) as env:
        yield env.client


async def test_a_missing_attribute_is_named_with_its_remedy(bare: Client) -> None:
    with pytest.raises(SearchAttributesMissingError) as caught:
        await check(bare)
    told = str(caught.value)
    assert "NextDueAt (missing)" in told
    assert "search-attribute create --namespace default --name NextDueAt --type Datetime" in told


async def test_registering_is_idempotent_and_bears_company(bare: Client) -> None:
    await asyncio.gather(register(bare), register(bare), register(bare))
    await register(bare)
    await check(bare)


async def test_an_attribute_of_another_type_is_refused(bare: Client) -> None:
    await bare.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace="default",
            search_attributes={"DaysPastDue": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
        )
    )
    with pytest.raises(SearchAttributesMissingError, match=r"DaysPastDue \(another type"):
        await register(bare)
