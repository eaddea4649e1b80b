"""The service with real models over real HTTP: cards, movements, faces, refused callers."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from providers.http.signature import sign
from providers.verification.identity_card import CardReading
from providers.verification.liveness import FaceComparison, LivenessResult
from runtime.clock import utc_now
from sandbox import camera, id_cards, portraits
from sandbox.id_cards import draw_back, draw_front
from sandbox.personas import Person, person
from tests.vision.conftest import KEY, SECRET, Service, body_of

ME, OTHER = person("story"), person("blacklisted")
WRONG_DIGIT = ME.identity_number[:-1] + ("1" if ME.identity_number[-1] != "1" else "2")


def front_of(card: Person) -> bytes:
    return camera.jpeg(camera.on_a_desk(draw_front(card, portraits.portrait(ME))))


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without the fields by which the contract grows."""
    return {name: value for name, value in answer.items() if name not in ("models", "scores")}


async def test_a_card_is_read(service: Service) -> None:
    answer = await service.read(id_cards.card_front(ME), id_cards.card_back(ME))
    assert (answer["verdict"], answer["reasons"]) == ("match", [])
    assert answer["fields"] == {
        "name": ME.name,
        "identity_number": ME.identity_number,
        "sex": ME.sex,
        "ethnicity": "汉",
        "birth_date": ME.birth_date.isoformat(),
        "address": ME.address,
        "issuer": ME.issuer,
        "valid_from": ME.valid_from.isoformat(),
        "valid_until": "2040-01-01",
    }
    assert set(answer["scores"]) == set(answer["fields"])
    assert all(0.5 < score <= 1 for score in answer["scores"].values())
    assert len(answer["models"]) == 2
    assert all("sha256:" in which for which in answer["models"].values())


@pytest.mark.slow
async def test_a_turned_photograph_of_a_long_term_card_is_read(service: Service) -> None:
    card = person("approved")
    front = camera.turned(draw_front(card, portraits.portrait(ME)), 90)
    back = camera.turned(camera.blurred(draw_back(card), 1.5), 180)
    answer = await service.read(camera.jpeg(front), camera.jpeg(back))
    assert answer["verdict"] == "match"
    assert answer["fields"]["identity_number"] == card.identity_number
    assert answer["fields"]["valid_until"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"identity_number": WRONG_DIGIT}, "image_blurred"),
        ({"birth_date": ME.birth_date.replace(year=1990)}, "card_inconsistent"),
        ({"sex": "male"}, "card_inconsistent"),
    ],
)
async def test_a_card_that_contradicts_itself_is_not_read(
    service: Service, change: dict[str, Any], reason: str
) -> None:
    card = replace(ME, **change)
    answer = await service.read(front_of(card), id_cards.card_back(ME))
    assert plain(answer) == {"verdict": "mismatch", "reasons": [reason]}


@pytest.mark.slow
async def test_pictures_that_show_no_card_say_so(service: Service) -> None:
    front, back = id_cards.card_front(ME), id_cards.card_back(ME)
    assert (await service.read(back, front))["reasons"] == ["wrong_side"]
    assert (await service.read(portraits.face(ME), back))["reasons"] == ["no_card_found"]
    blurred = id_cards.card_front(ME, "blurred")
    assert (await service.read(blurred, back))["reasons"] == ["image_blurred"]
    assert (await service.read(b"<html>" * 30, back))["reasons"] == ["not_an_image"]
    assert (await service.read(front[:20_000], back))["reasons"] == ["image_damaged"]


async def test_the_actions_asked_for_pass(service: Service) -> None:
    answer = await service.check(portraits.frames(ME, ("blink", "shake")))
    assert answer["verdict"] == "match"
    assert set(answer["scores"]) == {"same_face", "blink", "shake"}
    assert answer["score"] == min(answer["scores"].values()) > 0.5
    assert len(answer["models"]) == 2


@pytest.mark.slow
async def test_what_no_living_person_did_is_refused(service: Service) -> None:
    rest, blink = portraits.frames(ME, ())[:2], portraits.frames(ME, ("blink",))[2:]
    nod = [("nod", picture) for _, picture in blink]
    still = [(action, rest[0][1]) for action in ("blink", "blink", "shake")]
    swapped = portraits.frames(OTHER, ("blink",))[2:]
    nobody = [("blink", id_cards.card_back(ME))]
    for frames, reason in (
        (rest + nod, "wrong_action"),
        (rest + still, "not_live"),
        (rest + swapped, "different_person"),
        (rest + nobody, "no_face_found"),
        (blink, "no_neutral_frame"),
        ([*rest, ("blink", portraits.face(ME, "blink", "blurred"))], "image_blurred"),
        ([*rest, ("blink", two_faces())], "several_faces"),
    ):
        answer = await service.check(frames)
        assert (answer["verdict"], answer["reasons"]) == ("mismatch", [reason])
    uneven = await service.call("liveness/check", frames=[rest[0][1]], actions=["neutral", "blink"])
    assert uneven["reasons"] == ["wrong_action"]


def two_faces() -> bytes:
    pair = [np.asarray(portraits.portrait(who)) for who in (ME, OTHER)]
    return camera.jpeg(Image.fromarray(np.hstack(pair)))


