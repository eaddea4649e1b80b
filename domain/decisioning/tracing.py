"""What a decision was made of: the policies, the facts that each read, and every rule's answer.

From a trace alone the same policies give the same bytes again: that is how an auditor checks it.
"""

from collections.abc import Mapping

from pydantic import Field

from domain.common.data import Data
from domain.common.definitions import DefinitionRef
from domain.decisioning.evaluating import Evaluation
from domain.decisioning.facts import (
    FactCatalogue,
    FactValue,
    PersonalClass,
    Shown,
    read_value,
    shown,
)


class Step(Data):
    """One policy's answer: the references of all that made it, and the facts that it could read.

    `policies` are those of its nodes by code; `exempt` rules did not count.
    """

    policy: DefinitionRef
    catalogue: DefinitionRef
    policies: dict[str, DefinitionRef] = Field(default_factory=dict)
    facts: dict[str, Shown]
    exempt: tuple[str, ...] = ()
    evaluation: Evaluation


class Trace(Data):
    """The steps of one decision in their order; the last one decided."""

    steps: tuple[Step, ...]


def shown_facts(facts: Mapping[str, FactValue]) -> dict[str, Shown]:
    """Return facts as a trace keeps them, in the order of their names."""
    return {name: shown(facts[name]) for name in sorted(facts)}


def facts_of(step: Step, catalogue: FactCatalogue) -> dict[str, FactValue]:
    """Return the facts of a step as they were evaluated; raises WrongFactType."""
    known = catalogue.by_name
    return {name: read_value(known[name], value) for name, value in step.facts.items()}


def without_personal(facts: Mapping[str, Shown], catalogue: FactCatalogue) -> dict[str, Shown]:
    """Return the facts that the catalogue calls not personal; one it does not know is left out."""
    known = catalogue.by_name
    return {
        name: value
        for name, value in facts.items()
        if name in known and known[name].personal is PersonalClass.NONE
    }
