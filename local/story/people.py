"""What a fictional applicant hands in: the elements of an application as the API takes them."""

import base64
from collections.abc import Sequence
from typing import Any, Final

from local.story.cameras import DRAWN, Camera
from sandbox.personas import FAMILY_SIZE, PERSONAS, Person, person, stranger
from sandbox.pictures import Quality

Element = dict[str, Any]

NAMES: Final = tuple(persona.key for persona in PERSONAS)
"""The personas by name, as `docs/sandbox.md` lists them."""

KINDS: Final = (
    "real_name",
    "operator",
    "personal_information",
    "identity_card",
    "liveness",
    "bank_card",
)
"""The kinds of element in the order in which they are asked for."""

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
    content: Element
    match kind:
        case "real_name":
            content = {"name": of.name, "identity_number": of.identity_number}
        case "operator":
            content = {"mobile": of.mobile}
        case "personal_information":
            content = _personal_information(of)
        case "identity_card":
            front, back = camera.card_front(of, quality), camera.card_back(of)
            content = {"front": _text(front), "back": _text(back)}
        case "liveness":
            shown, frames = zip(*camera.frames(of, actions), strict=True)
            content = {"actions": list(shown), "frames": [_text(frame) for frame in frames]}
        case "bank_card":
            content = {"card_number": of.card_number, "mobile": of.mobile}
        case _:
            raise ValueError(f"no element is called {kind!r}")
    return {"kind": kind, **content}


def elements(of: Person, actions: Sequence[str], camera: Camera = DRAWN) -> list[Element]:
    """Return all elements of a person, in the order in which they are asked for."""
    return [element(of, kind, actions=actions, camera=camera) for kind in KINDS]


def _personal_information(of: Person) -> Element:
    return {
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


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()
