"""What the face has to do is asked of the API, attempt by attempt, and shown within minutes."""

import asyncio
import itertools
import secrets
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.verification.elements import ElementKind, Verdict
from local.story.people import element
from messages.ids import new_id
from runtime.clock import utc_now
from sandbox import personas
from services.verification.intake import clean_pictures
from storage.verification.elements import ElementCreate, ElementRepository
from storage.verification.liveness_challenges import LivenessChallengeRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed
from tests.integration import story
from tests.products import CASH, changed, release_products
from tests.workflows.asking import EASY

pytestmark = pytest.mark.usefixtures("more_products")

VALID_FOR = timedelta(minutes=10)
LATER = timedelta(minutes=11)
WHO = personas.person("approved", 170)


async def asked(
    http: httpx.AsyncClient, application_id: str, role: str = "applicant", subject: str = "alice"
) -> httpx.Response:
    url = f"/v1/applications/{application_id}/liveness-challenge"
    return await http.get(url, headers=bearer(role, subject))


async def challenge(
    http: httpx.AsyncClient, application_id: str, subject: str = "alice"
) -> dict[str, Any]:
    answer = await asked(http, application_id, subject=subject)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def application(services: Services, product: str = "easy") -> str:
    async with services.database.transaction() as tx:
        return (await seeds.application(tx, "app", "alice", product=product)).application_id


async def provide_face(services: Services, application_id: str) -> str:
    """Store a face as the API does, and return the element's id."""
    face = story.liveness(WHO).doing("blink", "nod")
    element_id = new_id("elt")
    async with services.database.transaction() as tx:
        kind = ElementKind.LIVENESS
        pictures = (await clean_pictures([face]))[kind]
        await ElementRepository(tx).add(
            application_id, [ElementCreate(element_id, kind, face, pictures)]
        )
    return element_id


async def asked_long_ago(services: Services, application_id: str) -> tuple[str, ...]:
    """Ask for a challenge that has run out since, and return its actions."""
    async with services.database.transaction() as tx:
        challenge = await LivenessChallengeRepository(tx).ask(
            application_id, utc_now() - LATER, VALID_FOR
        )
    return challenge.actions


async def gives(
    http: httpx.AsyncClient,
    where: str,
    actions: tuple[str, ...],
    *,
    key: str | None = None,
    subject: str = "alice",
) -> httpx.Response:
    """Give a face that does `actions`, together with a mobile."""
    given = [element(WHO, "operator"), element(WHO, "liveness", actions=actions)]
    return await http.post(
        f"{where}/elements", headers=keyed("applicant", subject, key), json={"elements": given}
    )


async def attempts(services: Services, application_id: str) -> dict[str, int]:
    async with services.database.read() as tx:
        latest = await ElementRepository(tx).latest(application_id)
    return {status.kind: status.attempt for status in latest}


async def issues(services: Services, application_id: str) -> list[tuple[int, int]]:
    async with services.database.read() as tx:
        rows = await tx.connection.fetch(
            "select attempt, issue from liveness_challenges where application_id = $1"
            " order by attempt, issue",
            application_id,
        )
    return [(row["attempt"], row["issue"]) for row in rows]


