"""Verifying providers against their simulators over HTTP: verdicts by persona, errors by fault."""

import io
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from PIL import Image

from providers import Providers, Verdict
from providers.sources.credit_history import BureauRequest
from providers.verification.contacts import Contact, ContactsRequest
from providers.verification.factors import BankCardRequest, OperatorRequest, RealNameRequest
from providers.verification.identity_card import CardReadRequest
from providers.verification.liveness import Action, CompareRequest, LivenessRequest
from providers.verification.registered_photo import RegisteredPhotoRequest, RegisteredPhotoResponse
from sandbox import pictures, portraits
from sandbox.personas import PERSONAS, Person, person, stranger
from tests.simulators import Simulators

_ids = itertools.count()
ACTIONS: list[Action] = ["blink", "nod"]


@pytest.fixture
async def simulators(served: Simulators) -> Simulators:
    """The module's simulators without faults."""
    await served.console.delete("/sandbox/faults")
    return served


def fresh_id() -> str:
    return f"elt_{next(_ids)}"


async def real_name(providers: Providers, who: Person) -> tuple[Verdict, tuple[str, ...]]:
    answer = await providers.call(
        RealNameRequest(name=who.name, identity_number=who.identity_number), request_id=fresh_id()
    )
    return answer.verdict, answer.reasons


async def operator(providers: Providers, who: Person) -> tuple[Verdict, tuple[str, ...]]:
    answer = await providers.call(
        OperatorRequest(
            name=who.name,
            identity_number=who.identity_number,
            mobile=who.mobile,
        ),
        request_id=fresh_id(),
    )
    return answer.verdict, answer.reasons


async def liveness(providers: Providers, who: Person) -> tuple[Verdict, tuple[str, ...]]:
    frames = [pictures.face(who, action) for action in ACTIONS]
    answer = await providers.call(
        LivenessRequest(frames=frames, actions=ACTIONS), request_id=fresh_id()
    )
    return answer.verdict, answer.reasons


@pytest.mark.parametrize("index", [0, 7, 123_456])
@pytest.mark.parametrize("check", [real_name, operator, liveness])
@pytest.mark.parametrize(
    ("key", "failing", "verdict", "reason"),
    [
        ("story", None, None, None),
        ("approved", None, None, None),
        ("mobile_mismatch", operator, Verdict.MISMATCH, "mobile_mismatch"),
        ("name_mismatch", real_name, Verdict.MISMATCH, "name_mismatch"),
        ("not_in_registry", real_name, Verdict.UNAVAILABLE, "not_in_registry"),
        ("not_live", liveness, Verdict.MISMATCH, "not_live"),
    ],
)
async def test_a_persona_fails_its_own_check_and_no_other(
    simulators: Simulators,
    key: str,
    failing: object,
    verdict: Verdict,
    reason: str,
    check: Callable[[Providers, Person], Awaitable[tuple[Verdict, tuple[str, ...]]]],
    index: int,
) -> None:
    answer = await check(simulators.providers, person(key, index))
    assert answer == ((verdict, (reason,)) if check is failing else (Verdict.MATCH, ()))


async def test_a_stranger_matches_everywhere(simulators: Simulators) -> None:
    who = stranger(31_337)
    for check in (real_name, operator, liveness):
        assert await check(simulators.providers, who) == (Verdict.MATCH, ())
    report = await simulators.providers.call(
        BureauRequest(
            name=who.name,
            identity_number=who.identity_number,
            mobile=who.mobile,
        ),
        request_id=fresh_id(),
    )
    assert (report.score, report.blacklisted) == (780, False)


async def test_a_wrong_name_or_mobile_is_a_mismatch(simulators: Simulators) -> None:
    who = person("approved")
    assert await real_name(simulators.providers, replace(who, name="晴方坏")) == (
        Verdict.MISMATCH,
        ("name_mismatch",),
    )
    assert await operator(simulators.providers, replace(who, mobile="19999999999")) == (
        Verdict.MISMATCH,
        ("mobile_mismatch",),
    )


