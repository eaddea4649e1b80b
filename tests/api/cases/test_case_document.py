"""The case as one document: who sees what, marked and recorded."""

from datetime import datetime, timedelta
from io import BytesIO

import httpx
import pytest
from PIL import Image, ImageChops

from api.http.services import Services
from domain.people.views import MAX_VIEWS, MaskedField, ViewKind
from domain.verification.elements import ElementKind
from messages.ids import new_id
from runtime.clock import utc_now
from sandbox import personas
from storage.people.applicants import ApplicantRepository
from storage.people.views import ViewRepository
from storage.verification.elements import ElementRepository
from tests.api import seeds
from tests.api.cases.opened import OTTO, PERSON, RITA, ROLF, Opened, a_pdf, encoded, opened_case
from tests.api.conftest import bearer


async def test_the_holder_reads_what_was_hidden_and_the_look_is_recorded(held: Opened) -> None:
    document = await held.document()
    given = {one["kind"]: one["given"] for one in document["elements"]}
    personal = given["personal_information"]
    assert personal["monthly_income"] == 1_200_000
    assert (personal["employer"], personal["education"]) == ("示例公司", "bachelor")
    assert personal["address"] == PERSON.address
    assert {one["provider"] for one in document["elements"]} == {"registry"}
    assert document["person"]["name"] == PERSON.name
    # Two sides of the card, a face at rest and doing two things.
    assert [one["place"] for one in document["pictures"]] == [
        *("back", "front"),
        *("frames.0", "frames.1", "frames.2"),
    ]
    looks = await held.views()
    assert [(one["viewer"], one["kind"]) for one in looks] == [("rita", "document")]


async def test_no_number_is_shown_in_full_until_it_is_unmasked_for_a_purpose(held: Opened) -> None:
    numbers = (PERSON.identity_number, PERSON.mobile, PERSON.card_number, "13900001111")
    masked = (await held.get("/document")).text
    assert not [number for number in numbers if number in masked]
    assert (await held.post("/unmask", {"field": "mobile"})).status_code == 422
    told = await held.post("/unmask", {"field": "mobile", "purpose": "call"})
    assert told.status_code == 200
    # Nothing that is stored for a repeat of the request holds the number.
    assert PERSON.mobile not in told.text
    shown = (await held.get("/document")).text
    assert [number for number in numbers if number in shown] == [PERSON.mobile]
    await held.post("/unmask", {"field": "contacts", "purpose": "call"})
    assert "13900001111" in (await held.get("/document")).text
    looks = await held.views("unmasked")
    assert [(one["item"], one["purpose"]) for one in looks] == [
        ("contacts", "call"),
        ("mobile", "call"),
    ]
    who = await held.principal("rita")
    async with held.services.database.read() as tx:
        later = utc_now() + timedelta(minutes=6)
        assert await ViewRepository(tx).unmasked(held.case_id, who.actor, later) == {}


async def test_unmasking_is_for_who_asked_alone(held: Opened) -> None:
    await held.post("/unmask", {"field": "identity_number", "purpose": "identity_check"})
    assert PERSON.identity_number not in (await held.get("/document", OTTO)).text


