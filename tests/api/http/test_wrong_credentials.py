"""Wrong credentials are slowed down and noticed, and nobody is locked out by another's.

Source: the fault list, S6: 1,500 wrong tokens in 8 seconds met no slow-down and no audit.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.services import Services
from runtime.settings import Settings
from tests.api.conftest import bearer, serving

ALLOWED = 5


@pytest.fixture
async def guarded(api_settings: Settings, absent_temporal: Any) -> AsyncIterator[FastAPI]:
    few = api_settings.model_copy(update={"api_wrong_credentials": ALLOWED})
    async with serving(few, absent_temporal) as app:
        yield app


def from_address(app: FastAPI, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://api.test")


async def refused(services: Services) -> list[tuple[str, str]]:
    async with services.database.read() as tx:
        rows = await tx.connection.fetch(
            "select subject, detail ->> 'credential' as kind from audit"
            " where action = 'authenticate' order by id"
        )
    return [(row["subject"], row["kind"]) for row in rows]


@pytest.mark.parametrize(
    ("kind", "method", "path", "headers"),
    [
        ("token", "GET", "/v1/loans", {"Authorization": "Bearer wrong"}),
        ("token", "POST", "/v1/applications", {"Authorization": "Bearer wrong"}),
        ("api_key", "POST", "/credit_analysis/legal_person", {"Authorization": "wrong"}),
        ("link", "POST", f"/credit_analysis/consents/{'x' * 43}", {}),
        ("signature", "POST", "/v1/callbacks/payments", {"X-Signature": "wrong"}),
    ],
)
async def test_many_wrong_ones_are_refused_as_too_many_and_recorded_once(
    kind: str, method: str, path: str, headers: dict[str, str], guarded: FastAPI
) -> None:
    services: Services = guarded.state.services
    before = await refused(services)
    async with from_address(guarded, "198.51.100.77") as client:
        answers = [await client.request(method, path, headers=headers) for _ in range(ALLOWED + 10)]
        right = await client.get("/v1/loans", headers=bearer("ops", "otto"))
    assert {answer.status_code for answer in answers[:ALLOWED]} <= {401, 404}
    assert {answer.status_code for answer in answers[ALLOWED:]} == {429}
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert right.status_code == 200
    assert (await refused(services))[len(before) :] == [("network:198.51.100.0/24", kind)]
    async with from_address(guarded, "203.0.113.5") as other:
        assert (await other.request(method, path, headers=headers)).status_code in (401, 404)
        text = (await other.get("/metrics")).text
    assert f'loanflow_http_credentials_refused_total{{credential="{kind}"}}' in text


async def test_addresses_of_one_household_count_together(guarded: FastAPI) -> None:
    """Whoever has an IPv6 network has more addresses than anybody could count."""
    wrong = {"Authorization": "Bearer wrong"}
    statuses = []
    for number in range(ALLOWED + 1):
        async with from_address(guarded, f"2001:db8:1:2::{number}") as client:
            statuses.append((await client.get("/v1/loans", headers=wrong)).status_code)
    assert statuses == [401] * ALLOWED + [429]


async def test_who_shows_nothing_is_nobody_and_not_counted(guarded: FastAPI) -> None:
    async with from_address(guarded, "192.0.2.1") as client:
        for _ in range(2 * ALLOWED):
            assert (await client.get("/v1/loans")).status_code == 401