@pytest.mark.parametrize(
    ("key", "score", "blacklisted", "queried"),
    [
        ("story", 610, False, 1),
        ("approved", 780, False, 1),
        ("blacklisted", 380, True, 1),
        ("low_score", 380, False, 1),
        ("heavily_queried", 640, False, 14),
    ],
)
async def test_the_bureau_knows_each_persona(
    simulators: Simulators, key: str, score: int, blacklisted: bool, queried: int
) -> None:
    who = person(key)
    report = await simulators.providers.call(
        BureauRequest(
            name=who.name,
            identity_number=who.identity_number,
            mobile=who.mobile,
        ),
        request_id=fresh_id(),
    )
    assert report.passed
    assert (report.score, report.blacklisted, report.lenders_queried_30d) == (
        score,
        blacklisted,
        queried,
    )


async def test_the_card_is_read_once_the_picture_is_clear(simulators: Simulators) -> None:
    who = person("story")

    async def read(front: bytes, back: bytes) -> object:
        reading = await simulators.providers.call(
            CardReadRequest(front=front, back=back), request_id=fresh_id()
        )
        return reading.fields or reading.reasons

    front, back = pictures.card_front(who), pictures.card_back(who)
    assert await read(pictures.card_front(who, "blurred"), back) == ("image_blurred",)
    assert await read(back, front) == ("wrong_side",)
    assert await read(b"\x89PNG\r\n\x1a\n", back) == ("no_card_found",)
    assert await read(pictures.face(who), back) == ("wrong_side",)
    fields = await read(front, back)
    for field in ("name", "identity_number", "sex", "birth_date", "address", "issuer"):
        assert getattr(fields, field) == getattr(who, field)
    assert getattr(fields, "valid_until") == who.valid_until  # noqa: B009 -- `object` has none


async def test_a_long_term_card_has_no_end(simulators: Simulators) -> None:
    who = person("approved")
    reading = await simulators.providers.call(
        CardReadRequest(front=pictures.card_front(who), back=pictures.card_back(who)),
        request_id=fresh_id(),
    )
    assert reading.fields is not None
    assert reading.fields.valid_until is None
    assert reading.scores["identity_number"] > 0.9


async def test_liveness_wants_the_actions_by_one_face(simulators: Simulators) -> None:
    mine, theirs = person("story"), person("approved")

    async def check(*frames: bytes) -> tuple[str, ...]:
        answer = await simulators.providers.call(
            LivenessRequest(frames=list(frames), actions=ACTIONS), request_id=fresh_id()
        )
        return answer.reasons

    assert await check(pictures.face(mine, "blink"), pictures.face(mine, "nod")) == ()
    assert await check(pictures.face(mine, "nod"), pictures.face(mine, "blink")) == (
        "wrong_action",
    )
    assert await check(pictures.face(mine, "blink")) == ("wrong_action",)
    assert await check(pictures.face(mine, "blink"), pictures.face(theirs, "nod")) == (
        "different_person",
    )
    assert await check(pictures.card_front(mine), pictures.face(mine, "nod")) == ("no_face_found",)
    assert await check(pictures.face(mine, "blink", "blurred"), pictures.face(mine, "nod")) == (
        "image_blurred",
    )


async def test_a_face_is_compared_with_the_registered_photo(simulators: Simulators) -> None:
    who, other = person("story"), person("approved")
    same = await simulators.providers.call(
        CompareRequest(face=pictures.face(who), identity_number=who.identity_number),
        request_id=fresh_id(),
    )
    assert same.passed
    assert same.similarity is not None
    assert same.threshold is not None
    assert same.similarity >= same.threshold
    swapped = await simulators.providers.call(
        CompareRequest(face=pictures.face(other), identity_number=who.identity_number),
        request_id=fresh_id(),
    )
    assert (swapped.verdict, swapped.reasons) == (Verdict.MISMATCH, ("different_person",))


