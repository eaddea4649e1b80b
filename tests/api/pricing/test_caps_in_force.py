"""Caps change by a release, from an instant on: trials and quotes go by those in force."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from runtime.clock import utc_now
from storage.lines.quotes import QuoteRepository
from tests.api import seeds
from tests.api.conftest import bearer, eventually, keyed
from tests.api.pricing.test_plans import GOLDEN, PATH
from tests.definitions import release, shipped

CAPS = shipped(RATE_CAPS, HOME_CAPS)
TWELVE = CAPS.model_copy(
    update={
        "rules": tuple(
            rule.model_copy(update={"value": Decimal(12)}) if rule.lender_kind == "BANK" else rule
            for rule in CAPS.rules
        )
    }
)


async def limits(http: httpx.AsyncClient) -> list[str]:
    """The caps that a bank's loan of 24 % is above."""
    body = {"terms": GOLDEN, "lender_kind": "BANK"}
    found = (await http.post(PATH, headers=bearer("analyst", "anna"), json=body)).json()
    return [one["limit"] for one in found["caps"]["findings"]]


@pytest.fixture
async def restored(services: Services, http: httpx.AsyncClient) -> AsyncIterator[None]:
    """The shipped caps are in force again after the test, and the API knows."""
    yield
    await release(services.database, RATE_CAPS, HOME_CAPS, CAPS)
    await eventually(lambda: limits(http), lambda found: found == [])


@pytest.mark.usefixtures("restored")
async def test_a_quote_is_held_to_the_caps_of_its_instant(
    http: httpx.AsyncClient, services: Services
) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        _, line_id = await seeds.line(tx, start)

    async def quote() -> httpx.Response:
        body = {"amount": 1_000_000, "instalments": 12}
        headers = keyed("applicant", "alice")
        return await http.post(f"/v1/lines/{line_id}/quotes", headers=headers, json=body)

    async def caps_of(quoted: httpx.Response) -> str | None:
        async with services.database.read() as tx:
            row = await QuoteRepository(tx).get(quoted.json()["id"])
        assert row is not None
        return row.rate_caps

    before = await quote()
    assert before.status_code == 201
    named = await caps_of(before)
    assert named is not None
    assert named.startswith("rate_caps/cn@")

    soon = utc_now() + timedelta(seconds=3)
    lower = await release(services.database, RATE_CAPS, HOME_CAPS, TWELVE, effective_from=soon)
    still = await quote()
    assert utc_now() < soon
    assert (still.status_code, await caps_of(still)) == (201, named)

    after = await eventually(quote, lambda answer: answer.status_code != 201)
    assert utc_now() >= soon
    problem: dict[str, Any] = after.json()
    assert (after.status_code, problem["code"]) == (422, "rate_cap_exceeded")
    assert "is above the 12 %" in problem["detail"]
    assert await limits(http) == ["12"]
    assert str(lower) != named
