"""What the face has to do is asked of the API, attempt by attempt."""

from typing import Any

import httpx

from api.services import Services
from domain.elements import ElementKind
from messages.ids import new_id
from sandbox import personas
from tests.activities import story
from tests.api import seeds
from tests.api.conftest import bearer


async def asked(
    http: httpx.AsyncClient, application_id: str, role: str = "applicant", subject: str = "alice"
) -> httpx.Response:
    url = f"/v1/applications/{application_id}/liveness-challenge"
    return await http.get(url, headers=bearer(role, subject))


async def challenge(http: httpx.AsyncClient, application_id: str) -> dict[str, Any]:
    answer = await asked(http, application_id)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def application(services: Services) -> str:
    async with services.database.transaction() as tx:
        return (await seeds.application(tx, "app", "alice")).application_id


async def provide_face(services: Services, application_id: str) -> None:
    face = story.liveness(personas.person("approved", 170)).doing("blink", "nod")
    async with services.database.transaction() as tx:
        await tx.elements.insert(new_id("elt"), application_id, ElementKind.LIVENESS, face)


async def test_asking_again_changes_nothing_until_the_attempt_is_made(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    first = await challenge(http, application_id)
    assert first["attempt"] == 1
    assert 2 <= len(first["actions"]) <= 3
    assert await challenge(http, application_id) == first
    await provide_face(services, application_id)
    assert (await challenge(http, application_id))["attempt"] == 2


async def test_attempts_and_applications_are_asked_different_things(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    attempts = []
    for _ in range(6):
        attempts.append(tuple((await challenge(http, application_id))["actions"]))
        await provide_face(services, application_id)
    others = [
        tuple((await challenge(http, await application(services)))["actions"]) for _ in range(6)
    ]
    # Six of 34 equally likely challenges are the same once in 45 million times.
    assert len(set(attempts)) > 1
    assert len(set(others)) > 1


async def test_what_is_told_is_what_is_checked(http: httpx.AsyncClient, services: Services) -> None:
    application_id = await application(services)
    told = await challenge(http, application_id)
    async with services.database.read() as tx:
        checked = tx.elements.challenge(application_id, told["attempt"])
    assert list(checked.actions) == told["actions"]


async def test_it_is_for_whom_the_application_is(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    assert (await asked(http, application_id, "partner", "app")).status_code == 200
    assert (await asked(http, application_id, "applicant", "bob")).status_code == 404
    assert (await asked(http, application_id, "partner", "acme")).status_code == 404
    assert (await asked(http, application_id, "ops", "otto")).status_code == 403
    assert (await asked(http, new_id("app"))).status_code == 404
