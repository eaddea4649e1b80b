"""What a form refuses is told in plain words with the limit: no Python, no pattern, no value."""

import base64
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from api.app import create_app
from api.http.errors import Problem
from api.http.validation import TAGS, validation_problem
from api.v1.applications.schemas import ApplicationCreate, ElementsCreate
from api.v1.applications.user_schemas import CustomerTags
from api.v1.loans.servicing_schemas import Transaction
from api.v1.pricing.events import StrictEvent
from api.v1.pricing.plans import PlanTrial
from domain.common.kinds import kinds_of
from domain.credit_analysis.errors import InvalidProposal
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import PersonKind
from domain.loans.events import LoanEvent
from domain.verification.complaints import plain_message
from domain.verification.elements import Element
from runtime.settings import Settings
from sandbox import pictures
from sandbox.personas import person

PYTHON = re.compile(
    r"\b(Input|Tuple|String|Value error|Bytes|validation|dictionary|instance)\b|\^|\\"
)
FRAME = base64.b64encode(pictures.face(person("approved", 1))).decode()
FACE = {"kind": "liveness", "actions": ["neutral", "nod"], "frames": [FRAME, FRAME]}
SIDES = {"kind": "identity_card", "front": FRAME, "back": FRAME}
APPLICATION = {
    "product": "cash",
    "customer_reference": "customer-1",
    "amount": 1_000_000,
    "instalments": 12,
}


def refused(form: Any, body: object) -> list[tuple[str, str]]:
    """Return field and message of everything that a body is refused for."""
    with pytest.raises(ValidationError) as error:
        TypeAdapter(form).validate_python(body)
    complaints = [{**one, "loc": ("body", *one["loc"])} for one in error.value.errors()]
    problem = validation_problem(complaints)
    return [(told.field, told.message) for told in problem.errors]


@pytest.mark.parametrize(
    ("form", "body", "field", "message"),
    [
        (
            ElementsCreate,
            {"elements": [FACE | {"frames": [FRAME]}]},
            "elements.0.frames",
            "must have at least 2 entries",
        ),
        (
            ElementsCreate,
            {"elements": [SIDES | {"front": "@@@"}]},
            "elements.0.front",
            "must be standard base64: letters, digits, + and /, padded with =",
        ),
        (
            ElementsCreate,
            {"elements": [SIDES | {"back": "QUJD"}]},
            "elements.0.back",
            "must have at least 64 bytes",
        ),
        (
            ElementsCreate,
            {"elements": [FACE | {"actions": ["neutral", "dance"]}]},
            "elements.0.actions.1",
            "must be one of neutral, blink, open_mouth, nod, shake",
        ),
        (ElementsCreate, {"elements": []}, "elements", "must not be empty"),
        (ElementsCreate, {"elements": {}}, "elements", "must be a list"),
        (ElementsCreate, [], "body", "must be an object"),
        (
            ApplicationCreate,
            APPLICATION | {"device": {"device_id": "<x>", "platform": "android"}},
            "device.device_id",
            "must be 8 to 128 letters, digits, underscores and hyphens",
        ),
        (ApplicationCreate, APPLICATION | {"amount": 12.0}, "amount", "must be a whole number"),
        (ApplicationCreate, APPLICATION | {"amount": 0}, "amount", "must be more than 0"),
        (
            ApplicationCreate,
            APPLICATION | {"instalments": 121},
            "instalments",
            "must be at most 120",
        ),
        (
            CustomerTags,
            {"level": 1, "labels": ["a"] * 21},
            "labels",
            "must have at most 20 entries",
        ),
        (PlanTrial, {"terms": {}, "as_of": 5}, "as_of", "must be a date in the form YYYY-MM-DD"),
    ],
)
def test_the_message_names_the_field_and_the_limit(
    form: Any, body: object, field: str, message: str
) -> None:
    assert (field, message) in refused(form, body)


def test_a_picture_is_read_as_it_was_sent() -> None:
    read = ElementsCreate.model_validate({"elements": [SIDES]})
    again = ElementsCreate.model_validate_json(read.model_dump_json())
    assert again == read
    for front in (
        FRAME[:-1],
        FRAME + "=",
        FRAME + "\n",
        FRAME[:-4] + "====",
        "é" * 90,
        f" {FRAME}",
    ):
        assert "base64" in refused(ElementsCreate, {"elements": [SIDES | {"front": front}]})[0][1]


def test_a_proposal_is_refused_in_the_same_words() -> None:
    body = b'{"email": "nobody", "id": 5, "shareholders": {}}'
    with pytest.raises(InvalidProposal) as error:
        read_proposal(PersonKind.LEGAL, body)
    told = {fault.field: fault.message for fault in error.value.faults}
    assert told["email"] == "must be an e-mail address, such as a@example.com"
    assert told["id"] == "must be a text"
    assert told["shareholders"] == "must be a list"
    assert not PYTHON.search(str(error.value))


def _patterns(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        for inner in part.values():
            yield from _patterns(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _patterns(inner)


def test_every_pattern_of_the_api_is_put_into_words(settings: Settings) -> None:
    found = set(_patterns(create_app(settings).openapi()))
    assert len(found) > 10
    silent = [
        pattern
        for pattern in found
        if not plain_message(
            {"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}}
        ).startswith("must be")
    ]
    assert silent == []


def test_no_message_speaks_python_or_repeats_a_value() -> None:
    canary = "金丝雀\\d"
    for form in (ElementsCreate, ApplicationCreate, PlanTrial, CustomerTags):
        for body in (canary, [canary], dict.fromkeys(form.model_fields, canary)):
            for _, message in refused(form, body):
                assert not PYTHON.search(message), message
                assert "金丝雀" not in message


def _unions(part: Any, document: dict[str, Any]) -> Iterator[set[str]]:
    """Yield the kinds of every union of forms in an OpenAPI document."""
    if isinstance(part, dict):
        if "discriminator" in part:
            assert part["discriminator"]["propertyName"] == "kind"
            yield set(part["discriminator"]["mapping"])
        for inner in part.values():
            yield from _unions(inner, document)
    elif isinstance(part, list):
        for inner in part:
            yield from _unions(inner, document)


def test_no_kind_is_taken_for_the_name_of_a_field(settings: Settings) -> None:
    document = create_app(settings).openapi()
    unions = list(_unions(document, document))
    assert len(unions) >= 3
    assert set().union(*unions) <= TAGS


@pytest.mark.parametrize("union", [Element, Transaction, StrictEvent, LoanEvent])
@pytest.mark.parametrize("given", [{}, {"kind": "金丝雀"}, {"kind": None}, {"amount": 1}])
def test_a_form_without_a_kind_is_told_which_there_are(union: Any, given: dict[str, Any]) -> None:
    """Said for the missing kind as for a wrong one, under `kind`, and of no other union."""
    problem = problem_of(union, given)
    (error,) = problem.errors
    kinds = sorted(kinds_of(get_args(union)[0]))
    assert (error.field, error.message) == ("kind", f"`kind` must be one of {', '.join(kinds)}")
    in_a_list = problem_of(list[union], [given])
    assert in_a_list.errors[0].field == "0"
    assert in_a_list.errors[0].message == error.message


def problem_of(form: Any, given: Any) -> Problem:
    adapter: TypeAdapter[Any] = TypeAdapter(form)
    with pytest.raises(ValidationError) as failure:
        adapter.validate_python(given)
    complaints = failure.value.errors(include_url=False)
    return validation_problem([{**one, "loc": ("body", *one["loc"])} for one in complaints])
