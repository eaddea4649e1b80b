"""What a fictional applicant hands in: the elements of an application as the API takes them."""

import base64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.consents import CURRENT_TEXTS
from sandbox.personas import FAMILY_SIZE, PERSONAS, Person, person, stranger
from sandbox.pictures import Quality, card_back, card_front, face

Element = dict[str, Any]

NAMES: Final = tuple(persona.key for persona in PERSONAS)
"""The personas by name, as `docs/sandbox.md` lists them."""

BORROWER: Final = "story"
REJECTED: Final = "low_score"
APPROVED: Final = "approved"

CONSENTS: Final = tuple(
    {"purpose": text.purpose.value, "text_version": text.version, "text_sha256": text.sha256}
    for text in CURRENT_TEXTS.values()
)
"""Consent to every purpose, in the words of today, as an application takes it."""

_MONTHLY_INCOME: Final = 1_200_000
_CONTACTS: Final = (("parent", 0), ("friend", 1))
_ACTIONS: Final = ("blink", "nod")


def someone(name: str, index: int) -> Person:
    """Return member `index` of a persona's family, counted round; raises KeyError."""
    return person(name, index % FAMILY_SIZE)


def element(of: Person, kind: str, *, quality: Quality = "clear") -> Element:
    """Return an element of a person; `quality` is that of the pictures, where it has any."""
    if kind == "identity_card":
        return _identity_card(of, quality)
    return _MAKERS[kind](of)


def elements(of: Person) -> list[Element]:
    """Return all elements of a person, in the order in which they are asked for."""
    return [element(of, kind) for kind in KINDS]


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
        "monthly_income": _MONTHLY_INCOME,
        "address": of.address,
        "contacts": [_contact(of, relation, number) for relation, number in _CONTACTS],
    }


def _contact(of: Person, relation: str, number: int) -> Element:
    other = stranger((2 * of.index + number) % FAMILY_SIZE)
    return {"name": other.name, "relation": relation, "mobile": other.mobile}


def _identity_card(of: Person, quality: Quality) -> Element:
    return {
        "kind": "identity_card",
        "front": _text(card_front(of, quality)),
        "back": _text(card_back(of)),
    }


def _liveness(of: Person) -> Element:
    return {
        "kind": "liveness",
        "actions": list(_ACTIONS),
        "frames": [_text(face(of, action)) for action in _ACTIONS],
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
        "identity_card": lambda of: _identity_card(of, "clear"),
        "liveness": _liveness,
        "bank_card": _bank_card,
    }
)

KINDS: Final = tuple(_MAKERS)
"""The kinds of element in the order in which they are asked for."""
