"""The contract between workflows and activities."""

import ast
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import messages
from domain.collections import LadderStep
from domain.loans.delinquency import AgeBucket, RiskClass
from domain.loans.events import Charged
from domain.loans.fees import Fee
from domain.loans.servicing import ArrearsBucket
from domain.verification import elements
from messages import applications, calls, collections, lines, loans, payments
from messages.calls import Call

WORKFLOWS = Path(messages.__file__).parent.parent / "workflows"
CALLS = {name: value for name, value in vars(calls).items() if isinstance(value, Call)}
MESSAGES = (applications, lines, loans, payments, collections)

# What elements are made of, and what people and their papers are called elsewhere.
PERSONAL = {
    field
    for element in (
        elements.RealName,
        elements.Operator,
        elements.EmergencyContact,
        elements.PersonalInformation,
        elements.IdentityCard,
        elements.Liveness,
        elements.BankCard,
    )
    for field in element.model_fields
} - {"kind"} | {"bank_card", "birth_date", "card", "customer_reference", "data", "email", "phone"}


def used_calls() -> set[str]:
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in WORKFLOWS.rglob("*.py")]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "calls"
    }


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of, and theirs."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
            for field in annotation.model_fields.values():
                yield from models_in(field.annotation)
        return
    for part in get_args(annotation):
        yield from models_in(part)


def payloads() -> set[type[BaseModel]]:
    ours = [value for module in MESSAGES for value in vars(module).values()]
    taken = [side for call in CALLS.values() for side in (call.takes, call.gives)]
    return {model for value in [*ours, *taken] for model in models_in(value)}


def test_every_call_is_made_by_some_workflow() -> None:
    assert used_calls() == set(CALLS)


NAMES_OF_THINGS: set[tuple[type[BaseModel], str]] = {
    (Charged, "name"),
    (Fee, "name"),
    (RiskClass, "name"),
    (ArrearsBucket, "name"),
    (AgeBucket, "name"),
    (LadderStep, "name"),
}
"""Names of fees, of classes and buckets of arrears, and of steps: nobody's data."""


def test_what_enters_temporal_has_no_personal_field(subtests: pytest.Subtests) -> None:
    for model in sorted(payloads(), key=str):
        with subtests.test(model=str(model)):
            personal = set(model.model_fields) & PERSONAL
            assert {(model, field) for field in personal} <= NAMES_OF_THINGS


def test_the_rule_knows_personal_fields() -> None:
    assert {"name", "identity_number", "mobile", "card_number", "address", "frames"} <= PERSONAL
    assert len(payloads()) > 40