@pytest.mark.slow
async def test_a_portrait_that_is_missed_on_the_whole_card_is_found_in_a_part(
    service: Service,
) -> None:
    who = person("approved", 151_980)
    answer = await service.compare(portraits.face(who), id_cards.card_front(who))
    assert answer["verdict"] == "match"


async def test_faces_are_compared_with_a_photo_or_the_card(service: Service) -> None:
    face = portraits.face(ME)
    for reference in (portraits.registered_photo(ME), id_cards.card_front(ME)):
        answer = await service.compare(face, reference)
        assert answer["verdict"] == "match"
        assert answer["similarity"] >= answer["threshold"] == 0.48
    answer = await service.compare(face, id_cards.card_front(OTHER))
    assert (answer["verdict"], answer["reasons"]) == ("mismatch", ["different_person"])
    assert answer["similarity"] < answer["threshold"]
    faceless = await service.compare(face, id_cards.card_back(ME))
    assert faceless["reasons"] == ["no_registered_photo"]


@pytest.mark.slow
async def test_the_registrys_photo_is_told_from_anothers(service: Service) -> None:
    """As the simulator of the registry serves it, for every face that fictional people have."""
    for who in (ME, OTHER, person("approved"), person("registered_as_another")):
        right = who.persona.key != "registered_as_another"
        answer = await service.compare(portraits.face(who), portraits.registered_photo(who))
        assert answer["verdict"] == ("match" if right else "mismatch")
        assert (answer["similarity"] >= answer["threshold"]) is right
        assert answer["reasons"] == ([] if right else ["different_person"])


async def test_without_a_photo_nothing_can_be_said(service: Service) -> None:
    answer = await service.compare(portraits.face(ME), None)
    assert plain(answer) == {"verdict": "unavailable", "reasons": ["no_registered_photo"]}


@pytest.mark.slow
async def test_answers_have_the_form_of_the_contract(service: Service) -> None:
    reading = await service.read(id_cards.card_front(ME), id_cards.card_back(ME))
    del reading["fields"]["ethnicity"]
    del reading["scores"]["ethnicity"]
    del reading["models"]
    assert CardReading.model_validate_json(body_of(**reading)).passed
    alive = plain(await service.check(portraits.frames(ME, ("nod",))))
    assert LivenessResult.model_validate_json(body_of(**alive)).passed
    alike = plain(await service.compare(portraits.face(ME), portraits.registered_photo(ME)))
    assert FaceComparison.model_validate_json(body_of(**alike)).passed


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": "Bearer another"}, 401, "unauthorized"),
        ({"Authorization": None}, 401, "unauthorized"),
        ({"X_Signature": None}, 401, "bad_signature"),
        ({"X_Signature": sign(SECRET, b"another body", utc_now())}, 401, "bad_signature"),
        ({"X_Request_Id": None}, 400, "request_id_missing"),
        ({"X_Request_Id": "a b"}, 400, "bad_request_id"),
    ],
)
async def test_callers_who_prove_nothing_are_refused(
    service: Service, headers: dict[str, str | None], status: int, code: str
) -> None:
    response = await service.send("identity_card/read", b"{}", **headers)
    assert (response.status_code, response.json()) == (status, {"code": code})


async def test_an_old_signature_is_refused(service: Service) -> None:
    old = sign(SECRET, b"{}", utc_now() - timedelta(minutes=6))
    response = await service.send("identity_card/read", b"{}", X_Signature=old)
    assert (response.status_code, response.json()) == (401, {"code": "stale_signature"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"front": "%%%", "back": "AAAA"}',
        b'{"front": "AAAA"}',
        b'{"front": "AAAA", "back": "AAAA", "more": 1}',
        body_of(front=bytes(8 * 1024 * 1024 + 1), back=b""),
    ],
)
async def test_what_is_no_request_is_refused(service: Service, body: bytes) -> None:
    response = await service.send("identity_card/read", body)
    assert (response.status_code, response.json()) == (422, {"code": "invalid_request"})


async def test_more_frames_than_allowed_and_unknown_actions_are_refused(service: Service) -> None:
    many = body_of(frames=[b"x"] * 21, actions=["blink"] * 21)
    unknown = body_of(frames=[b"x"], actions=["dance"])
    for body in (many, unknown):
        assert (await service.send("liveness/check", body)).status_code == 422


async def test_a_body_that_is_announced_too_large_is_not_waited_for(service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(
        b"POST /identity_card/read HTTP/1.1\r\nHost: vision\r\nConnection: close\r\n"
        b"Authorization: Bearer " + KEY.encode() + b"\r\nContent-Length: 41943040\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b'{"code":"body_too_large"}')


async def test_a_body_that_never_says_how_long_it_is_is_cut_off(service: Service) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield bytes(1024 * 1024)

    headers = {"Authorization": f"Bearer {KEY}", "X-Request-Id": "el_1"}
    try:
        response = await service.http.post(
            "/identity_card/read", content=endless(), headers=headers
        )
    except httpx.TransportError:
        return
    assert (response.status_code, response.json()) == (413, {"code": "body_too_large"})