@pytest.mark.parametrize(
    ("key", "verdict", "reason"),
    [
        ("approved", Verdict.MATCH, None),
        ("registered_as_another", Verdict.MATCH, None),
        ("no_registered_photo", Verdict.MISMATCH, "no_registered_photo"),
        ("name_mismatch", Verdict.MISMATCH, "name_mismatch"),
        ("not_in_registry", Verdict.UNAVAILABLE, "not_in_registry"),
    ],
)
async def test_the_registry_gives_the_photo_of_whom_it_knows(
    simulators: Simulators, key: str, verdict: Verdict, reason: str | None
) -> None:
    who = person(key, 12)
    answer = await photo_of(simulators, who)
    assert (answer.verdict, answer.reasons) == (verdict, (reason,) if reason else ())
    assert (answer.photo is not None) is (verdict is Verdict.MATCH)
    if answer.photo is not None:
        assert answer.photo == portraits.registered_photo(who)
        assert answer.photo[:2].hex() not in repr(answer)
        with Image.open(io.BytesIO(answer.photo)) as photo:
            assert (photo.format, photo.width) == ("JPEG", 358)


async def test_a_photo_is_of_the_number_and_given_for_its_name_only(simulators: Simulators) -> None:
    who = person("approved", 13)
    wrong = await photo_of(simulators, replace(who, name="晴方坏"))
    assert (wrong.reasons, wrong.photo) == (("name_mismatch",), None)
    other = person("registered_as_another", 13)
    of_another = (await photo_of(simulators, other)).photo
    assert of_another not in {
        portraits.registered_photo(person(one.key, 13))
        for one in PERSONAS
        if one.key != "registered_as_another"
    }
    for index in range(4):
        assert (await photo_of(simulators, stranger(index))).passed


async def photo_of(simulators: Simulators, who: Person) -> RegisteredPhotoResponse:
    return await simulators.providers.call(
        RegisteredPhotoRequest(name=who.name, identity_number=who.identity_number),
        request_id=fresh_id(),
    )


async def test_another_is_registered_under_a_number_whose_card_is_its_own(
    simulators: Simulators,
) -> None:
    """The simulator's own comparison, which tells a card from a photograph."""
    who = person("registered_as_another", 14)
    photo = (await photo_of(simulators, who)).photo
    for reference, matches in ((pictures.card_front(who), True), (photo, False), (None, False)):
        answer = await simulators.providers.call(
            CompareRequest(
                face=pictures.face(who),
                identity_number=who.identity_number,
                reference=reference,
            ),
            request_id=fresh_id(),
        )
        assert answer.passed is matches


@pytest.mark.parametrize(
    ("key", "changes", "reasons", "card_type"),
    [
        ("story", {}, (), "debit"),
        ("credit_card", {}, (), "credit"),
        ("story", {"card_number": person("approved").card_number}, ("card_not_owned",), None),
        ("story", {"card_number": "6222022005001212723"}, ("card_invalid",), None),
        ("story", {"mobile": "19999999999"}, ("mobile_mismatch",), None),
        ("story", {"name": "林大雨"}, ("name_mismatch",), None),
    ],
)
async def test_four_factors_of_a_card(
    simulators: Simulators,
    key: str,
    changes: dict[str, str],
    reasons: tuple[str, ...],
    card_type: str | None,
) -> None:
    who = replace(person(key), **changes)  # type: ignore[arg-type] # only text fields are changed
    answer = await simulators.providers.call(
        BankCardRequest(
            name=who.name,
            identity_number=who.identity_number,
            card_number=who.card_number,
            mobile=who.mobile,
        ),
        request_id=fresh_id(),
    )
    assert (answer.reasons, answer.card_type) == (reasons, card_type)
    assert answer.passed == (not reasons)


async def test_contacts_are_other_people(simulators: Simulators) -> None:
    who = person("story")
    mother = Contact(name="云生雨", relation="parent", mobile="13800000001")

    async def verify(*contacts: Contact) -> tuple[str, ...]:
        answer = await simulators.providers.call(
            ContactsRequest(
                identity_number=who.identity_number,
                mobile=who.mobile,
                contacts=list(contacts),
            ),
            request_id=fresh_id(),
        )
        return answer.reasons

    friend = mother.model_copy(update={"relation": "friend", "mobile": "13800000002"})
    assert await verify(mother, friend) == ()
    assert await verify(mother, mother) == ("duplicate_contact",)
    assert await verify(mother, friend.model_copy(update={"mobile": who.mobile})) == (
        "contact_is_applicant",
    )
