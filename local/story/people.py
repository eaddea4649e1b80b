"""What a fictional applicant hands in: the elements of an application as the API takes them."""

import base64
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from local.story.cameras import DRAWN, Camera
from sandbox.personas import FAMILY_SIZE, PERSONAS, Person, person, stranger
from sandbox.pictures import Quality

Element = dict[str, Any]

NAMES: Final = tuple(persona.key for persona in PERSONAS)
"""The personas by name, as `docs/sandbox.md` lists them."""

BORROWER: Final = "story"
REJECTED: Final = "low_score"
APPROVED: Final = "approved"

_MONTHLY_INCOME: Final = 1_200_000
_CONTACTS: Final = (("parent", 0), ("friend", 1))


def someone(name: str, index: int) -> Person:
    """Return member `index` of a persona's family, counted round; raises KeyError."""
    return person(name, index % FAMILY_SIZE)


def element(
    of: Person,
    kind: str,
    *,
    actions: Sequence[str] = (),
    quality: Quality = "clear",
    camera: Camera = DRAWN,
) -> Element:
    """Return an element of a person.

    `actions` is what the application asks of the face; `quality` is that of the card's front.
    """
    if kind == "identity_card":
        return _identity_card(of, quality, camera)
    if kind == "liveness":
        return _liveness(of, actions, camera)
    return _MAKERS[kind](of)


def elements(of: Person, actions: Sequence[str], camera: Camera = DRAWN) -> list[Element]:
    """Return all elements of a person, in the order in which they are asked for."""
    return [element(of, kind, actions=actions, camera=camera) for kind in KINDS]


def _real_name(of: Person) -> Element:
    return {"kind": "real_name", "name": of.name, "identity_number": of.identity_number}


def _operator(of: Person) -> Element:
    return {"kind": "operator", "mobile": of.mobile}


def _personal_information(of: Person) -> Element:
    return {
        "kind": "personal_information",
        "education": "bachelor",
        "marital_status": "married",
        "occupation": "employee",
        "employer": "演示公司",
        "industry": "education",
        "employer_telephone": "010-65001234",
        "employer_address": "北京市朝阳区建国路一号",
        "employed_for": "3_to_7_years",
        "salary_by_card": True,
        "social_security": True,
        "monthly_income": _MONTHLY_INCOME,
        "address": of.address,
        "contacts": [_contact(of, relation, number) for relation, number in _CONTACTS],
    }


def _contact(of: Person, relation: str, number: int) -> Element:
    other = stranger((2 * of.index + number) % FAMILY_SIZE)
    return {"name": other.name, "relation": relation, "mobile": other.mobile}


def _identity_card(of: Person, quality: Quality, camera: Camera) -> Element:
    return {
        "kind": "identity_card",
        "front": _text(camera.card_front(of, quality)),
        "back": _text(camera.card_back(of)),
    }


def _liveness(of: Person, actions: Sequence[str], camera: Camera) -> Element:
    frames = camera.frames(of, actions)
    return {
        "kind": "liveness",
        "actions": [shown for shown, _ in frames],
        "frames": [_text(frame) for _, frame in frames],
    }


def _bank_card(of: Person) -> Element:
    return {"kind": "bank_card", "card_number": of.card_number, "mobile": of.mobile}


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


_MAKERS: Final[Mapping[str, Callable[[Person], Element]]] = MappingProxyType(
    {
        "real_name": _real_name,
        "operator": _operator,
        "personal_information": _personal_information,
        "bank_card": _bank_card,
    }
)

KINDS: Final = (
    "real_name",
    "operator",
    "personal_information",
    "identity_card",
    "liveness",
    "bank_card",
)
"""The kinds of element in the order in which they are asked for."""
