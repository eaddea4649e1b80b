"""Wrong tries are counted by person: a new application, channel or name gives no further ones."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.verification.elements import BankCard, ElementKind, Verdict
from local.story.people import element
from messages.ids import new_id
from runtime.clock import utc_now
from sandbox import personas
from sandbox.personas import Person
from storage.people.applicants import ApplicantRepository
from storage.verification.elements import ElementCreate, ElementRepository
from tests.api import seeds
from tests.api.conftest import keyed
from tests.integration import story

pytestmark = pytest.mark.usefixtures("more_products")


@dataclass
class Tried:
    """Writes what was tried, and tries more through the API. Temporal is absent: what is taken is
    stored and answered with 503, which shows that nothing refused it."""

    http: httpx.AsyncClient
    services: Services

    async def application(self, channel: str, reference: str, who: Person | None = None) -> str:
        async with self.services.database.transaction() as tx:
            start = await seeds.application(tx, channel, reference, product="any_order")
            if who is not None:
                await ApplicantRepository(tx).remember(
                    start.applicant_id, name=who.name, identity_number=who.identity_number
                )
        return start.application_id

    async def wrong(
        self, application_id: str, given: BankCard, times: int = 1, at: datetime | None = None
    ) -> None:
        async with self.services.database.transaction() as tx:
            for _ in range(times):
                element_id = new_id("elt")
                kind = ElementKind(given.kind)
                await ElementRepository(tx).add(
                    application_id, [ElementCreate(element_id, kind, given)]
                )
                await ElementRepository(tx).record_verification(
                    element_id, Verdict.MISMATCH, "card_mismatch", {}, "test", at or utc_now()
                )

    async def hand_in(
        self, application_id: str, *given: Any, channel: str = "app", key: str | None = None
    ) -> httpx.Response:
        url = f"/v1/applications/{application_id}/elements"
        headers = keyed("partner", channel, key)
        return await self.http.post(url, headers=headers, json={"elements": list(given)})

    async def stored(self, application_id: str) -> int:
        async with self.services.database.read() as tx:
            count = "select count(*) from elements where application_id = $1"
            return int(await tx.connection.fetchval(count, application_id))


@pytest.fixture
def tried(http: httpx.AsyncClient, services: Services) -> Tried:
    return Tried(http, services)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


async def test_a_new_application_gives_no_further_tries(tried: Tried) -> None:
    who = personas.person("approved", 401)
    first = await tried.application("app", "tries-1", who)
    await tried.wrong(first, story.bank_card(who), 3)
    await seeds.set_state(tried.services.database, first, "withdrawn")
    second = await tried.application("app", "tries-1")

    refused = await tried.hand_in(second, element(who, "bank_card"), key="tries-1")

    assert (refused.status_code, code(refused)) == (429, "element_locked")
    assert 86_300 <= int(refused.headers["Retry-After"]) <= 86_400
    assert who.identity_number not in refused.text
    assert await tried.stored(second) == 0
    # Another kind is taken: what was wrong is the card.
    other = await tried.hand_in(second, element(who, "operator"))
    assert code(other) == "engine_unavailable"
    # Nothing of several is taken where one is refused.
    several = await tried.hand_in(second, element(who, "real_name"), element(who, "bank_card"))
    assert code(several) == "element_locked"
    assert await tried.stored(second) == 1


async def test_another_channel_gives_no_further_tries(tried: Tried) -> None:
    who = personas.person("approved", 402)
    first = await tried.application("app", "tries-2", who)
    await tried.wrong(first, story.bank_card(who), 3)

    known = await tried.application("acme", "tries-2-known", who)
    refused = await tried.hand_in(known, element(who, "bank_card"), channel="acme")
    assert code(refused) == "element_locked"
    # Not yet verified in this channel: the number that the card is asked about tells who it is.
    unknown = await tried.application("acme", "tries-2-unknown")
    named = (element(who, "real_name"), element(who, "bank_card"))
    both = await tried.hand_in(unknown, *named, channel="acme")
    assert code(both) == "element_locked"
    name_only = await tried.hand_in(unknown, named[0], channel="acme")
    assert code(name_only) == "engine_unavailable"
    after = await tried.hand_in(unknown, named[1], channel="acme")
    assert code(after) == "element_locked"


async def test_wrong_names_for_one_number_are_counted_whoever_gives_them(tried: Tried) -> None:
    who = personas.person("approved", 403)
    wrong = element(who, "real_name") | {"name": "张三"}
    for number in range(3):
        application_id = await tried.application("acme", f"tries-3-{number}")
        taken = await tried.hand_in(application_id, wrong, channel="acme")
        assert code(taken) == "engine_unavailable"
        async with tried.services.database.transaction() as tx:
            (status,) = await ElementRepository(tx).latest(application_id)
            await ElementRepository(tx).record_verification(
                status.element_id, Verdict.MISMATCH, "name_mismatch", {}, "test", utc_now()
            )

    another = await tried.application("acme", "tries-3-another")
    refused = await tried.hand_in(another, wrong, channel="acme")
    assert code(refused) == "element_locked"


async def test_another_person_is_not_kept_from_trying(tried: Tried) -> None:
    who, other = personas.person("approved", 404), personas.person("approved", 405)
    await tried.wrong(await tried.application("app", "tries-4", who), story.bank_card(who), 3)
    application_id = await tried.application("app", "tries-5", other)
    taken = await tried.hand_in(application_id, element(other, "bank_card"))
    assert code(taken) == "engine_unavailable"


async def test_the_lock_opens_and_the_same_request_is_taken(tried: Tried) -> None:
    who = personas.person("approved", 406)
    first = await tried.application("app", "tries-6", who)
    await tried.wrong(first, story.bank_card(who), 2)
    past = await tried.application("acme", "tries-6", who)
    await tried.wrong(past, story.bank_card(who), 1, utc_now() - timedelta(hours=23, minutes=50))
    second = await tried.application("app", "tries-6")
    card = element(who, "bank_card")
    assert code(await tried.hand_in(second, card, key="tries-6")) == "element_locked"

    async with tried.services.database.transaction() as tx:
        await tx.connection.execute(
            "update verifications set verified_at = verified_at - interval '25 hours'"
            " where application_id = any($1)",
            [first, past],
        )
    assert code(await tried.hand_in(second, card, key="tries-6")) == "engine_unavailable"


async def test_of_two_last_tries_at_once_one_is_taken(tried: Tried) -> None:
    who = personas.person("approved", 407)
    first = await tried.application("app", "tries-7", who)
    await tried.wrong(first, story.bank_card(who), 2)
    here = await tried.application("app", "tries-7")
    there = await tried.application("acme", "tries-7", who)

    answers = await asyncio.gather(
        tried.hand_in(here, element(who, "bank_card")),
        tried.hand_in(there, element(who, "bank_card"), channel="acme"),
    )

    assert sorted(map(code, answers)) == ["element_locked", "engine_unavailable"]
    assert await tried.stored(here) + await tried.stored(there) == 1
    (locked,) = [answer for answer in answers if code(answer) == "element_locked"]
    assert 1 <= int(locked.headers["Retry-After"]) <= 60


async def test_a_line_gives_no_further_tries(tried: Tried) -> None:
    who = personas.person("approved", 408)
    first = await tried.application("acme", "tries-8", who)
    await tried.wrong(first, story.bank_card(who), 3)
    async with tried.services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "tries-8", product="any_order_drawing")
        await ApplicantRepository(tx).remember(
            start.applicant_id, identity_number=who.identity_number
        )
        _, line_id = await seeds.line(tx, start)
    url = f"/v1/lines/{line_id}/elements"
    body = {"elements": [element(who, "bank_card")]}
    refused = await tried.http.post(url, headers=keyed("partner", "app"), json=body)
    assert (refused.status_code, code(refused)) == (429, "element_locked")
    assert await tried.stored(start.application_id) == 0
