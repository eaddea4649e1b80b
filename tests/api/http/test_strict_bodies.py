"""No body of the API takes a text or a float for a number, a number for yes, a moment for a day."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, get_args, get_type_hints

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.routes import ROUTERS
from domain.common.rounding import Rounding
from domain.credit_analysis.proposal import Feedback, LegalPersonProposal, NaturalPersonProposal
from domain.verification import elements

LAX: Final[dict[type, tuple[object, ...]]] = {
    int: ("12", 12.0, 12.5, True),
    bool: ("true", "yes", 1, 0, 1.0),
    date: (1_700_000_000, 20_000, "1700000000", "2026-02-01T00:00:00", "20260201", True),
    datetime: (1_700_000_000, "1700000000", True),
    Decimal: (True, "1e9999", "NaN"),
}
READ_FROM_BYTES: Final = (LegalPersonProposal, NaturalPersonProposal, Feedback)


def bodies() -> Iterator[type]:
    """Yield the forms of every body, those inside them too, each once."""
    found: dict[type, None] = {}
    for route in (route for router in ROUTERS for route in router.routes):
        if isinstance(route, APIRoute):
            for annotation in _annotations(route.dependant):
                _collect(annotation, found)
    for model in READ_FROM_BYTES:
        _collect(model, found)
    yield from found


def _annotations(dependant: Dependant) -> Iterator[Any]:
    yield from (parameter.field_info.annotation for parameter in dependant.body_params)
    for inner in dependant.dependencies:
        yield from _annotations(inner)


def fields_of(form: type) -> dict[str, Any]:
    """Return the fields of a model or a named tuple, by the names on the wire."""
    if issubclass(form, BaseModel):
        fields = form.model_fields
        return {fields[name].alias or name: fields[name].annotation for name in fields}
    return get_type_hints(form) if issubclass(form, tuple) and hasattr(form, "_fields") else {}


def _collect(annotation: Any, found: dict[type, None]) -> None:
    fields = fields_of(annotation) if isinstance(annotation, type) else {}
    if fields and annotation not in found:
        found[annotation] = None
        for inner in fields.values():
            _collect(inner, found)
    for inner in get_args(annotation):
        _collect(inner, found)


def leaves_of(annotation: Any) -> Iterator[type]:
    """Yield the plain types that an annotation is made of, forms left out."""
    inner = get_args(annotation)
    if not inner and annotation in LAX:
        yield annotation
    for one in inner:
        yield from leaves_of(one)


def takes(form: type, field: str, value: object) -> bool:
    """Say whether a field of a body is content with a value, whatever else is missing."""
    try:
        TypeAdapter(form).validate_python({field: value})
    except ValidationError as error:
        return all(complaint["loc"][:1] != (field,) for complaint in error.errors())
    return True


def test_every_body_is_strict_about_numbers_answers_and_days() -> None:
    models = list(bodies())
    assert elements.PersonalInformation in models
    assert elements.CardTransaction in models
    assert Rounding in models
    assert len(models) > 60
    lax = [
        f"{model.__name__}.{name} takes {value!r}"
        for model in models
        for name, annotation in fields_of(model).items()
        for leaf in leaves_of(annotation)
        for value in LAX[leaf]
        for sent in (value, [value], [[value]])
        if takes(model, name, sent)
    ]
    assert lax == []


def test_the_walk_would_find_a_lax_field() -> None:
    class Lax(BaseModel):
        number: int = 0
        day: date | None = None
        numbers: tuple[Decimal, ...] = ()

    assert takes(Lax, "number", "12")
    assert takes(Lax, "day", 20_000 * 86_400)
    assert takes(Lax, "numbers", ["12.5"])
    assert not takes(Lax, "numbers", "12.5")
