"""What is recorded of the pictures inside elements, and who else gave the same."""

import asyncio
import io

import pytest
from PIL import ExifTags, Image

from domain.verification.elements import ElementKind, IdentityCard, Verdict
from domain.verification.pictures import BadPicture, clean
from messages import calls
from messages.ids import new_id
from runtime.keyring import BlindIndex
from sandbox import pictures
from sandbox.personas import Person, person
from services.verification.intake import clean_pictures
from storage.common.errors import IdempotencyMismatch
from storage.database import Database
from storage.verification.element_pictures import ElementPictureRepository
from storage.verification.elements import ElementCreate, ElementRepository
from tests.integration.story import Applicant, Bench, applicant, identity_card, liveness, real_name

CARD, LIVENESS = ElementKind.IDENTITY_CARD, ElementKind.LIVENESS
REASON = "picture_used_by_another"


def cards(of: Person) -> IdentityCard:
    return identity_card(pictures.card_front(of), pictures.card_back(of))


async def known_as(bench: Bench, who: Person, channel: str = "app") -> Applicant:
    """Return an applicant whose identity number has been verified."""
    known = await applicant(bench, who, channel=channel)
    assert (await known.verify(real_name(who))).verdict is Verdict.MATCH
    return known


async def all_known(bench: Bench, *indices: int) -> list[Applicant]:
    return [await known_as(bench, person("approved", index)) for index in indices]


async def givers(bench: Bench, element_id: str, who: Person) -> int:
    async with bench.database.read() as tx:
        return await ElementPictureRepository(tx).given_by_others(element_id, who.identity_number)


async def test_what_a_picture_is_stands_beside_the_element(bench: Bench) -> None:
    someone = person("approved", 201)
    known = await applicant(bench, someone)
    given = cards(someone)
    element_id = await known.provide(given)
    face_id = await known.provide(liveness(someone).doing("blink", "nod"))
    async with bench.database.read() as tx:
        rows = await ElementPictureRepository(tx).of_application(known.start.application_id)
    assert [(row.element_id, row.kind, row.attempt, row.place) for row in rows] == [
        (element_id, CARD, 1, "back"),
        (element_id, CARD, 1, "front"),
        *((face_id, LIVENESS, 1, f"frames.{number}") for number in range(3)),
    ]
    front = rows[1]
    assert (front.media_type, front.width, front.height) == ("image/png", 102, 64)
    assert front.bytes == len(clean(given.front).content)


async def test_a_repeat_records_a_picture_once_and_an_earlier_attempt_keeps_its_own(
    bench: Bench,
) -> None:
    someone = person("approved", 202)
    known = await applicant(bench, someone)
    application_id, element_id = known.start.application_id, new_id("elt")

    async def insert(data: IdentityCard) -> None:
        async with bench.database.transaction() as tx:
            new = ElementCreate(element_id, CARD, data, (await clean_pictures([data]))[CARD])
            await ElementRepository(tx).add(application_id, [new])

    await asyncio.gather(*(insert(cards(someone)) for _ in range(4)))
    with pytest.raises(IdempotencyMismatch):
        await insert(cards(person("approved", 203)))
    again = await known.provide(cards(someone))
    async with bench.database.read() as tx:
        rows = await ElementPictureRepository(tx).of_application(application_id)
    assert [(row.element_id, row.attempt) for row in rows] == [
        (element_id, 1),
        (element_id, 1),
        (again, 2),
        (again, 2),
    ]


async def test_what_is_no_picture_leaves_nothing(bench: Bench) -> None:
    someone = person("approved", 204)
    known = await applicant(bench, someone)
    with pytest.raises(BadPicture):
        await known.provide(identity_card(pictures.card_front(someone), b"GIF89a" + bytes(80)))
    async with bench.database.read() as tx:
        assert await ElementRepository(tx).newest(known.start.application_id, CARD) is None
        assert await ElementPictureRepository(tx).of_application(known.start.application_id) == []


