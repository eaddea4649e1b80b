"""Looking for personal data everywhere that it must not be."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client

from local.story.people import element
from runtime.keyring import Keyring
from runtime.temporal.codec import KeyringCodec
from sandbox.personas import Person
from tests.faults.lives import EMPLOYER
from tests.faults.place import Place

_PICTURES: Final = ("iVBORw0KGgo", "\x89PNG\r\n")
"""How a PNG file begins, as base64 and as it is."""

_NUMBER_OF_HOUSE: Final = re.compile(r"[0-9]+.*")
_DIGITS: Final = re.compile(rb"[0-9]{11,}X?")
_HEXADECIMAL: Final = re.compile(rb"(?:[0-9a-f]{2}){9,}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{12,}")


@dataclass(frozen=True)
class Source:
    """Something that is searched: where it is from, its bytes, and whether they hold encodings."""

    name: str
    content: bytes
    encoded: bool = True


@dataclass(frozen=True)
class Canaries:
    """What must be found nowhere: texts in every spelling, and numbers."""

    texts: Mapping[str, tuple[bytes, ...]]
    numbers: frozenset[bytes]

    @classmethod
    def of(cls, people: Iterable[Person]) -> Self:
        """Return the personal facts of people and of the contacts that they name."""
        everybody = list(people)
        contacts = [contact for who in everybody for contact in _contacts(who)]
        texts = {who.name for who in everybody} | {one["name"] for one in contacts}
        texts |= {_NUMBER_OF_HOUSE.sub("", who.address) for who in everybody}
        numbers = {one["mobile"] for one in contacts}
        for who in everybody:
            numbers |= {who.identity_number, who.mobile, who.card_number}
        return cls(
            {text: _spelled(text) for text in {*texts, EMPLOYER, *_PICTURES}},
            frozenset(number.encode() for number in numbers),
        )

    def found_in(self, source: Source) -> set[str]:
        """Return what of this a source shows, in the clear or encoded."""
        return {
            f"{hit} in {source.name}"
            for view in _views(source)
            for hit in (*self._texts_in(view), *self._numbers_in(view))
        }

    def _texts_in(self, view: bytes) -> Iterator[str]:
        for text, spellings in self.texts.items():
            if any(spelling in view for spelling in spellings):
                yield repr(text)

    def _numbers_in(self, view: bytes) -> Iterator[str]:
        lengths = {len(number) for number in self.numbers}
        for run in _DIGITS.findall(view):
            for length in lengths:
                for start in range(len(run) - length + 1):
                    if run[start : start + length] in self.numbers:
                        yield run[start : start + length].decode()


def _contacts(who: Person) -> list[dict[str, str]]:
    return list(element(who, "personal_information")["contacts"])


def _spelled(text: str) -> tuple[bytes, ...]:
    return tuple({text.encode(), json.dumps(text)[1:-1].encode()})


def _views(source: Source) -> Iterator[bytes]:
    """Yield the content, and what is inside it as hexadecimal or base64, however that is cut."""
    content = source.content
    yield content
    if not source.encoded:
        return
    yield b"\n".join(bytes.fromhex(run.decode()) for run in _HEXADECIMAL.findall(content))
    for offset in range(4):
        yield b"\n".join(_opened(run[offset:]) for run in _BASE64.findall(content))


def _opened(run: bytes) -> bytes:
    return base64.b64decode(run + b"A" * (-len(run) % 4), altchars=b"-_")


def files(place: Place) -> Iterator[Source]:
    """Yield the logs of every process, and the file that Temporal stores everything in."""
    folder = place.stack.folder
    for path in _all(folder / "logs", "*.log*"):
        yield Source(path.name, path.read_bytes())
    for path in _all(folder / "temporal", "temporal.db*"):
        yield Source(path.name, path.read_bytes(), encoded=False)


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
            yield Source(workflow_id, message.SerializeToString(), encoded=False)
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
