"""Looking for personal data everywhere that it must not be."""

import base64
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client

from demo.people import elements
from runtime.keyring import Keyring
from runtime.temporal.codec import KeyringCodec
from sandbox.personas import Person
from tests.faults.lives import EMPLOYER
from tests.faults.place import Place

_PICTURES: Final = ("iVBORw0KGgo", "\x89PNG\r\n")
"""How a PNG file begins, as base64 and as it is."""


@dataclass(frozen=True)
class Source:
    """Something that was searched: where it is from, and its bytes."""

    name: str
    content: bytes


def canaries(people: Iterable[Person]) -> dict[str, list[bytes]]:
    """Return every form in which a personal fact of these people could show, by the fact."""
    facts = {EMPLOYER, *_PICTURES}
    for who in people:
        facts |= {who.name, who.identity_number, who.mobile, who.card_number, who.address}
        for element in elements(who):
            facts |= {contact["name"] for contact in element.get("contacts", ())}
            facts |= {contact["mobile"] for contact in element.get("contacts", ())}
    return {fact: _forms(fact) for fact in facts}


def _forms(fact: str) -> list[bytes]:
    plain = fact.encode()
    forms = {plain, json.dumps(fact)[1:-1].encode(), plain.hex().encode()}
    # The three ways in which base64 can cut a text, without the ends that depend on what is beside.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + plain)
        forms.add(encoded[4 if offset else 0 : len(encoded) // 4 * 4 - 4])
    return [form for form in forms if len(form) >= len(plain) // 2]


def found_in(source: Source, canaries: Mapping[str, list[bytes]]) -> list[str]:
    """Return what of the canaries a source shows."""
    return [
        f"{fact!r} in {source.name}"
        for fact, forms in canaries.items()
        if any(form in source.content for form in forms)
    ]


def files(place: Place) -> Iterator[Source]:
    """Yield the logs of every process, and the file that Temporal stores everything in."""
    folder = place.stack.folder
    for path in (*_all(folder / "logs", "*.log*"), *_all(folder / "temporal", "temporal.db*")):
        yield Source(str(path.relative_to(folder)), path.read_bytes())


def _all(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    assert found, f"nothing of {pattern} in {folder}"
    return found


async def metrics(place: Place) -> AsyncIterator[Source]:
    """Yield what Prometheus is told."""
    for name in ("api", "worker"):
        reply = await place.http.get(f"http://127.0.0.1:{place.stack.ports[name]}/metrics")
        yield Source(f"metrics of {name}", reply.raise_for_status().content)


async def record(place: Place) -> AsyncIterator[Source]:
    """Yield every table of the record as text, encrypted columns and all."""
    tables = await place.rows(
        "select table_name from information_schema.tables"
        " where table_schema = 'public' and table_type = 'BASE TABLE'"
    )
    assert len(tables) > 20
    for table in tables:
        name = table["table_name"]
        rows = await place.rows(f"select t::text as line from {name} t")  # noqa: S608 -- ours
        yield Source(f"table {name}", "\n".join(row["line"] for row in rows).encode())


async def histories(client: Client) -> AsyncIterator[tuple[str, list[Message]]]:
    """Yield each process's description and history as the server sends them, by its id."""
    service, namespace = client.workflow_service, client.namespace
    async for item in client.list_workflows():
        execution = WorkflowExecution(workflow_id=item.id, run_id=item.run_id)
        described = await service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(namespace=namespace, execution=execution)
        )
        pages: list[Message] = [described]
        token = b""
        while True:
            page = await service.get_workflow_execution_history(
                GetWorkflowExecutionHistoryRequest(
                    namespace=namespace, execution=execution, next_page_token=token
                )
            )
            pages.append(page.history)
            token = page.next_page_token
            if not token:
                break
        yield item.id, pages


async def temporal(place: Place) -> AsyncIterator[Source]:
    """Yield what Temporal keeps of each process: as it is stored, and opened with our keys."""
    codec = KeyringCodec(Keyring.parse(place.stack.environment["LOANFLOW_PAYLOAD_KEYS"]))
    async for workflow_id, messages in histories(place.client):
        for message in messages:
            yield Source(workflow_id, message.SerializeToString())
            opened = await codec.decode(list(_payloads(message)))
            yield Source(f"{workflow_id}, opened", b"\n".join(one.data for one in opened))


def _payloads(message: Message) -> Iterator[Payload]:
    """Yield every payload inside a message."""
    if isinstance(message, Payload):
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for inner in _messages(value):
            yield from _payloads(inner)


def _messages(value: Any) -> Iterator[Message]:
    if isinstance(value, Message):
        yield value
    elif isinstance(value, Mapping):
        yield from (inner for inner in value.values() if isinstance(inner, Message))
    else:
        yield from (inner for inner in value if isinstance(inner, Message))