async def test_the_digest_is_keyed_and_the_same_for_the_same_picture(
    bench: Bench, database: Database
) -> None:
    someone = person("approved", 205)
    known = await applicant(bench, someone)
    picture = pictures.card_front(someone)
    await known.provide(identity_card(picture, picture))
    async with database.read() as tx:
        digests = await tx.connection.fetch(
            "select distinct content_idx from element_pictures p join elements e"
            " on e.id = p.element_id where e.application_id = $1",
            known.start.application_id,
        )
    (found,) = (record["content_idx"] for record in digests)
    other_key = BlindIndex(bytes(32))
    plain = clean(picture).digest
    assert found not in (bytes.fromhex(plain), other_key.of("picture", plain))


async def test_another_persons_picture_is_a_mismatch_and_nobody_is_asked(bench: Bench) -> None:
    first, second = await all_known(bench, 206, 207)
    assert (await first.verify(cards(first.person))).verdict is Verdict.MATCH
    mixed = identity_card(pictures.card_front(second.person), pictures.card_back(first.person))
    for given in (mixed, cards(first.person)):
        element_id = await second.provide(given)
        assert await givers(bench, element_id, second.person) == 1
        outcome = await bench.perform(calls.VERIFY_ELEMENT, second.request(element_id, CARD))
        assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, REASON)
        assert await bench.simulators.calls(request_id=element_id) == []
    assert (await second.verify(cards(second.person))).verdict is Verdict.MATCH


async def test_another_persons_picture_is_known_in_another_file(bench: Bench) -> None:
    first, second = await all_known(bench, 216, 217)
    assert (await first.verify(cards(first.person))).verdict is Verdict.MATCH
    file, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Make] = "Pocketcam 9"
    exif[ExifTags.Base.Orientation] = 8
    with Image.open(io.BytesIO(pictures.card_front(first.person))) as front:
        lying = front.transpose(Image.Transpose.ROTATE_270)
        lying.save(file, "PNG", exif=exif, compress_level=0)
    mixed = identity_card(file.getvalue(), pictures.card_back(second.person))
    assert (await second.verify(mixed)).reason == REASON


async def test_a_stolen_picture_does_not_fall_back_on_whose_it_is(bench: Bench) -> None:
    owner, thief, other = await all_known(bench, 208, 209, 210)
    assert (await owner.verify(cards(owner.person))).verdict is Verdict.MATCH
    assert (await thief.verify(cards(owner.person))).reason == REASON
    assert (await owner.verify(cards(owner.person))).verdict is Verdict.MATCH
    element_id = await other.provide(cards(owner.person))
    assert await givers(bench, element_id, other.person) == 1


async def test_one_frame_of_another_person_is_enough(bench: Bench) -> None:
    first, second = await all_known(bench, 211, 212)
    for one in (first, second):
        assert (await one.verify(cards(one.person))).verdict is Verdict.MATCH
    assert (await first.verify(liveness(first.person))).verdict is Verdict.MATCH
    async with bench.database.transaction() as tx:
        asked = await second.asked(tx)
    mine = liveness(second.person).doing(*asked.actions)
    mixed = mine.model_copy(update={"frames": (*mine.frames[:-1], pictures.face(first.person))})
    assert (await second.verify(mixed)).reason == REASON
    assert (await second.verify(liveness(second.person))).verdict is Verdict.MATCH


async def test_the_same_person_may_give_a_picture_again_in_any_channel(bench: Bench) -> None:
    who = person("approved", 213)
    for channel in ("app", "acme"):
        known = await known_as(bench, who, channel)
        for given in (cards(who), cards(who), liveness(who)):
            assert (await known.verify(given)).verdict is Verdict.MATCH


async def test_who_is_not_known_yet_is_nobody_else(bench: Bench) -> None:
    unknown = await applicant(bench, person("approved", 214))
    await unknown.provide(cards(unknown.person))
    known = await known_as(bench, person("approved", 215))
    element_id = await known.provide(cards(unknown.person))
    assert await givers(bench, element_id, known.person) == 0
    assert (await unknown.verify(real_name(unknown.person))).verdict is Verdict.MATCH
    assert await givers(bench, element_id, known.person) == 1