async def test_a_picture_is_marked_and_kept_by_nobody(held: Opened) -> None:
    document = await held.document()
    front = next(one for one in document["pictures"] if one["place"] == "front")
    answer = await held.http.get(front["href"], headers=bearer(*RITA))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    shown = Image.open(BytesIO(answer.content))
    assert shown.size == (front["width"], front["height"])
    async with held.services.database.read() as tx:
        card = await ElementRepository(tx).newest(held.application_id, ElementKind.IDENTITY_CARD)
    assert card is not None
    original = Image.open(BytesIO(card.data.front)).convert("RGB")  # type: ignore[union-attr]
    marks = ImageChops.difference(original, shown).convert("L")
    width, height = shown.size
    for left in (0, width // 3, 2 * width // 3):
        for top in (0, height // 3, 2 * height // 3):
            part = marks.crop((left, top, left + width // 3, top + height // 3))
            # No part can be cut out without the mark, and none is hidden by it.
            assert max(part.tobytes()) > 10
    assert sum(marks.tobytes()) / len(marks.tobytes()) < 40
    look = (await held.views("picture"))[0]
    assert (look["viewer"], look["item"].endswith(".front")) == ("rita", True)


async def test_pictures_are_for_the_holder_for_the_time_of_the_claim(held: Opened) -> None:
    href = (await held.document())["pictures"][0]["href"]
    path = href.removeprefix(held.url)
    assert (await held.get(path, ROLF)).json()["code"] == "case_claimed"
    assert (await held.get(path, OTTO)).status_code == 403
    assert (await held.get("/document", ROLF)).json()["code"] == "case_claimed"
    async with held.services.database.transaction() as tx:
        await tx.connection.execute(
            "update cases set claimed_until = now() - interval '1 second' where id = $1",
            held.case_id,
        )
    for asked in (path, "/document"):
        assert (await held.get(asked)).json()["code"] == "claim_needed"
    assert (await held.post("/unmask", {"field": "mobile", "purpose": "call"})).json()[
        "code"
    ] == "claim_needed"
    # The name that one reader was told is of no use to the next one.
    await held.claim("rolf")
    assert (await held.get(path, ROLF)).status_code == 404


async def test_a_supervisor_reads_without_pictures(held: Opened) -> None:
    document = await held.document(OTTO)
    assert (document["pictures"], document["files"]) == ([], [])
    assert document["person"]["name"] == PERSON.name
    assert (await held.views())[0]["viewer"] == "otto"


@pytest.mark.parametrize(
    "who", [("applicant", "alice"), ("partner", "app"), ("collector", "carl"), ("analyst", "anna")]
)
async def test_nobody_else_opens_a_case(held: Opened, who: tuple[str, str]) -> None:
    for path in ("/document", f"/pictures/{'0' * 40}", f"/files/{new_id('fil')}"):
        assert (await held.get(path, who)).status_code == 403
    answer = await held.http.get(f"/v1/users/{held.applicant_id}/views", headers=bearer(*who))
    assert answer.status_code == 403


async def test_wrong_ids_and_other_peoples_things_do_not_exist(
    held: Opened, services: Services, http: httpx.AsyncClient
) -> None:
    other = await opened_case(services, http, new_id("per"))
    await other.claim()
    href = (await other.document())["pictures"][0]["href"].rpartition("/")[2]
    file = await other.post("/files", {"name": "x", "content": encoded(a_pdf())})
    for path in (
        f"/pictures/{href}",
        f"/pictures/{'0' * 40}",
        f"/files/{file.json()['id']}",
        f"/files/{new_id('fil')}",
        "/files/x",
    ):
        assert (await held.get(path)).status_code == 404, path
    for case_id in (new_id("cas"), held.application_id, "x"):
        answer = await held.http.get(f"/v1/cases/{case_id}/document", headers=bearer(*RITA))
        assert answer.status_code == 404


async def test_who_copies_cases_is_stopped(held: Opened) -> None:
    who = await held.principal("rolf")
    async with held.services.database.transaction() as tx:
        held_until: datetime = await tx.connection.fetchval(
            "update cases set claimed_by = $2 where id = $1 returning claimed_until",
            held.case_id,
            who.actor,
        )
        assert held_until > utc_now()
        for _ in range(MAX_VIEWS[ViewKind.UNMASKED]):
            await ViewRepository(tx).add(
                applicant_id=held.applicant_id,
                case_id=held.case_id,
                viewer=who.actor,
                role="reviewer",
                kind=ViewKind.UNMASKED,
                at=utc_now(),
                item=MaskedField.MOBILE,
                purpose="call",  # type: ignore[arg-type]  # as stored
                until=utc_now(),
            )
    answer = await held.post("/unmask", {"field": "mobile", "purpose": "call"}, ROLF)
    assert (answer.status_code, answer.json()["code"]) == (429, "view_limit_reached")
    assert int(answer.headers["retry-after"]) > 60


async def test_the_persons_earlier_applications_and_links_show_across_channels(
    held: Opened, services: Services, http: httpx.AsyncClient
) -> None:
    elsewhere = await opened_case(services, http, new_id("per"), channel="acme")
    found = (await held.document())["applications"]
    assert (elsewhere.application_id, "acme") in [(one["id"], one["channel"]) for one in found]
    async with services.database.transaction() as tx:
        stranger = await seeds.application(tx, "app", new_id("per"))
        await ApplicantRepository(tx).remember(
            stranger.applicant_id,
            identity_number=personas.person("approved", 8).identity_number,
            mobile=PERSON.mobile,
        )
    assert {"trait": "mobile", "people": 1} in (await held.document())["links"]
