"""The check of a policy before release: compiled, analysed, and its golden cases evaluated."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from domain.common.definitions import DefinitionInvalid, Finding, InForce, Kind
from domain.common.reject_codes import REJECT_CODES, RejectCodes
from domain.common.reject_codes import STANDARD as REJECT_TABLE
from domain.decisioning.analysis import analyse
from domain.decisioning.compiled import CompiledPolicy
from domain.decisioning.compiling import compile_policy
from domain.decisioning.evaluating import evaluate
from domain.decisioning.evaluations import Evaluation, Result
from domain.decisioning.facts import (
    FACT_CATALOGUE,
    FactCatalogue,
    FactValue,
    PolicyError,
    UnknownFact,
    read_value,
    shown,
)
from domain.decisioning.policies import Case, Policy, SubPolicy

MISSING: Final = "missing"
"""In the facts of a golden case: the fact is not there."""


def check_policy(policy: Policy, others: InForce) -> Iterator[Finding]:
    """Say what is wrong with a policy: cells, names, ways, cover, codes, golden cases."""
    catalogue = others.find(FACT_CATALOGUE.name, policy.facts)
    if not isinstance(catalogue, FactCatalogue):
        yield Finding("facts", f"there is no catalogue of facts {policy.facts!r}", "standard")
        return
    yield from _unknown_codes(policy, others)
    try:
        compiled = compile_policy(policy, catalogue, sub_policies_of(policy, others))
    except DefinitionInvalid as error:
        yield from error.findings
        return
    yield from analyse(compiled)
    if not policy.cases:
        yield Finding("cases", "at least one golden case is wanted", "a case that is approved")
    yield from failing_cases(compiled, catalogue)


def sub_policies_of(policy: Policy, others: InForce) -> dict[str, Policy]:
    """Return the policies in force that a policy names, and those that these name, by code."""
    found: dict[str, Policy] = {}
    wanted = [policy]
    while wanted:
        for node in wanted.pop().nodes:
            if isinstance(node, SubPolicy) and node.policy not in found:
                sub = others.find(RISK_POLICY.name, node.policy)
                if isinstance(sub, Policy):
                    found[node.policy] = sub
                    wanted.append(sub)
    return found


def reason_codes(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield the reject codes that a policy gives, each with its place."""

    def within(where: str, content: Any) -> Iterator[tuple[str, str]]:
        if isinstance(content, Mapping):
            reason = content.get("reason")
            if isinstance(reason, str):
                yield f"{where}.reason", reason
            for name, value in content.items():
                yield from within(f"{where}.{name}", value)
        elif isinstance(content, list | tuple):
            for n, value in enumerate(content):
                yield from within(f"{where}.{n}", value)

    for n, node in enumerate(policy.nodes):
        yield from within(f"nodes.{n}", node.model_dump())


def _unknown_codes(policy: Policy, others: InForce) -> Iterator[Finding]:
    table = others.find(REJECT_CODES.name, REJECT_TABLE)
    if isinstance(table, RejectCodes):
        for where, code in reason_codes(policy):
            if table.find(code) is None:
                yield Finding(where, f"{code} is not in the table of codes", table.codes[0].code)


def facts_of(catalogue: FactCatalogue, *layers: Mapping[str, Any]) -> dict[str, FactValue]:
    """Return facts as written in a policy, later layers over earlier ones.

    Raises UnknownFact and WrongFactType, which name the fact.
    """
    facts: dict[str, FactValue] = {}
    for name, given in ((name, given) for layer in layers for name, given in layer.items()):
        fact = catalogue.by_name.get(name)
        if fact is None:
            raise UnknownFact(f"the catalogue of facts has no {name}", field=name)
        if given == MISSING:
            facts.pop(name, None)
        else:
            facts[name] = read_value(fact, given)
    return facts


def failing_cases(compiled: CompiledPolicy, catalogue: FactCatalogue) -> Iterator[Finding]:
    """Evaluate the golden cases of a policy; say where one comes out otherwise than expected."""
    policy = compiled.policy
    for n, case in enumerate(policy.cases):
        where = f"cases.{n}"
        try:
            facts = facts_of(catalogue, policy.standard_facts, case.facts)
            came = evaluate(compiled, facts)
        except PolicyError as error:
            yield Finding(f"{where}.facts.{error.field}", error.message, MISSING)
            continue
        for name, expected, got in _differences(case, came):
            yield Finding(f"{where}.{name}", f"{case.name}: expected {expected}", str(got))


def _differences(case: Case, came: Evaluation) -> Iterator[tuple[str, Any, Any]]:
    """Yield what came out otherwise: its name, what was expected, what came."""
    hits = sorted(one.rule for one in came.rules if one.result is Result.HIT)
    wanted: list[tuple[str, Any, Any]] = [
        ("outcome", case.outcome.value, came.outcome.value),
        ("reason", case.reason, came.reason),
        *((f"values.{name}", value, came.derived.get(name)) for name, value in case.values.items()),
    ]
    if case.hits is not None:
        wanted.append(("hits", sorted(case.hits), hits))
    for name in ("points", "score", "grade"):
        expected = getattr(case, name)
        if expected is not None:
            wanted.append((name, expected, getattr(came, name)))
    if case.offer is not None:
        wanted.append(("offer", case.offer or None, came.offer))
    for name, expected, got in wanted:
        if _plain(expected) != _plain(got):
            yield name, expected, got


def _plain(value: Any) -> Any:
    """Return a value in the form of traces, so that `0.1` is what is written and what came."""
    if isinstance(value, float):
        return str(value)
    if isinstance(value, Decimal):
        return value
    return tuple(value) if isinstance(value, list) else shown(value)


RISK_POLICY: Final = Kind("risk_policy", Policy, check_policy)
"""How cases are decided: policies of all stages."""
