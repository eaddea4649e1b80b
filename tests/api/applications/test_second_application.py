"""A person has one application for a product at a time, in whatever channel."""

import asyncio
import secrets
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.lines import LineState
from sandbox import personas
from storage.lines.lines import LineRepository
from storage.people.applicants import ApplicantRepository
from tests.api import seeds
from tests.api.conftest import Headers, keyed

FRONT, ACME = ("partner", "app"), ("partner", "acme")


def body(reference: str, **changes: Any) -> dict[str, Any]:
    asked = {"product": "cash", "amount": 1_000_000, "instalments": 12}
    return {"customer_reference": reference} | asked | changes


@pytest.fixture
def reference() -> str:
    """A customer whom no other test knows."""
    return f"second-{secrets.token_hex(4)}"


async def apply(
    http: httpx.AsyncClient, by: tuple[str, str] | Headers, reference: str, **changes: Any
) -> httpx.Response:
    """Apply. Temporal is absent: what is taken is recorded and answered with 503."""
    headers = by if isinstance(by, dict) else keyed(*by)
    return await http.post("/v1/applications", headers=headers, json=body(reference, **changes))


def code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


async def applications_of(services: Services, channel: str, reference: str) -> list[str]:
    async with services.database.read() as tx:
        records = await tx.connection.fetch(
            "select a.id from applications a join applicants p on p.id = a.applicant_id"
            " where p.channel = $1 and p.customer_reference = $2",
            channel,
            reference,
        )
    return [record["id"] for record in records]


@pytest.mark.parametrize("state", ["collecting", "deciding", "in_review", "offered"])
async def test_a_pending_application_refuses_a_second_one(
    http: httpx.AsyncClient, services: Services, reference: str, state: str
) -> None:
    async with services.database.transaction() as tx:
        first = (await seeds.application(tx, "app", reference)).application_id
    await seeds.set_state(services.database, first, state)

    refused = await apply(http, FRONT, reference)

    assert (refused.status_code, code(refused)) == (409, "application_pending")
    assert first in refused.json()["detail"]
    assert await applications_of(services, "app", reference) == [first]
    # What the customer has of one product does not stand in the way of another.
    assert code(await apply(http, FRONT, reference, product="revolving")) == "engine_unavailable"


@pytest.mark.parametrize("state", ["rejected", "withdrawn", "expired"])
async def test_who_has_none_any_more_may_apply(
    http: httpx.AsyncClient, services: Services, reference: str, state: str
) -> None:
    async with services.database.transaction() as tx:
        first = (await seeds.application(tx, "app", reference)).application_id
    await seeds.set_state(
        services.database, first, state, reject_code="R08" if state == "rejected" else None
    )
    assert code(await apply(http, FRONT, reference)) == "engine_unavailable"
    assert len(await applications_of(services, "app", reference)) == 2


@pytest.mark.parametrize(
    ("state", "free"),
    [("active", False), ("frozen", False), ("used", True), ("expired", True), ("closed", True)],
)
async def test_an_open_line_refuses_a_second_one(
    http: httpx.AsyncClient, services: Services, reference: str, state: str, free: bool
) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", reference)
        _, line_id = await seeds.line(tx, start)
        if state == "used":
            await LineRepository(tx).reserve(line_id, start.amount)
            await LineRepository(tx).draw(line_id, start.amount)
        else:
            await LineRepository(tx).set_state(line_id, LineState(state))
    await seeds.set_state(services.database, start.application_id, "accepted")
    expected = "engine_unavailable" if free else "application_pending"
    assert code(await apply(http, FRONT, reference)) == expected


async def test_another_channel_is_not_told_which(
    http: httpx.AsyncClient, services: Services, reference: str
) -> None:
    who = personas.person("approved", 451)
    async with services.database.transaction() as tx:
        first = await seeds.application(tx, "app", reference)
        await ApplicantRepository(tx).remember(
            first.applicant_id, identity_number=who.identity_number
        )
        known = await seeds.application(tx, "acme", reference)
        await ApplicantRepository(tx).remember(
            known.applicant_id, identity_number=who.identity_number
        )
    await seeds.set_state(services.database, known.application_id, "withdrawn")

    refused = await apply(http, ACME, reference)

    assert (refused.status_code, code(refused)) == (409, "application_pending")
    assert first.application_id not in refused.text
    # Nor is another customer of the same channel, though the channel itself is.
    await seeds.end_applications(services.database, "app", "bob")
    async with services.database.transaction() as tx:
        bob = await seeds.application(tx, "app", "bob")
        await ApplicantRepository(tx).remember(
            bob.applicant_id, identity_number=who.identity_number
        )
    await seeds.end_applications(services.database, "app", "bob")
    second = await apply(http, ("applicant", "bob"), "bob")
    assert code(second) == "application_pending"
    assert first.application_id not in second.text
    assert first.application_id in (await apply(http, FRONT, "bob")).text
    await seeds.end_applications(services.database, "app", reference)


async def test_the_same_request_is_no_second_application(
    http: httpx.AsyncClient, services: Services, reference: str
) -> None:
    headers = keyed(*FRONT)
    answers = [await apply(http, headers, reference) for _ in range(2)]
    assert [code(answer) for answer in answers] == ["engine_unavailable"] * 2
    assert len(await applications_of(services, "app", reference)) == 1
    assert code(await apply(http, FRONT, reference)) == "application_pending"


async def test_of_several_at_once_one_is_taken(
    http: httpx.AsyncClient, services: Services, reference: str
) -> None:
    answers = await asyncio.gather(*(apply(http, FRONT, reference) for _ in range(6)))
    assert sorted(map(code, answers)) == ["application_pending"] * 5 + ["engine_unavailable"]
    assert len(await applications_of(services, "app", reference)) == 1
