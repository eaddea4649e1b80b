"""A living face is compared with the verified card and with the registry's photo, and with both."""

import base64
import json
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError

import providers
from activities.sources.enquiries import DataSourceGateway, Subject
from activities.verification.face_checks import Compared, FaceToCompare, compare_face
from domain.applications.application import is_provided
from domain.verification.elements import ElementKind, Verdict
from domain.verification.pictures import clean
from messages import calls
from messages.verification import ElementOutcome
from providers.http.errors import ProviderUnavailable
from providers.http.requests import ProviderRequest, ResponseT
from providers.registry import Providers
from providers.verification.liveness import CompareRequest, FaceComparison
from sandbox import personas, pictures, portraits
from sandbox.personas import Person, person, stranger
from storage.database import Database
from storage.verification.elements import ElementRepository, VerificationRow
from tests.definitions import Sources
from tests.integration import story
from tests.integration.story import Applicant, Bench, applicant
from tests.products import CASH, REVOLVING, changed, release_products

CARD_ONLY = changed(CASH, "card_only", check_registered_photo=False)
"""Leaves the registry's photo out."""
NO_CARD = changed(
    CASH,
    "no_card",
    required_elements=tuple(
        kind for kind in CASH.required_elements if kind is not ElementKind.IDENTITY_CARD
    ),
)
"""Asks for a face and for no card."""
NOTHING_TO_COMPARE = changed(NO_CARD, "nothing_to_compare", check_registered_photo=False)
"""Leaves it to the source that compares to know whose face it is."""

BOTH = {"card_similarity", "card_threshold", "registry_similarity", "registry_threshold"}


@pytest.fixture(autouse=True, scope="module")
async def offered(database: Database) -> None:
    await release_products(database, CARD_ONLY, NO_CARD, NOTHING_TO_COMPARE)


async def known(
    bench: Bench, key: str, index: int, *, card: bool = True, product: str = "cash"
) -> Applicant:
    """Return an applicant whose name, and by default whose card, is verified.

    Without a card of a product that asks for none, unless another one is named.
    """
    if not card and product == "cash":
        product = NO_CARD.code
    return await verified(bench, person(key, index), card=card, product=product)


async def verified(
    bench: Bench, who: Person, *, card: bool = True, product: str = "cash"
) -> Applicant:
    of = await applicant(bench, who, product=product)
    outcomes = [await of.verify(story.real_name(who))]
    if card:
        sides = story.identity_card(pictures.card_front(who), pictures.card_back(who))
        outcomes.append(await of.verify(sides))
    assert {outcome.verdict for outcome in outcomes} == {Verdict.MATCH}
    return of


@dataclass(frozen=True)
class Shown:
    """A face that was handed in, and what came of it."""

    of: Applicant
    element_id: str

    async def verify(self) -> ElementOutcome:
        request = self.of.request(self.element_id, "liveness")
        return await self.of.bench.perform(calls.VERIFY_ELEMENT, request)

    async def record(self) -> VerificationRow | None:
        async with self.of.bench.database.read() as tx:
            return await ElementRepository(tx).verification(self.element_id)

    async def facts(self) -> dict[str, Any]:
        recorded = await self.record()
        assert recorded is not None
        return recorded.facts

    async def asked(self, step: str = "") -> list[dict[str, Any]]:
        """The calls that one step of the check made, by the simulators' record."""
        request_id = f"{self.element_id}{step}"
        return await self.of.bench.simulators.calls(request_id=request_id)


async def shows(of: Applicant, face: Person | None = None) -> Shown:
    return Shown(of, await of.provide(story.liveness(of.person, face)))


def reference(call: dict[str, Any]) -> str | None:
    told: str | None = json.loads(call["details"])["reference"]
    return told


async def test_both_the_card_and_the_registry_must_show_the_face(bench: Bench) -> None:
    of = await known(bench, "approved", 7000)
    face = await shows(of)
    assert (await face.verify()).verdict is Verdict.MATCH
    facts = await face.facts()
    assert set(facts) == BOTH | {"score", "scores", "models", "compared_with"}
    assert facts["compared_with"] == ["card", "registry"]
    for which in ("card", "registry"):
        assert facts[f"{which}_similarity"] >= facts[f"{which}_threshold"] > 0
    photo = portraits.registered_photo(of.person)
    with_card, with_photo = await face.asked(":face"), await face.asked(":registry")
    assert [reference(call) for call in with_card + with_photo] == [
        f"{len(clean(pictures.card_front(of.person)).content)} bytes",
        f"{len(photo)} bytes",
    ]
    [fetched] = await face.asked(":photo")
    assert (fetched["provider"], fetched["operation"]) == ("registered_photo", "fetch")
    assert not set(json.loads(fetched["details"]).values()) & {
        of.person.name,
        of.person.identity_number,
    }


