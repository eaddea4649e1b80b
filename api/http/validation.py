"""Turning pydantic's complaints into field problems that never repeat what was sent."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from api.http.errors import FieldProblem, Problem
from domain.common.kinds import UNKNOWN_KIND, kinds_of
from domain.loans.events import AnyEvent
from domain.verification.complaints import innermost, place_of, plain_message
from domain.verification.elements import ElementKind
from domain.verification.pictures import PictureFault

_MAX_ERRORS: Final = 20
TAGS: Final = frozenset(ElementKind) | kinds_of(AnyEvent)
"""The kinds that stand in pydantic's places beside the names of fields."""

_BY_TYPE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "extra_forbidden": "unknown_field",
        "missing": "missing_field",
        "missing_here": "missing_field",
        "surplus_here": "unknown_field",
        "invalid_cursor": "invalid_cursor",
        **{fault.value: fault.value for fault in PictureFault},
    }
)
_BY_FIELD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amount": "invalid_amount",
        "payoff_total": "invalid_amount",
        "monthly_income": "invalid_amount",
        "monthly_turnover": "invalid_amount",
        "identity_number": "invalid_identity_number",
        "mobile": "invalid_mobile",
        "card_number": "invalid_card_number",
    }
)


def validation_problem(complaints: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the 422 for `complaints` as pydantic lists them.

    Its code is that of the fields when they agree on one, `validation_failed` otherwise.
    """
    complaints = innermost(complaints)
    errors = [_field_problem(complaint) for complaint in complaints[:_MAX_ERRORS]]
    codes = {error.code for error in errors}
    code = codes.pop() if len(codes) == 1 else "validation_failed"
    told = "; ".join(f"{error.field}: {error.message}" for error in errors[:3])
    more = len(complaints) - 3
    detail = told + (f"; and {more} more" if more > 0 else "")
    return Problem(code, detail, errors=errors)


def _field_problem(complaint: Mapping[str, Any]) -> FieldProblem:
    path = place_of(complaint["loc"][1:], TAGS)
    kind = str(complaint["type"])
    last = path[-1] if path else ""
    code = _BY_TYPE.get(kind) or _BY_FIELD.get(last, "invalid_value")
    if kind == UNKNOWN_KIND:
        code = "unknown_element_kind" if path[:1] == ["elements"] else "invalid_value"
        path = path or ["kind"]
    field = ".".join(path) or "body"
    return FieldProblem(field=field, code=code, message=plain_message(complaint))
