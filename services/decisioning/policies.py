"""Policies as they are evaluated: compiled once a version, and found by code or by reference."""

from collections import OrderedDict
from typing import Final

from domain.common.definitions import Agreed, DefinitionRef, UnknownDefinition
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.compiling import compile_policy
from domain.decisioning.facts import FACT_CATALOGUE, FactCatalogue
from domain.decisioning.policies import Policy, SubPolicy
from domain.decisioning.tracing import PolicyVersion, Step
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository

_KEPT: Final = 64

_compiled: OrderedDict[tuple[str, ...], PolicyVersion] = OrderedDict()
"""What this process has compiled, the one used last at the end; by the digests it is made of."""


async def policy_in_force(tx: Transaction, code: str) -> PolicyVersion:
    """Return what decides now; raises `UnknownDefinition`."""
    return await policy_of(tx, await DefinitionRepository(tx).in_force(RISK_POLICY, code))


async def policy_of(tx: Transaction, policy: Agreed[Policy]) -> PolicyVersion:
    """Return a version with the catalogue and the policies of its nodes that are in force."""
    definitions = DefinitionRepository(tx)
    catalogue = await definitions.in_force(FACT_CATALOGUE, policy.content.facts)
    named: dict[str, Agreed[Policy]] = {}
    wanted = [policy.content]
    while wanted:
        for code in _named_by(wanted.pop()):
            if code not in named:
                named[code] = await definitions.in_force(RISK_POLICY, code)
                wanted.append(named[code].content)
    return _version(policy, catalogue, named)


async def policy_of_step(tx: Transaction, step: Step) -> PolicyVersion:
    """Return the versions that made a step; raises `UnknownDefinition`."""
    definitions = DefinitionRepository(tx)
    named = {
        code: await definitions.of_ref(RISK_POLICY, ref) for code, ref in step.policies.items()
    }
    policy = await definitions.of_ref(RISK_POLICY, step.policy)
    return _version(policy, await definitions.of_ref(FACT_CATALOGUE, step.catalogue), named)


async def drafted_policy(tx: Transaction, code: str, version: int) -> PolicyVersion:
    """Return a version that may not be in force yet, as it would be; raises `UnknownDefinition`.

    Raises DefinitionInvalid for one that cannot be compiled.
    """
    row = await DefinitionRepository(tx).version(RISK_POLICY.name, code, version)
    if row is None:
        raise UnknownDefinition(f"there is no {RISK_POLICY.name}/{code}@{version}")
    ref = DefinitionRef(kind=row.kind, code=code, version=version, sha256=row.sha256)
    content = RISK_POLICY.read(row.content)
    return await policy_of(tx, Agreed[Policy](ref=ref, content=content))


def _named_by(policy: Policy) -> list[str]:
    return [node.policy for node in policy.nodes if isinstance(node, SubPolicy)]


def _version(
    policy: Agreed[Policy], catalogue: Agreed[FactCatalogue], named: dict[str, Agreed[Policy]]
) -> PolicyVersion:
    refs = {code: named[code].ref for code in sorted(named)}
    made_of = (str(policy.ref), policy.ref.sha256, catalogue.ref.sha256)
    key = (*made_of, *(f"{code}:{ref.sha256}" for code, ref in refs.items()))
    known = _compiled.get(key)
    if known is None:
        contents = {code: one.content for code, one in named.items()}
        compiled = compile_policy(policy.content, catalogue.content, contents)
        known = PolicyVersion(policy.ref, catalogue.ref, refs, catalogue.content, compiled)
        _compiled[key] = known
        if len(_compiled) > _KEPT:
            _compiled.popitem(last=False)
    _compiled.move_to_end(key)
    return known