async def test_asking_again_changes_nothing_until_the_attempt_is_made(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    before = utc_now()
    first = await challenge(http, application_id)
    assert first["attempt"] == 1
    assert 2 <= len(first["actions"]) <= 3
    expires_at = datetime.fromisoformat(first["expires_at"])
    assert before + VALID_FOR <= expires_at <= utc_now() + VALID_FOR
    assert await challenge(http, application_id) == first
    await provide_face(services, application_id)
    assert (await challenge(http, application_id))["attempt"] == 2


async def test_what_ran_out_is_followed_by_something_else(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    for issue in range(1, 8):
        old = await asked_long_ago(services, application_id)
        async with services.database.transaction() as tx:
            at = utc_now() - LATER + issue * timedelta(seconds=1)
            same = await LivenessChallengeRepository(tx).ask(application_id, at, VALID_FOR)
        assert same.actions == old
        new = await challenge(http, application_id)
        assert (new["attempt"], tuple(new["actions"]) == old) == (1, False)
        assert await challenge(http, application_id) == new
        application_id = await application(services)


async def test_each_issue_differs_from_the_one_before(services: Services) -> None:
    application_id, told = await application(services), []
    begun = utc_now() - timedelta(days=1)
    for issue in range(40):
        async with services.database.transaction() as tx:
            at = begun + issue * VALID_FOR
            told.append(await LivenessChallengeRepository(tx).ask(application_id, at, VALID_FOR))
    assert all(old.actions != new.actions for old, new in itertools.pairwise(told))
    assert await issues(services, application_id) == [(1, issue) for issue in range(1, 41)]


async def test_who_asks_at_once_is_told_the_same(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    first = await asyncio.gather(*(challenge(http, application_id) for _ in range(8)))
    assert all(one == first[0] for one in first)
    assert await issues(services, application_id) == [(1, 1)]
    late = await application(services)
    old = await asked_long_ago(services, late)
    again = await asyncio.gather(*(challenge(http, late) for _ in range(8)))
    assert all(one == again[0] for one in again)
    assert tuple(again[0]["actions"]) != old
    assert await issues(services, late) == [(1, 1), (1, 2)]


async def test_a_face_that_nothing_was_asked_of_is_refused(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    answer = await gives(http, f"/v1/applications/{application_id}", ("blink", "nod"))
    assert (answer.status_code, answer.json()["code"]) == (409, "challenge_expired")
    assert "ask for a liveness challenge" in answer.json()["detail"]
    assert await attempts(services, application_id) == {}


async def test_a_face_that_comes_too_late_is_refused_and_uses_nothing_up(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    old = await asked_long_ago(services, application_id)
    answer = await gives(http, f"/v1/applications/{application_id}", old)
    assert (answer.status_code, answer.json()["code"]) == (409, "challenge_expired")
    assert "ask for a new one" in answer.json()["detail"]
    assert await attempts(services, application_id) == {}
    assert (await challenge(http, application_id))["attempt"] == 1


async def test_a_repeat_is_taken_however_late_it_comes(
    http: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process cannot be reached: the face is stored, and handed over by a repeat."""
    application_id = await application(services)
    where = f"/v1/applications/{application_id}"
    actions = tuple((await challenge(http, application_id))["actions"])
    key = secrets.token_hex(8)
    first = await gives(http, where, actions, key=key)
    assert (first.status_code, first.json()["code"]) == (503, "engine_unavailable")
    assert await attempts(services, application_id) == {"operator": 1, "liveness": 1}
    monkeypatch.setattr("services.verification.intake.utc_now", lambda: utc_now() + LATER)
    again = await gives(http, where, actions, key=key)
    assert (again.status_code, again.json()["code"]) == (503, "engine_unavailable")
    assert await attempts(services, application_id) == {"operator": 1, "liveness": 1}


async def test_giving_a_face_uses_the_challenge_up(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    where = f"/v1/applications/{application_id}"
    actions = tuple((await challenge(http, application_id))["actions"])
    given = await provide_face(services, application_id)
    async with services.database.transaction() as tx:
        await ElementRepository(tx).record_verification(
            given, Verdict.MISMATCH, "wrong_action", {}, "record", utc_now()
        )
    answer = await gives(http, where, actions)
    assert (answer.status_code, answer.json()["code"]) == (409, "challenge_expired")
    await challenge(http, application_id)
    assert (await gives(http, where, actions)).status_code == 503
    assert (await attempts(services, application_id))["liveness"] == 2


async def test_of_two_faces_at_once_one_uses_the_challenge_up(
    http: httpx.AsyncClient, services: Services
) -> None:
    application_id = await application(services)
    where = f"/v1/applications/{application_id}"
    actions = tuple((await challenge(http, application_id))["actions"])
    answers = await asyncio.gather(*(gives(http, where, actions) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [409, 503]
    assert (await attempts(services, application_id))["liveness"] == 1


async def test_before_a_drawdown_the_same_holds(
    http: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = (ElementKind.LIVENESS, ElementKind.OPERATOR)
    await release_products(services.database, changed(EASY, "easy_faces", drawdown_elements=kinds))
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "bob", product="easy_faces")
        _, line_id = await seeds.line(tx, start)
    where, application_id = f"/v1/lines/{line_id}", start.application_id
    unasked = await gives(http, where, ("blink", "nod"), subject="bob")
    assert (unasked.status_code, unasked.json()["code"]) == (409, "challenge_expired")
    old = await asked_long_ago(services, application_id)
    assert (await gives(http, where, old, subject="bob")).json()["code"] == "challenge_expired"
    assert await attempts(services, application_id) == {}
    actions = tuple((await challenge(http, application_id, "bob"))["actions"])
    key = secrets.token_hex(8)
    assert (await gives(http, where, actions, key=key, subject="bob")).status_code == 503
    monkeypatch.setattr("services.verification.intake.utc_now", lambda: utc_now() + LATER)
    assert (await gives(http, where, actions, key=key, subject="bob")).status_code == 503
    assert await attempts(services, application_id) == {"operator": 1, "liveness": 1}


async def test_a_product_says_how_long_a_challenge_holds(
    http: httpx.AsyncClient, services: Services
) -> None:
    faces = CASH.policy_of(ElementKind.LIVENESS)
    assert faces.challenge_valid_for == VALID_FOR
    short = timedelta(minutes=2)
    policy = faces.model_copy(update={"challenge_valid_for": short})
    await release_products(services.database, changed(CASH, "hasty", policies=(policy,)))
    told = await challenge(http, await application(services, "hasty"))
    assert datetime.fromisoformat(told["expires_at"]) <= utc_now() + short


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
        checked = await LivenessChallengeRepository(tx).of_attempt(application_id, told["attempt"])
        assert await LivenessChallengeRepository(tx).of_attempt(application_id, 2) is None
    assert checked is not None
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
