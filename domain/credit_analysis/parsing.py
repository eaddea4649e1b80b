"""Reading proposals, and saying of a wrong one which field is wrong, never what was in it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from domain.credit_analysis.errors import Fault, InvalidProposal
from domain.credit_analysis.fields import DocumentRules
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import AnyProposal, LegalPersonProposal, NaturalPersonProposal
from domain.verification.complaints import plain_message

OURS: Final = DocumentRules()
"""What clients send us: check digits count, and both kinds of CNPJ are taken."""

_MODELS: Final[Mapping[PersonKind, type[LegalPersonProposal] | type[NaturalPersonProposal]]] = {
    PersonKind.LEGAL: LegalPersonProposal,
    PersonKind.NATURAL: NaturalPersonProposal,
}
_TAGS: Final = frozenset(kind.value for kind in PersonKind)
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_NAMED: Final = re.compile(r"([a-z_]+): (.+)")
MAX_FAULTS: Final = 50
"""So many are told of one proposal."""


def read_proposal(
    kind: PersonKind, document: str | bytes, rules: DocumentRules = OURS
) -> AnyProposal:
    """Return the proposal in `document`, a JSON text; raises InvalidProposal naming the fields."""
    try:
        return _MODELS[kind].model_validate_json(document, context=dict(rules.as_context()))
    except ValidationError as error:
        faults = faults_of(error)
    raise InvalidProposal(faults)


def faults_of(error: ValidationError) -> tuple[Fault, ...]:
    """Return what is wrong, field by field.

    A complaint about a whole whose part is complained about follows from it and is left out: a
    list of one invalid item, for one, counts as too short besides.
    """
    items = error.errors(include_url=False, include_input=False)
    places = [item["loc"] for item in items]
    return tuple(
        _fault(item) for item in items if not any(_inside(place, item["loc"]) for place in places)
    )[:MAX_FAULTS]


def _inside(place: tuple[int | str, ...], whole: tuple[int | str, ...]) -> bool:
    return len(place) > len(whole) and place[: len(whole)] == whole


def _fault(item: Any) -> Fault:
    path = _path(item["loc"])
    kind = str(item["type"])
    match kind:
        case "extra_forbidden":
            return Fault(".".join(path), "unknown_field", "no such field")
        case "missing":
            return Fault(".".join(path), "missing_field", "is required")
        case "value_error":
            message = str(item["msg"]).removeprefix("Value error, ")
            named = _NAMED.fullmatch(message)
            if named is not None and (not path or named[1] != path[-1]):
                # A rule between fields of one object says itself which to change.
                path, message = [*path, named[1]], named[2]
            return Fault(".".join(path) or "body", "invalid_value", message)
    return Fault(".".join(path) or "body", "invalid_value", plain_message(item))


def _path(loc: tuple[int | str, ...]) -> list[str]:
    """Return the place without a union's tag; a name that the sender made up is not repeated."""
    parts = [str(part) for part in loc]
    return [
        part if _PLAIN_NAME.fullmatch(part) else "?"
        for index, part in enumerate(parts)
        if not (part in _TAGS and index and parts[index - 1].isdigit())
    ]
