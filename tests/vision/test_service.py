"""The service with real models over real HTTP: cards, movements, faces, refused callers."""

import asyncio
import io
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


def side_by_side(*sides: Image.Image) -> bytes:
    return camera.jpeg(camera.on_a_desk(Image.fromarray(np.hstack([np.asarray(x) for x in sides]))))


def one_above_another(*sides: Image.Image) -> bytes:
    return camera.jpeg(camera.on_a_desk(Image.fromarray(np.vstack([np.asarray(x) for x in sides]))))


@pytest.mark.slow
async def test_two_cards_in_one_picture_are_several(service: Service) -> None:
    """Nobody can tell whose card is meant; front and back of one card are one."""
    front, back = draw_front(ME, portraits.portrait(ME)), draw_back(ME)
    other = draw_front(OTHER, portraits.portrait(OTHER))
    for place in (side_by_side, one_above_another):
        for fronts in ((front, other), (front, front)):
            answer = await service.read(place(*fronts), id_cards.card_back(ME))
            assert answer["reasons"] == ["several_cards"]
        answer = await service.read(id_cards.card_front(ME), place(back, draw_back(OTHER)))
        assert answer["reasons"] == ["several_cards"]
    both_sides = one_above_another(front, back)
    answer = await service.read(both_sides, both_sides)
    assert answer["verdict"] == "match"


BARE = Image.new("RGB", (1000, 630), "white")


@pytest.mark.slow
@pytest.mark.parametrize(
    "blank",
    [
        BARE,
        camera.on_a_desk(BARE),
        camera.blurred(camera.on_a_desk(BARE), 6),
        camera.with_noise(BARE.point(lambda _: 120), 8, seed=1),
    ],
    ids=["white", "on a desk", "out of focus", "with noise"],
)
async def test_a_blank_card_is_no_card_and_a_blank_frame_no_face(
    service: Service, blank: Image.Image
) -> None:
    """To ask for a sharper picture of nothing would be asked for ever."""
    picture = camera.jpeg(blank)
    answer = await service.read(picture, id_cards.card_back(ME))
    assert answer["reasons"] == ["no_card_found"]
    answer = await service.check([("neutral", picture), ("blink", picture)])
    assert answer["reasons"] == ["no_face_found"]
    answer = await service.compare(picture, id_cards.card_front(ME))
    assert answer["reasons"] == ["no_face_found"]


def lying(content: bytes, quarters: int) -> bytes:
    return camera.jpeg(camera.turned(Image.open(io.BytesIO(content)), 90 * quarters))


@pytest.mark.slow
@pytest.mark.parametrize("quarters", [1, 2, 3])
async def test_frames_of_a_telephone_on_its_side_are_turned(
    service: Service, quarters: int
) -> None:
    frames = portraits.frames(ME, ("blink", "shake"))
    answer = await service.check([(action, lying(one, quarters)) for action, one in frames])
    assert answer["verdict"] == "match", answer
    wrong = [("nod" if action == "shake" else action, lying(x, quarters)) for action, x in frames]
    assert (await service.check(wrong))["reasons"] == ["wrong_action"]
    card = lying(id_cards.card_front(ME), 4 - quarters)
    answer = await service.compare(lying(portraits.face(ME), quarters), card)
    assert answer["verdict"] == "match"
    answer = await service.compare(lying(portraits.face(OTHER), quarters), card)
    assert answer["reasons"] == ["different_person"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
async def test_what_telephones_write_is_read(service: Service, kind: str) -> None:
    sides = []
    for jpeg in (id_cards.card_front(ME), id_cards.card_back(ME)):
        file = io.BytesIO()
        Image.open(io.BytesIO(jpeg)).save(file, kind, quality=80)
        sides.append(file.getvalue())
    answer = await service.read(sides[0], sides[1])
    assert answer["verdict"] == "match"
    assert answer["fields"]["identity_number"] == ME.identity_number


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
