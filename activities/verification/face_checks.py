"""Whose face it is: a living face against the portrait on the card and the registry's photo.

One after the other, although neither needs the other's answer. The registry's photo is the most
sensitive thing that is fetched of anybody, costs money and is never kept, so that a repeat fetches
it anew: it is asked for last, when the face is known to live and to be the card's, and when whoever
compares it was there a moment ago.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from activities.sources.enquiries import DataSourceGateway, SourceResponse, Subject
from providers.verification.liveness import CompareRequest, FaceComparison
from providers.verification.registered_photo import RegisteredPhotoRequest

Reference = Literal["card", "registry"]

_NO_PORTRAIT: Final = "no_portrait_found"
_ANOTHER_THAN_REGISTERED: Final = "not_the_registered_person"
_PHOTO_UNUSABLE: Final = "registered_photo_unusable"
_PICTURE_FAULTS: Final = frozenset(
    {"no_registered_photo", "no_face_found", "several_faces", "image_blurred", "not_an_image"}
    | {"image_damaged", "image_animated", "image_too_large", "image_too_small"}
)


@dataclass(frozen=True, repr=False)
class FaceToCompare:
    """A living face, whose it should be, and what shows that person. Holds personal data.

    `card` is the front of a verified card. Without `fetches_photo` and without a card the source
    that compares is left to know the person by itself.
    """

    face: bytes
    name: str
    identity_number: str
    card: bytes | None
    fetches_photo: bool


@dataclass(frozen=True)
class Compared:
    """What the comparisons came to: a `reason` unless all matched, and what was measured.

    `facts` say under `compared_with` what the face was compared with.
    """

    source: str
    reason: str | None
    facts: Mapping[str, Any]
    models: Mapping[str, str] = field(default_factory=dict)

    def after(self, earlier: "Compared | None") -> "Compared":
        """Return this with what an earlier comparison measured."""
        if earlier is None:
            return self
        both = [*earlier.facts["compared_with"], *self.facts["compared_with"]]
        return replace(
            self,
            facts={**earlier.facts, **self.facts, "compared_with": both},
            models={**earlier.models, **self.models},
        )


async def compare_face(
    gateway: DataSourceGateway, asked: FaceToCompare, subject: Subject
) -> Compared:
    """Compare a face with the card, then with the registry's photo; the first mismatch ends it.

    Raises as `DataSourceGateway.query` when a source cannot say, whatever another one said before.
    """
    card = None
    if asked.card is not None:
        card = await _with_card(gateway, asked, asked.card, subject)
        if card.reason is not None or not asked.fetches_photo:
            return card
    if not asked.fetches_photo:
        return await _with_photo_of_the_source(gateway, asked, subject)
    return (await _with_registry(gateway, asked, subject)).after(card)


async def _with_card(
    gateway: DataSourceGateway, asked: FaceToCompare, front: bytes, subject: Subject
) -> Compared:
    response = await _compare(gateway, asked, front, _step(subject, "face"))
    # Contract and services call whatever should show the person the registered photo.
    return _measured("card", response, MappingProxyType({"no_registered_photo": _NO_PORTRAIT}))


async def _with_photo_of_the_source(
    gateway: DataSourceGateway, asked: FaceToCompare, subject: Subject
) -> Compared:
    response = await _compare(gateway, asked, None, _step(subject, "face"))
    renamed = MappingProxyType({"different_person": _ANOTHER_THAN_REGISTERED})
    return _measured("registry", response, renamed)


async def _with_registry(
    gateway: DataSourceGateway, asked: FaceToCompare, subject: Subject
) -> Compared:
    request = RegisteredPhotoRequest(name=asked.name, identity_number=asked.identity_number)
    fetched = await gateway.query(request, _step(subject, "photo"))
    answer = fetched.answer
    if answer.photo is None:
        facts = {"compared_with": [], "reasons": list(answer.reasons)}
        return Compared(fetched.source, answer.reasons[0], facts)
    response = await _compare(gateway, asked, answer.photo, _step(subject, "registry"))
    compared = _measured("registry", response, MappingProxyType({}))
    if compared.reason is None:
        return compared
    # The face was checked a moment ago: a picture that cannot be compared is the photo. Any other
    # reason, also one that only this source gives, is taken for what is worse.
    unusable = compared.reason in _PICTURE_FAULTS
    return replace(compared, reason=_PHOTO_UNUSABLE if unusable else _ANOTHER_THAN_REGISTERED)


async def _compare(
    gateway: DataSourceGateway, asked: FaceToCompare, reference: bytes | None, subject: Subject
) -> SourceResponse[FaceComparison]:
    request = CompareRequest(
        face=asked.face, identity_number=asked.identity_number, reference=reference
    )
    return await gateway.query(request, subject)


def _measured(
    reference: Reference, response: SourceResponse[FaceComparison], renamed: Mapping[str, str]
) -> Compared:
    """Return one comparison's figures; its reason goes by another name where `renamed` has it."""
    answer = response.answer
    facts: dict[str, Any] = {
        "compared_with": [reference],
        f"{reference}_similarity": answer.similarity,
        f"{reference}_threshold": answer.threshold,
    }
    if answer.passed:
        return Compared(response.source, None, facts, answer.models)
    facts["reasons"] = list(answer.reasons)
    reason = renamed.get(answer.reasons[0], answer.reasons[0])
    return Compared(response.source, reason, facts, answer.models)


def _step(subject: Subject, step: str) -> Subject:
    """Return the subject of one request of several about an element, with a key of its own."""
    return replace(subject, request_id=f"{subject.request_id}:{step}")