async def test_without_a_card_the_registry_is_what_a_face_is_compared_with(
    bench: Bench,
) -> None:
    of = await known(bench, "approved", 7001, card=False)
    face = await shows(of)
    assert (await face.verify()).verdict is Verdict.MATCH
    assert (await face.facts())["compared_with"] == ["registry"]
    assert await face.asked(":face") == []


async def test_a_product_may_leave_the_registrys_photo_out(bench: Bench) -> None:
    assert all(one.content.check_registered_photo for one in (CASH, REVOLVING))
    face = await shows(await known(bench, "registered_as_another", 7003, product="card_only"))
    assert (await face.verify()).verdict is Verdict.MATCH
    assert (await face.facts())["compared_with"] == ["card"]
    assert await face.asked(":photo") == []
    # Without a card either, the source that compares has to know the person by itself.
    product = NOTHING_TO_COMPARE.code
    of = await known(bench, "registered_as_another", 7004, card=False, product=product)
    face = await shows(of)
    assert (await face.verify()).reason == "not_the_registered_person"
    assert [reference(call) for call in await face.asked(":face")] == [None]


async def test_another_face_than_the_cards_ends_the_check_before_a_photo_is_fetched(
    bench: Bench,
) -> None:
    face = await shows(await known(bench, "approved", 7005), person("approved", 7006))
    outcome = await face.verify()
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "different_person")
    facts = await face.facts()
    assert facts["card_similarity"] < facts["card_threshold"]
    assert (facts["compared_with"], facts["reasons"]) == (["card"], ["different_person"])
    assert await face.asked(":photo") == []


async def test_another_face_than_the_registered_one_is_told_from_that(bench: Bench) -> None:
    face = await shows(await known(bench, "registered_as_another", 7007))
    outcome = await face.verify()
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "not_the_registered_person")
    facts = await face.facts()
    assert facts["compared_with"] == ["card", "registry"]
    assert facts["card_similarity"] >= facts["card_threshold"]
    assert facts["registry_similarity"] < facts["registry_threshold"]
    assert not is_provided(CASH, ElementKind.LIVENESS, outcome.verdict, outcome.reason)
    face = await shows(await known(bench, "approved", 7008, card=False), person("approved", 7009))
    assert (await face.verify()).reason == "not_the_registered_person"


async def test_who_has_no_registered_photo_is_for_a_person_to_judge(bench: Bench) -> None:
    face = await shows(await known(bench, "no_registered_photo", 7010))
    outcome = await face.verify()
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "no_registered_photo")
    assert is_provided(CASH, ElementKind.LIVENESS, outcome.verdict, outcome.reason)
    recorded = await face.record()
    assert recorded is not None
    assert recorded.provider == "registered_photo"
    assert recorded.facts["compared_with"] == ["card"]
    face = await shows(await known(bench, "no_registered_photo", 7013, card=False))
    assert (await face.verify()).reason == "no_registered_photo"
    assert (await face.facts())["compared_with"] == []


async def test_a_photo_of_a_name_that_is_not_the_numbers_is_not_given(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await known(bench, "approved", 7011, card=False)
    # The register that was asked first and the one that keeps the photos may differ.
    renamed = replace(of.person, name="晴方坏")
    monkeypatch.setattr(personas, "by_identity", lambda _: renamed)
    face = await shows(of)
    outcome = await face.verify()
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "name_mismatch")
    assert not is_provided(CASH, ElementKind.LIVENESS, outcome.verdict, outcome.reason)


async def test_somebody_outside_the_table_has_a_registered_photo(bench: Bench) -> None:
    face = await shows(await verified(bench, stranger(7012)))
    assert (await face.verify()).verdict is Verdict.MATCH


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"reset": True}, {"garbage": "wrong_shape"}, {"garbage": "huge"}],
    ids=str,
)
async def test_a_registry_that_cannot_say_is_asked_again_and_never_passed_over(
    bench: Bench, fault: dict[str, object], request: pytest.FixtureRequest
) -> None:
    index = 7020 + request.node.callspec.indices["fault"]
    face = await shows(await known(bench, "approved", index))
    await bench.simulators.fault("registered_photo", **fault)
    for _ in range(2):
        with pytest.raises(ApplicationError) as failed:
            await face.verify()
        assert failed.value.type == "ProviderUnavailable"
        assert await face.record() is None
    await bench.simulators.repair()
    assert (await face.verify()).verdict is Verdict.MATCH
    # What had been answered stands: only the photo was asked for again.
    steps = {step: len(await face.asked(step)) for step in ("", ":face", ":photo", ":registry")}
    assert steps == {"": 1, ":face": 1, ":photo": 3, ":registry": 1}


async def test_while_nobody_compares_no_photo_is_fetched(bench: Bench) -> None:
    face = await shows(await known(bench, "approved", 7030))
    await bench.simulators.fault("liveness", operation="compare", status=503)
    with pytest.raises(ApplicationError):
        await face.verify()
    assert await face.asked(":photo") == []
    assert await face.record() is None


