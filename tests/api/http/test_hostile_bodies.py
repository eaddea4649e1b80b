"""No body stops the service: every route that takes one refuses what is hostile in linear time.

Source: the fault list, S1. Thousands of unknown fields or wrong items held the event loop for up to
55 seconds, anonymously too; 1.5 million empty objects for ever.
"""

import json
from collections.abc import Callable
from itertools import count
from time import process_time
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope

from api.http.access import RULES
from messages.ids import new_id
from tests.api.conftest import TOKENS

SUBJECT: Final = dict(reversed(TOKENS))
TAKING: Final = sorted(route for route in RULES if route[0] != "GET")
NEVER: Final = 5.0
"""Far more than any answer here takes, far less than the square of these bodies did."""

_numbers = count()


def many_names(size: int) -> bytes:
    return json.dumps({f"unknown_{number}": number for number in range(size // 20)}).encode()


def lists_of(item: Any) -> Callable[[int], bytes]:
    """Return every list that some body of ours has, filled with wrong items."""
    names = ("elements", "consents", "events", "roles", "skills", "labels", "kinds", "fees")

    def body(size: int) -> bytes:
        items = [item] * (size // (len(names) * (len(json.dumps(item)) + 2)))
        return json.dumps(dict.fromkeys(names, items)).encode()

    return body


def nested(size: int) -> bytes:
    return b'{"elements":' + b'[{"a":' * (size // 6)


def deep_elements(size: int) -> bytes:
    """Many unknown fields in each of many items that a list does take."""
    wide: dict[str, Any] = {f"n{number}": {} for number in range(100)}
    entry = {"kind": "personal_information", "address_book": [wide] * (size // 1_000)}
    return json.dumps({"elements": [entry], "content": entry, "terms": entry}).encode()


SHAPES: Final[dict[str, Callable[[int], bytes]]] = {
    "many names": many_names,
    "empty objects": lists_of({}),
    "numbers": lists_of(7),
    "nulls": lists_of(None),
    "unknown kinds": lists_of({"kind": "x"}),
    "lists in lists": lists_of([[]]),
    "deep": nested,
    "many fields in many items": deep_elements,
    "one long text": lambda size: json.dumps({"reason": "x" * size}).encode(),
    "marks": lambda size: json.dumps({"name": "\u0300\u0327" * (size // 12)}).encode(),
}


def path_of(template: str) -> str:
    names = {"kind": "product", "token": "x" * 43, "version": "1", "role": "ops", "team": "t"}
    ids = {"application_id": new_id("app"), "line_id": new_id("lin"), "loan_id": new_id("loa")}
    path = template
    for part in template.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            path = path.replace(part, names.get(name) or ids.get(name) or "x1")
    return path


def headers_of(route: tuple[str, str]) -> dict[str, str]:
    roles = RULES[route].roles or frozenset()
    role = next((one for one in sorted(roles) if one in SUBJECT), "")
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": f"hostile-{next(_numbers)}",
        "Authorization": f"Bearer token-of-{role}-{SUBJECT[role]}" if role else "",
        "X-Signature": f"t=1,v1={'0' * 64}",
        "Signature": "0" * 40,
    }


async def taken(http: httpx.AsyncClient, route: tuple[str, str], body: bytes) -> float:
    """Return the seconds of the processor that a body costs; it is refused."""
    headers = headers_of(route)
    before = process_time()
    answer = await http.request(route[0], path_of(route[1]), headers=headers, content=body)
    seconds = process_time() - before
    assert 400 <= answer.status_code < 500, (route, answer.status_code, answer.text[:300])
    assert len(answer.content) < 64 * 1024
    return seconds


@pytest.mark.parametrize("what", SHAPES)
async def test_a_hostile_body_costs_what_its_length_costs(
    what: str, http: httpx.AsyncClient, subtests: pytest.Subtests
) -> None:
    """Four times the body takes about four times as long, not sixteen: on every route."""
    shape = SHAPES[what]
    for route in TAKING:
        with subtests.test(route=" ".join(route)):
            largest = RULES[route].body_limit
            small = await taken(http, route, shape(largest // 4)[:largest])
            large = await taken(http, route, shape(largest)[:largest])
            assert large < NEVER
            assert large < 0.25 or large < 9 * small


@pytest.mark.parametrize("route", TAKING, ids=" ".join)
async def test_credentials_are_looked_at_before_the_body(
    route: tuple[str, str], app: FastAPI
) -> None:
    asked, sent = False, list[Message]()

    async def receive() -> Message:
        nonlocal asked
        asked = True
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": route[0],
        "path": path_of(route[1]),
        "raw_path": path_of(route[1]).encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", b"2"),
            (b"idempotency-key", b"k"),
            (b"authorization", b"Bearer nobody's"),
        ],
        "client": ("203.0.113.9", 4711),
        "server": ("api.test", 80),
        "state": {},
    }
    await app(scope, receive, send)
    assert sent[0]["status"] in (401, 404)
    assert not asked
