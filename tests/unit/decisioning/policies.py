"""Small policies and catalogues of facts, and tables made at random from a seed."""

import random  # noqa: TID251 seeded: the same tables each time
from collections.abc import Mapping
from typing import Any

from domain.decisioning.compiled import CompiledPolicy
from domain.decisioning.compiling import compile_policy
from domain.decisioning.facts import Fact, FactCatalogue
from domain.decisioning.policies import Policy

APPROVED = {"id": "approved", "kind": "outcome", "outcome": "approve"}


def fact(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A fact that refers when it is missing."""
    return {
        "name": name,
        "type": kind,
        "meaning": name,
        "source": "test",
        "personal": "none",
        "missing": "refer",
        **more,
    }


OFFER_FACTS = [
    fact("amount_asked", "integer"),
    fact("amount_min", "integer"),
    fact("amount_step", "integer"),
    fact("amount_cap", "integer"),
    fact("amount_authority", "integer"),
    fact("term_asked", "integer"),
    fact("terms_allowed", "text_set"),
    fact("annual_rate_cap", "decimal"),
]

CATALOGUE = FactCatalogue(
    facts=tuple(
        Fact.model_validate(one)
        for one in (
            fact("score", "integer", low=300, high=1000),
            fact("ratio", "decimal", low=0),
            fact("listed", "boolean"),
            fact("level", "text", values=["gold", "silver", "plain"]),
            fact("city", "text"),
            fact("since", "date"),
            fact("tags", "text_set"),
            fact("customer", "text"),
            fact("calls", "integer", missing="value", treat_as="0"),
            fact("day", "date", missing="fail"),
            fact("conditions_met", "text_set"),
            *OFFER_FACTS,
        )
    )
)


def policy(*nodes: Mapping[str, Any], **more: Any) -> Policy:
    """A policy of these nodes, with an approval at the end."""
    ends = [APPROVED] if all(node["id"] != "approved" for node in nodes) else []
    content = {"stage": "decision", "meaning": "A test.", "nodes": [*nodes, *ends], **more}
    return Policy.model_validate(content)


def compiled(*nodes: Mapping[str, Any], **more: Any) -> CompiledPolicy:
    """The same, compiled with the catalogue above."""
    return compile_policy(policy(*nodes, **more), CATALOGUE)


def rules(*rules: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A set of rules that goes on to the approval."""
    return {"id": "rules", "kind": "rules", "next": "approved", "rules": list(rules), **more}


def rule(name: str, when: Any, then: Any = None) -> dict[str, Any]:
    """A rule that refers unless it says otherwise."""
    return {"id": name, "when": when, "then": then or {"kind": "refer"}}


def table(inputs: list[str], rows: list[Any], **more: Any) -> dict[str, Any]:
    """A table of rows `(cells, outputs)` that goes on to the approval."""
    return {
        "id": "table",
        "kind": "table",
        "hit": "first",
        "inputs": inputs,
        "outputs": [{"name": "answer", "type": "text"}],
        "rows": [
            {"id": f"row_{n}", "when": when, "then": then} for n, (when, then) in enumerate(rows)
        ],
        "next": "approved",
        **more,
    }


SMALL: dict[str, list[Any]] = {
    "score": list(range(300, 321)),
    "level": ["gold", "silver", "plain"],
    "listed": [True, False],
}
"""Whole domains that are small enough to look at every case."""

SMALL_CATALOGUE = FactCatalogue(
    facts=tuple(
        Fact.model_validate(one)
        for one in (
            fact("score", "integer", low=300, high=320),
            fact("level", "text", values=SMALL["level"]),
            fact("listed", "boolean"),
        )
    )
)


def random_cell(chance: random.Random, name: str) -> str:
    """A right cell of one of the facts above."""
    if chance.random() < 0.25:
        return "-"
    if name == "listed":
        return chance.choice(["true", "false"])
    if name == "level":
        words = ", ".join(chance.sample(SMALL["level"], chance.choice([1, 1, 2])))
        return chance.choice(["", "not "]) + words
    low, high = sorted(chance.sample(range(301, 320), 2))
    bounds = [f"< {low}", f">= {low}", f"> {high}", f"<= {high}", str(low), f"{low}, {high}"]
    intervals = [f"[{low}..{high}]", f"[{low}..{high})", f"({low}..{high}]"]
    return chance.choice(bounds + intervals)


def holds(cell: str, value: Any) -> bool:
    """Whether a cell of `random_cell` holds: the meaning of cells once more, and otherwise."""
    if cell == "-":
        return True
    if isinstance(value, bool):
        return value == (cell == "true")
    if isinstance(value, str):
        words = {word.strip() for word in cell.removeprefix("not ").split(",")}
        return (value in words) != cell.startswith("not ")
    return any(_within(part.strip(), value) for part in cell.split(","))


def _within(part: str, value: int) -> bool:
    if part[0] in "[(":
        low, high = (int(bound.strip("[]() ")) for bound in part.split(".."))
        return value in range(low + (part[0] == "("), high + (part[-1] == "]"))
    sign = part[: len(part) - len(part.lstrip("<>="))]
    bound = int(part.lstrip("<>="))
    return {
        "<": value < bound,
        "<=": value <= bound,
        ">": value > bound,
        ">=": value >= bound,
        "=": value == bound,
        "": value == bound,
    }[sign]