async def test_a_person_without_a_place_in_the_registry_gets_no_verdict(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await known(bench, "approved", 7031, card=False)
    monkeypatch.setattr(personas, "by_identity", lambda _: person("not_in_registry", 7031))
    face = await shows(of)
    outcome = await face.verify()
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, "not_in_registry")
    assert await face.record() is None


async def test_the_photo_is_never_stored_and_shown_as_a_length(bench: Bench) -> None:
    of = await known(bench, "approved", 7032)
    face = await shows(of)
    await face.verify()
    photo = portraits.registered_photo(of.person)
    async with bench.database.read() as tx:
        kept = await tx.connection.fetch(
            "select answer_enc, valid_until, answered::text from enquiries"
            " where request_id = $1 and outcome = 'match'",
            f"{face.element_id}:photo",
        )
        assert [(row["answer_enc"], row["valid_until"]) for row in kept] == [(None, None)]
        assert json.loads(kept[0]["answered"])["photo"] == {"bytes": len(photo)}
        spelled = [photo.hex()[200:260], base64.b64encode(photo).decode()[200:260]]
        for table in ("enquiries", "verifications", "outbox", "elements"):
            rows = await tx.connection.fetch(f"select t::text as row from {table} t")  # noqa: S608 -- the names above
            text = "".join(row["row"] for row in rows)
            assert not [part for part in spelled if part in text], table


class Scripted(Providers):
    """Compares as told, whatever it is shown; sends everything else on."""

    def __init__(self, others: Providers, *answers: FaceComparison) -> None:
        super().__init__(**vars(others))
        self.__dict__ |= {"answers": list(answers), "references": []}

    answers: list[FaceComparison]
    references: list[bytes | None]

    async def call(
        self, request: ProviderRequest[ResponseT], *, request_id: str, source: str | None = None
    ) -> ResponseT:
        if not isinstance(request, CompareRequest):
            return await super().call(request, request_id=request_id, source=source)
        self.references.append(request.reference)
        answer: Any = self.answers.pop(0)
        return cast(ResponseT, answer)


def mismatch(reason: str) -> FaceComparison:
    return FaceComparison(verdict=providers.Verdict.MISMATCH, reasons=(reason,), models={"m": "1"})


MATCH = FaceComparison(
    verdict=providers.Verdict.MATCH, similarity=0.9, threshold=0.5, models={"m": "1"}
)


async def compared(
    bench: Bench,
    index: int,
    scripted: Scripted,
) -> Compared:
    """Compare a person's face with a card and the registry's photo, as a scripted source does."""
    who = person("approved", index)
    of = await applicant(bench, who)
    face = pictures.face(who)
    asked = FaceToCompare(face, who.name, who.identity_number, pictures.card_front(who), True)
    subject = Subject(f"elt_{index}", of.start.applicant_id, of.start.application_id)
    return await compare_face(DataSourceGateway(bench.database, scripted), asked, subject)


@pytest.mark.parametrize(
    ("answers", "reason", "compared_with"),
    [
        ((MATCH, MATCH), None, ["card", "registry"]),
        ((mismatch("different_person"),), "different_person", ["card"]),
        ((mismatch("image_blurred"),), "image_blurred", ["card"]),
        ((mismatch("no_registered_photo"),), "no_portrait_found", ["card"]),
        ((MATCH, mismatch("different_person")), "not_the_registered_person", ["card", "registry"]),
        ((MATCH, mismatch("image_too_small")), "registered_photo_unusable", ["card", "registry"]),
        ((MATCH, mismatch("faces_differ")), "not_the_registered_person", ["card", "registry"]),
        (
            (MATCH, mismatch("no_registered_photo")),
            "registered_photo_unusable",
            ["card", "registry"],
        ),
    ],
)
async def test_whose_fault_a_mismatch_is(
    bench: Bench,
    answers: tuple[FaceComparison, ...],
    reason: str | None,
    compared_with: list[str],
    request: pytest.FixtureRequest,
) -> None:
    index = 7040 + request.node.callspec.indices["answers"]
    scripted = Scripted(bench.simulators.providers, *answers)
    found = await compared(bench, index, scripted)
    assert (found.reason, found.facts["compared_with"]) == (reason, compared_with)
    assert found.models == {"m": "1"}
    assert len(scripted.references) == len(compared_with)
    if reason is not None:
        assert found.facts["reasons"] == [answers[-1].reasons[0]]


async def test_a_registry_that_is_switched_off_is_no_pass(bench: Bench, sources: Sources) -> None:
    await sources.be({"registered_photo": {"enabled": False}})
    with pytest.raises(ProviderUnavailable, match="switched_off"):
        await compared(bench, 7060, Scripted(bench.simulators.providers, MATCH))
