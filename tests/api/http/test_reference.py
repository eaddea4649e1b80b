"""The API's reference: each operation with examples of what it takes and answers."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from api.http.reference import _page
from api.http.samples import sample_of, variants_of
from api.routes import ROUTERS
from domain.common.errors import DomainError
from local.story.pages import AMOUNTS

_PLAN = {
    "terms": {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": "24",
        "instalments": 12,
        "disbursed_on": "2026-01-15",
        "first_due_on": "2026-02-15",
    }
}
COUNTED = {
    *("approved_instalments", "changed", "failed", "tried"),
    *("adverse_facts", "after", "applications", "attempt", "attempts", "before", "bytes"),
    *("count", "days", "days_past_due", "denominator", "due_day", "every", "from_days"),
    *(
        "entries",
        "grace_days",
        "height",
        "instalment",
        "instalments",
        "interest_free",
        "interest_grace",
    ),
    *("in_force", "interest_grace", "level", "loans", "mismatches", "newest", "next_version"),
    *("number", "numerator", "on_due_date", "operating_years", "penalty_year_days"),
    *(
        "principal_grace",
        "round",
        "same_number",
        "score",
        "second_due_day",
        "signer",
        "state_seq",
        "status",
        "to",
    ),
    *("state_seq", "status", "to", "valid_for_days", "version", "width", "year"),
}
"""Integers of answers that are no amounts: counts, days, numbers and versions."""


def _routes() -> Iterator[APIRoute]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield route


def _schemas(app: FastAPI) -> dict[str, Any]:
    schemas: dict[str, Any] = app.openapi()["components"]["schemas"]
    return schemas


def test_every_operation_shows_what_it_answers(app: FastAPI) -> None:
    document = app.openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = {status for status in operation["responses"] if status.startswith("2")}
            assert told, f"{method} {path} says nothing of success"
            for status in told:
                content = operation["responses"][status].get("content", {})
                assert content or path == "/metrics", f"{method} {path} shows no {status}"


def test_every_example_of_a_body_is_one_that_is_taken(app: FastAPI) -> None:
    schemas = _schemas(app)
    tried, wrong = 0, []
    for route in _routes():
        if route.body_field is None:
            continue
        body: Any = route.body_field.field_info.annotation
        adapter = TypeAdapter[Any](body)
        schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        inside = {**schemas, **schema.get("$defs", {})}
        examples = schema.get("examples", [])
        for example in examples:
            adapter.validate_python(example)
            tried += 1
        for form, example in variants_of(schema, inside):
            tried += 1
            wrong += _refused(adapter, example, form)
    assert tried > 60
    assert "\n".join(wrong) == ""


def _refused(adapter: TypeAdapter[Any], example: Any, form: str) -> list[str]:
    """Say why neither the example nor a body with it in its list is taken; empty if one is."""
    errors = []
    for body in (example, {"elements": [example]}, _PLAN | {"events": [example]}):
        try:
            adapter.validate_json(to_json(body))
        except (ValidationError, DomainError) as error:
            errors.append(" ".join((form, *str(error).split())))
        else:
            return []
    return errors


# Generated clients call their functions after these.
def test_every_operation_has_a_name_of_its_own_that_says_what_it_does(app: FastAPI) -> None:
    named = {
        (method.upper(), path): operation["operationId"]
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }
    assert len(set(named.values())) == len(named)
    for name in named.values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
    assert named["POST", "/v1/applications"] == "create_application"
    assert named["GET", "/v1/applications"] == "list_applications"
    assert named["GET", "/v1/loans/{loan_id}"] == "get_loan"
    assert named["POST", "/v1/offers/{offer_id}/accept"] == "accept_offer"


def test_the_page_has_every_operation_with_its_examples(app: FastAPI) -> None:
    page = unescape("".join(_page(app.openapi())))
    for path in app.openapi()["paths"]:
        assert f"<code>{path}</code>" in page
    assert "Authorization: Bearer" in page
    assert re.search(r"Of the kind <code>identity_card</code></p><pre>\{", page)
    assert not re.search(r'"id": "(id|text)"', page), "an id without its kind"


# An answer's integer that the command line does not know would show fen as if they were yuan.
def test_the_command_line_knows_which_integers_are_amounts(app: FastAPI) -> None:
    named = {
        name
        for model, schema in _schemas(app).items()
        if model.endswith(("Response", "Summary", "Position", "Components", "Status"))
        for name, field in schema.get("properties", {}).items()
        if "integer" in {field.get("type"), *(one.get("type") for one in field.get("anyOf", ()))}
    }
    assert named <= AMOUNTS | COUNTED
    assert AMOUNTS.isdisjoint(COUNTED)


def test_a_sample_ends_for_a_schema_that_holds_itself() -> None:
    tree = {"properties": {"child": {"$ref": "#/components/schemas/Tree"}}}
    assert sample_of(tree, {"Tree": tree})["child"]
