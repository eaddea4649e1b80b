"""Pictures given over HTTP: what is stored of them, what is refused, who sees what they are."""

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import ExifTags, Image

from api.http.services import Services
from domain.verification.elements import ElementKind, IdentityCard
from sandbox import pictures
from sandbox.personas import person
from storage.verification.element_pictures import ElementPictureRepository
from storage.verification.elements import ElementRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed

pytestmark = pytest.mark.usefixtures("more_products")

DEVICE, PLACE = b"Pocketcam 9", b"31.230416N"
ME = person("approved", 180)


def photograph(kind: str = "JPEG", size: tuple[int, int] = (120, 80)) -> bytes:
    """A file that tells where it was taken, lying on its side."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = DEVICE.decode()
    exif[ExifTags.Base.ImageDescription] = PLACE.decode()
    exif[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).save(file, kind, exif=exif)
    return file.getvalue() + b"behind the end " + PLACE


def card(front: bytes, back: bytes | None = None) -> dict[str, Any]:
    files = {"front": front, "back": back or pictures.card_back(ME)}
    return {"kind": "identity_card"} | {
        name: base64.b64encode(content).decode() for name, content in files.items()
    }


@pytest.fixture
async def application_id(services: Services) -> str:
    async with services.database.transaction() as tx:
        return (await seeds.application(tx, "app", "alice", product="easy")).application_id


async def give(http: httpx.AsyncClient, application_id: str, element: object) -> httpx.Response:
    return await http.post(
        f"/v1/applications/{application_id}/elements",
        headers=keyed("applicant", "alice"),
        json={"elements": [element]},
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_what_a_file_tells_besides_its_picture_is_not_stored(
    http: httpx.AsyncClient, services: Services, application_id: str, kind: str
) -> None:
    given = photograph(kind)
    assert DEVICE in given
    # The process cannot be told here; what was given is stored before.
    answer = await give(http, application_id, card(given))
    assert answer.status_code == 503
    async with services.database.read() as tx:
        stored = await ElementRepository(tx).newest(application_id, ElementKind.IDENTITY_CARD)
        (_, front) = await ElementPictureRepository(tx).of_application(application_id)
    assert stored is not None
    assert isinstance(stored.data, IdentityCard)
    left = stored.data.front
    for told in (DEVICE, PLACE, b"behind the end"):
        assert told not in left
    with Image.open(io.BytesIO(left)) as picture:
        assert not picture.getexif()
        assert picture.size == (80, 120)
    stored_as = "image/png" if kind == "PNG" else "image/jpeg"
    assert (front.media_type, front.bytes) == (stored_as, len(left))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"GIF89a" + bytes(90), "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><!-- 31.230416N --></svg>" * 2, "not_an_image"),
        (photograph()[:300], "image_damaged"),
        (photograph("PNG")[:-60], "image_damaged"),
        (photograph(size=(60, 80)), "image_too_small"),
        (photograph(size=(10_001, 64)), "image_too_large"),
    ],
    ids=["gif", "svg", "cut", "cut later", "small", "large"],
)
async def test_what_is_no_picture_is_refused_by_field_and_code(
    http: httpx.AsyncClient, services: Services, application_id: str, content: bytes, code: str
) -> None:
    answer = await give(http, application_id, card(content))
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == code
    (error,) = problem["errors"]
    assert (error["field"], error["code"]) == ("elements.0.front", code)
    assert "picture" in error["message"] or "send a JPEG" in error["message"]
    assert base64.b64encode(content).decode()[:40] not in answer.text
    assert PLACE.decode() not in answer.text
    async with services.database.read() as tx:
        assert await ElementRepository(tx).latest(application_id) == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [(b"GIF89a" + bytes(90), "not_an_image"), (pictures.face(ME)[:-60], "image_damaged")],
)
async def test_a_bad_frame_is_named_by_its_number(
    http: httpx.AsyncClient, application_id: str, bad: bytes, code: str
) -> None:
    frames = [pictures.face(ME), pictures.face(ME, "blink"), bad]
    face = {
        "kind": "liveness",
        "actions": ["neutral", "blink", "nod"],
        "frames": [base64.b64encode(frame).decode() for frame in frames],
    }
    problem = (await give(http, application_id, face)).json()
    assert [error["field"] for error in problem["errors"]] == ["elements.0.frames.2"]
    assert problem["code"] == code


async def test_staff_see_what_the_pictures_are_and_nobody_sees_them(
    http: httpx.AsyncClient, application_id: str
) -> None:
    await give(http, application_id, card(photograph()))
    url = f"/v1/applications/{application_id}"
    staff = (await http.get(url, headers=bearer("reviewer", "rita"))).json()
    back, front = staff["pictures"]
    assert (back["place"], back["media_type"]) == ("back", "image/png")
    assert {**front, "element_id": None, "bytes": None} == {
        "kind": "identity_card",
        "element_id": None,
        "attempt": 1,
        "place": "front",
        "media_type": "image/jpeg",
        "width": 80,
        "height": 120,
        "bytes": None,
    }
    borrower = (await http.get(url, headers=bearer("applicant", "alice"))).json()
    assert borrower["pictures"] is None
