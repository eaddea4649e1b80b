"""Reading proposals, and saying of a wrong one which field is wrong, never what was in it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from domain.credit_analysis.errors import Fault, InvalidProposal
from domain.credit_analysis.fields import DocumentRules
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import AnyProposal, LegalPersonProposal, NaturalPersonProposal
from domain.verification.complaints import innermost, place_of, plain_message

OURS: Final = DocumentRules()
"""What clients send us: check digits count, and both kinds of CNPJ are taken."""

_MODELS: Final[Mapping[PersonKind, type[LegalPersonProposal] | type[NaturalPersonProposal]]] = {
    PersonKind.LEGAL: LegalPersonProposal,
    PersonKind.NATURAL: NaturalPersonProposal,
}
_TAGS: Final = frozenset(kind.value for kind in PersonKind)
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
    """Return what is wrong, field by field."""
    items = innermost(error.errors(include_url=False, include_input=False))
    return tuple(_fault(item) for item in items[:MAX_FAULTS])


def _fault(item: Any) -> Fault:
    path = place_of(item["loc"], _TAGS)
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
