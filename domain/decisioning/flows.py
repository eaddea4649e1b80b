"""The flow of a policy: in which order its nodes stand, and what is there at each of them."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from domain.common.definitions import DefinitionInvalid, Finding
from domain.decisioning.policies import DecisionTable, End, Node, Policy, RuleSet, Split, Switch

Ordered = list[tuple[int, Node]]
"""Nodes with their places in the policy, each behind all that lead to it."""


def next_nodes(node: Node) -> tuple[tuple[str, str], ...]:
    """Return where a node may go on, each with the field that says so."""
    match node:
        case End():
            return ()
        case Split(arms=arms):
            return tuple((f"arms.{n}.next", arm.next) for n, arm in enumerate(arms))
        case Switch(branches=branches):
            ways = tuple((f"branches.{n}.next", one.next) for n, one in enumerate(branches))
            return (*ways, ("next", node.next))
        case _:
            return (("next", node.next),)


def flow_of(policy: Policy) -> tuple[Ordered, list[Finding]]:
    """Return the nodes in order, and what is wrong with how they lead to each other.

    Raises DefinitionInvalid where they go round in a circle: there is no order then.
    """
    by_id: dict[str, tuple[int, Node]] = {}
    for n, node in enumerate(policy.nodes):
        by_id.setdefault(node.id, (n, node))
    findings = [*_names(policy), *_unknown(policy, by_id)]
    before: dict[str, set[str]] = {name: set() for name in by_id}
    for node in policy.nodes:
        for _, following in next_nodes(node):
            if following in before:
                before[following].add(node.id)
    try:
        order = [by_id[name] for name in TopologicalSorter(before).static_order()]
    except CycleError as error:
        circle = Finding("nodes", f"go round in a circle: {' > '.join(error.args[1])}", "an end")
        raise DefinitionInvalid("The policy cannot be used", [*findings, circle]) from None
    reached = {policy.nodes[0].id}
    for n, node in order:
        if node.id in reached:
            reached.update(following for _, following in next_nodes(node))
        else:
            findings.append(
                Finding(f"nodes.{n}.id", f"no way leads to {node.id}", "the next of another node")
            )
    return order, findings


def _unknown(policy: Policy, by_id: Mapping[str, tuple[int, Node]]) -> Iterator[Finding]:
    for n, node in enumerate(policy.nodes):
        for where, following in next_nodes(node):
            if following not in by_id:
                example = next(iter(by_id))
                yield Finding(f"nodes.{n}.{where}", f"there is no node {following}", example)


def _names(policy: Policy) -> Iterator[Finding]:
    """Find nodes, rules and rows of one name: exemptions and comparisons go by it."""
    seen: set[str] = set()
    for n, node in enumerate(policy.nodes):
        named = [("id", node.id)]
        if isinstance(node, RuleSet):
            named += [(f"rules.{m}.id", one.id) for m, one in enumerate(node.rules)]
        elif isinstance(node, DecisionTable):
            named += [(f"rows.{m}.id", one.id) for m, one in enumerate(node.rows)]
        for where, name in named:
            if name in seen:
                yield Finding(f"nodes.{n}.{where}", f"{name} stands there twice", f"{name}_2")
            seen.add(name)
    used: set[str] = set()
    for n, node in enumerate(policy.nodes):
        if node.kind == "policy":
            if node.policy in used:
                message = f"{node.policy} is evaluated at two nodes"
                yield Finding(f"nodes.{n}.policy", message, "one node before the ways part")
            used.add(node.policy)


def arrivals(order: Ordered, givers: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the values that are there at each node on every way to it."""
    first = next((node.id for n, node in order if n == 0), "")
    arrived: dict[str, frozenset[str]] = {first: frozenset()}
    for _, node in order:
        here = arrived.get(node.id)
        if here is None:
            continue
        leaving = here | givers[node.id]
        for _, following in next_nodes(node):
            arrived[following] = arrived.get(following, leaving) & leaving
    return arrived
