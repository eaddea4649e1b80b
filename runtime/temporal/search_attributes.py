"""Registering our search attributes with a namespace, and checking that it has them.

A workflow that sets an attribute which its namespace does not know fails every task until it
does, while it shows as Running. Hence the check before a worker polls.
"""

import asyncio
from typing import Any, Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from messages.search_attributes import ALL

_PAUSE_SECONDS: Final = 0.1
_ATTEMPTS: Final = 150


class SearchAttributesMissingError(Exception):
    """The namespace lacks attributes that our workflows set, or has them with another type."""


async def register(client: Client) -> None:
    """Add the attributes that the namespace lacks and wait until it accepts them.

    Safe to repeat and to run from several processes at once. Raises SearchAttributesMissingError
    when one exists with another type or the server does not show them within 15 seconds.
    """
    missing, _ = await _differences(client)
    if missing:
        request = AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={key.name: _proto_type(key) for key in missing},
        )
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    for _attempt in range(_ATTEMPTS):
        if not (await _differences(client))[0] and await _accepted(client):
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    await check(client)


async def check(client: Client) -> None:
    """Raise SearchAttributesMissingError unless all exist; it names each and how to add it."""
    missing, mistyped = await _differences(client)
    if not missing and not mistyped:
        return
    told = [f"{key.name} (missing)" for key in missing]
    told += [f"{key.name} (another type than {_type(key)})" for key in mistyped]
    commands = "; ".join(
        f"temporal operator search-attribute create --namespace {client.namespace} "
        f"--name {key.name} --type {_type(key)}"
        for key in missing
    )
    raise SearchAttributesMissingError(
        f"namespace {client.namespace!r} lacks search attributes: {', '.join(told)}. {commands}"
    )


async def _differences(
    client: Client,
) -> tuple[list[SearchAttributeKey[Any]], list[SearchAttributeKey[Any]]]:
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    known = dict(answer.custom_attributes)
    missing = [key for key in ALL if key.name not in known]
    mistyped = [key for key in ALL if key.name in known and known[key.name] != _proto_type(key)]
    return missing, mistyped


async def _accepted(client: Client) -> bool:
    """Say whether queries may name the attributes: the server caches its list for a while."""
    query = " AND ".join(f"{key.name} IS NULL" for key in ALL)
    try:
        await client.count_workflows(query)
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise
    return True


def _proto_type(key: SearchAttributeKey[Any]) -> IndexedValueType.ValueType:
    return IndexedValueType.ValueType(key.indexed_value_type.value)


def _type(key: SearchAttributeKey[Any]) -> str:
    return key.indexed_value_type.name.title()
