"""What a decision was made of: the policies, the facts, and every rule's answer.

From a trace alone the same policies give the same bytes again: that is how an auditor checks a
decision, and how another version of a policy is tried on cases that were decided.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic import Field

from domain.common.data import Data
from domain.common.definitions import DefinitionRef
from domain.decisioning.compiled import CompiledPolicy
from domain.decisioning.evaluating import evaluate
from domain.decisioning.evaluations import Evaluation
from domain.decisioning.facts import (
    Fact,
    FactCatalogue,
    FactValue,
    PersonalClass,
    Shown,
    WrongFactType,
    read_value,
    shown,
)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy that can be evaluated, with the references of all that it was compiled from.

    `policies` are those that its nodes name, by code.
    """

    ref: DefinitionRef
    catalogue_ref: DefinitionRef
    policies: Mapping[str, DefinitionRef]
    catalogue: FactCatalogue
    compiled: CompiledPolicy


class Step(Data):
    """One policy's answer: the references of all that made it, and the facts that were there.

    Facts that the policy does not read are kept as well: another version may read them. Rules in
    `exempt` did not count.
    """

    policy: DefinitionRef
    catalogue: DefinitionRef
    policies: dict[str, DefinitionRef] = Field(default_factory=dict)
    facts: dict[str, Shown]
    exempt: tuple[str, ...] = ()
    evaluation: Evaluation


class Trace(Data):
    """The steps of one decision in their order; the last one decided."""

    steps: tuple[Step, ...] = Field(min_length=1)


def take_step(
    version: PolicyVersion,
    facts: Mapping[str, FactValue],
    exempt: frozenset[str] = frozenset(),
) -> Step:
    """Evaluate a policy and return its answer with what made it; raises what `evaluate` raises."""
    return Step(
        policy=version.ref,
        catalogue=version.catalogue_ref,
        policies=dict(version.policies),
        facts={name: shown(facts[name]) for name in sorted(facts)},
        exempt=tuple(sorted(exempt)),
        evaluation=evaluate(version.compiled, facts, exempt=exempt),
    )


def take_again(step: Step, version: PolicyVersion) -> Evaluation:
    """Evaluate a policy on the facts of a step; the step's own version gives the same bytes.

    Facts that the catalogue of `version` has not, or has of another type, are missing.
    """
    known = version.catalogue.by_name
    facts = dict(_readable(known, step.facts))
    return evaluate(version.compiled, facts, exempt=frozenset(step.exempt))


def _readable(
    known: Mapping[str, Fact], facts: Mapping[str, Shown]
) -> Iterator[tuple[str, FactValue]]:
    for name, value in facts.items():
        if name in known and value is not None:
            with suppress(WrongFactType):
                yield name, read_value(known[name], value)


def without_personal(facts: Mapping[str, Shown], catalogue: FactCatalogue) -> dict[str, Shown]:
    """Return the facts that the catalogue calls not personal; one it does not know is left out."""
    known = catalogue.by_name
    return {
        name: value
        for name, value in facts.items()
        if name in known and known[name].personal is PersonalClass.NONE
    }
