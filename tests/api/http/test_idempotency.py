"""One effect and one answer for one Idempotency-Key."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from api.http.idempotency import LEASE
from api.http.services import Services
from messages.ids import loan_workflow
from runtime.settings import Settings
from storage.common.audit import AuditRepository
from tests.api import seeds
from tests.api.conftest import bearer, http_client, keyed, serving
from tests.products import CASH

_QUOTE = {"amount": 1_000_000, "instalments": 12}


@pytest.fixture
async def quotes_url(services: Services) -> str:
    """Where quotes are made on a fresh line of alice: a command that needs no other process."""
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        _, line_id = await seeds.line(tx, start)
    return f"/v1/lines/{line_id}/quotes"


async def test_a_repeat_gets_the_same_bytes(http: httpx.AsyncClient, quotes_url: str) -> None:
    headers = keyed("applicant", "alice")
    first = await http.post(quotes_url, headers=headers, json=_QUOTE)
    again = await http.post(quotes_url, headers=headers, json=_QUOTE)
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("location", "content-type", "cache-control"):
        assert again.headers[name] == first.headers[name]


async def test_the_order_of_fields_does_not_make_another_body(
    http: httpx.AsyncClient, quotes_url: str
) -> None:
    headers = keyed("applicant", "alice") | {"Content-Type": "application/json"}
    first = await http.post(
        quotes_url, headers=headers, content=b'{"amount":1000000,"instalments":12}'
    )
    again = await http.post(
        quotes_url, headers=headers, content=b'{ "instalments": 12, "amount": 1000000 }'
    )
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_twenty_at_once_make_one(
    http: httpx.AsyncClient, quotes_url: str, services: Services
) -> None:
    headers = keyed("applicant", "alice")
    answers = await asyncio.gather(
        *(http.post(quotes_url, headers=headers, json=_QUOTE) for _ in range(20))
    )
    made = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(made) + len(waiting) == 20
    assert len({answer.content for answer in made}) == 1
    for answer in waiting:
        assert answer.json()["code"] == "request_in_progress"
        assert answer.headers["retry-after"] == "1"
    line_id = quotes_url.split("/")[3]
    async with services.database.read() as tx:
        count = await tx.connection.fetchval(
            "select count(*) from quotes where line_id = $1", line_id
        )
    assert count == 1


async def test_another_body_under_the_key_is_refused(
    http: httpx.AsyncClient, quotes_url: str
) -> None:
    headers = keyed("applicant", "alice")
    first = await http.post(quotes_url, headers=headers, json=_QUOTE)
    other = await http.post(quotes_url, headers=headers, json=_QUOTE | {"instalments": 6})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    again = await http.post(quotes_url, headers=headers, json=_QUOTE)
    assert again.content == first.content


async def test_a_key_belongs_to_caller_and_route(
    http: httpx.AsyncClient, quotes_url: str, services: Services
) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        _, other_line = await seeds.line(tx, start)
    first = await http.post(quotes_url, headers=keyed("applicant", "alice", "shared"), json=_QUOTE)
    by_partner = await http.post(quotes_url, headers=keyed("partner", "app", "shared"), json=_QUOTE)
    elsewhere = await http.post(
        f"/v1/lines/{other_line}/quotes",
        headers=keyed("applicant", "alice", "shared"),
        json=_QUOTE,
    )
    made = {answer.json()["id"] for answer in (first, by_partner, elsewhere)}
    assert len(made) == 3


async def test_a_refusal_by_the_business_is_the_answer_of_its_key(
    http: httpx.AsyncClient, quotes_url: str
) -> None:
    headers = keyed("applicant", "alice")
    asked = {"amount": CASH.content.amount_max, "instalments": 12}
    first = await http.post(quotes_url, headers=headers, json=asked)
    again = await http.post(quotes_url, headers=headers, json=asked)
    assert (first.status_code, first.json()["code"]) == (409, "limit_exceeded")
    assert again.content == first.content
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers["idempotency-replayed"] == "true"


async def test_in_progress_until_the_lease_ends_then_taken_over(
    http: httpx.AsyncClient, quotes_url: str, services: Services
) -> None:
    headers = keyed("applicant", "alice", "left-behind")
    first = await http.post(quotes_url, headers=headers, json=_QUOTE)
    await _pretend_the_process_died(services, "left-behind", LEASE)
    waiting = await http.post(quotes_url, headers=headers, json=_QUOTE)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "request_in_progress")
    await _pretend_the_process_died(services, "left-behind", timedelta(seconds=-1))
    again = await http.post(quotes_url, headers=headers, json=_QUOTE)
    # The work is done again and finds what the first one made.
    assert "idempotency-replayed" not in again.headers
    assert again.json() == first.json()


async def _pretend_the_process_died(services: Services, key: str, left: timedelta) -> None:
    async with services.database.transaction() as tx:
        await tx.connection.execute(
            "update api_requests set state = 'in_progress', status = null, response = null,"
            " leased_until = now() + $2 where key = $1",
            key,
            left,
        )


async def test_an_unavailable_engine_is_not_the_answer_of_the_key(
    http: httpx.AsyncClient, services: Services
) -> None:
    await seeds.end_applications(services.database, "app", "alice")
    body = {
        "product": "cash",
        "customer_reference": "alice",
        "amount": 1_000_000,
        "instalments": 12,
    }
    headers = keyed("applicant", "alice")
    answers = [await http.post("/v1/applications", headers=headers, json=body) for _ in range(2)]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    # The record was written before the engine was asked, once.
    async with services.database.read() as tx:
        count = await tx.connection.fetchval(
            "select count(*) from api_requests where key = $1", headers["Idempotency-Key"]
        )
    assert count == 0


async def test_an_invalid_request_does_not_spend_its_key_on_a_typo(
    http: httpx.AsyncClient, quotes_url: str
) -> None:
    headers = keyed("applicant", "alice")
    for malformed in (b"{", b'{"amount": NaN}'):
        answer = await http.post(
            quotes_url, headers=headers | {"Content-Type": "application/json"}, content=malformed
        )
        assert answer.status_code == 400
    wrong = await http.post(quotes_url, headers=headers, json=_QUOTE | {"amount": -1})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_amount")
    mended = await http.post(quotes_url, headers=headers, json=_QUOTE)
    assert mended.status_code == 201


@pytest.mark.parametrize("key", [None, "", " ", "a b", "k" * 256, "ключ"])
async def test_a_command_needs_a_key(
    http: httpx.AsyncClient, quotes_url: str, key: str | None
) -> None:
    headers: dict[str, Any] = dict(bearer("applicant", "alice"))
    if key is not None:
        headers["Idempotency-Key"] = key.encode()
    answer = await http.post(quotes_url, headers=headers, json=_QUOTE)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_the_answer_outlives_the_process(
    api_settings: Settings, absent_temporal: Client, http: httpx.AsyncClient, quotes_url: str
) -> None:
    headers = keyed("applicant", "alice")
    first = await http.post(quotes_url, headers=headers, json=_QUOTE)
    async with serving(api_settings, absent_temporal) as other:
        assert isinstance(other, FastAPI)
        async with http_client(other) as client:
            again = await client.post(quotes_url, headers=headers, json=_QUOTE)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_two_collectors_at_one_task(http: httpx.AsyncClient, services: Services) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    url = f"/v1/collections/tasks/{credit.task_id}/result"
    answers = await asyncio.gather(
        http.post(url, headers=keyed("collector", "carl"), json={"result": "promised"}),
        http.post(url, headers=keyed("collector", "carl"), json={"result": "refused"}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [lost] = [answer for answer in answers if answer.status_code == 409]
    assert lost.json()["code"] == "task_closed"
    async with services.database.read() as tx:
        audit = await AuditRepository(tx).of(loan_workflow(credit.loan_id))
    assert [row.action for row in audit] == ["collections_result"]
