"""What is suspended takes nothing new: over HTTP, from the switch to the refusal."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.http.services import Services
from tests.api import seeds
from tests.api.conftest import bearer, eventually, keyed

OTTO = ("ops", "otto")


async def switch(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await http.post(
        f"/v1/suspensions/{path}", headers=keyed(*OTTO), json={"reason": "arrears"}
    )
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def suspended(http: httpx.AsyncClient, request: Any) -> AsyncIterator[str]:
    """Something is suspended for the test."""
    name: str = request.param
    await switch(http, name)
    # Processes know within a second.
    await asyncio.sleep(1.1)
    yield name
    await switch(http, f"{name}/lift")
    await asyncio.sleep(1.1)


async def applied(http: httpx.AsyncClient) -> httpx.Response:
    body = {
        "product": "cash",
        "customer_reference": f"bob-{secrets.token_hex(4)}",
        "amount": 1_000_000,
        "instalments": 12,
    }
    return await http.post("/v1/applications", headers=keyed("partner", "app"), json=body)


@pytest.mark.parametrize("suspended", ["product/cash", "channel/app"], indirect=True)
async def test_nobody_applies_for_or_through_what_is_suspended(
    http: httpx.AsyncClient, suspended: str
) -> None:
    answer = await applied(http)
    assert (answer.status_code, answer.json()["code"]) == (409, "suspended")
    kind, _, code = suspended.partition("/")
    assert answer.json()["detail"] == f"the {kind} {code} is suspended for the time being"


async def test_after_it_is_lifted_one_applies_again(http: httpx.AsyncClient) -> None:
    await switch(http, "product/cash")
    await eventually(lambda: applied(http), lambda answer: answer.status_code == 409)
    listed = (await http.get("/v1/suspensions", headers=bearer("collector", "carl"))).json()
    assert [(one["kind"], one["code"]) for one in listed["items"]] == [("product", "cash")]
    lifted = await switch(http, "product/cash/lift")
    assert (lifted["lifted_by"], lifted["lift_reason"]) == ("otto", "arrears")
    # Temporal is absent here: the application passes and its process cannot be started.
    answer = await eventually(
        lambda: applied(http), lambda answer: answer.json()["code"] != "suspended"
    )
    assert answer.json()["code"] == "engine_unavailable"


@pytest.mark.parametrize("suspended", ["product/cash", "funder/own"], indirect=True)
async def test_no_plan_of_it_is_quoted(
    http: httpx.AsyncClient, services: Services, suspended: str
) -> None:
    customer = f"carl-{secrets.token_hex(4)}"
    credit = await seeds.credit(services.database, "app", customer)
    answer = await http.post(
        f"/v1/lines/{credit.line_id}/quotes",
        headers=keyed("partner", "app"),
        json={"amount": 100_000, "instalments": 12},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "suspended"), answer.text


@pytest.mark.parametrize("path", ["vendor/x", "product/-x", "product/" + "x" * 65])
async def test_only_what_can_be_suspended_is(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.post(
        f"/v1/suspensions/{path}", headers=keyed(*OTTO), json={"reason": "arrears"}
    )
    assert answer.status_code == 422
