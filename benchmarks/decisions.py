"""How many decisions a core makes: full ones with their trace, in back-tests, beside zen-engine.

    python -m benchmarks.decisions [--seconds 3] [--rounds 5]

The shipped policy `cash` (46 rules, three tables, an offer) decides its golden cases in turn:
`full` with the trace as JSON, as it is stored; `back-test` two versions of it on the same facts,
whose outcomes are compared. Then tables of 10, 50 and 200 rows are evaluated by both engines on the
same inputs, in turns so that other work on the machine slows both; zen-engine comes with the
development lock, and is asked for its trace as well. Figures are of processor time, the median of
all rounds.

Ends with 1 when fewer than 5,000 full decisions a second are made.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

import zen

from domain.decisioning.checking import facts_of, sub_policies_of
from domain.decisioning.compiled import CompiledPolicy
from domain.decisioning.compiling import compile_policy
from domain.decisioning.evaluating import evaluate
from domain.decisioning.facts import FactCatalogue, FactValue
from domain.decisioning.policies import Policy
from services.definitions.shipped import Files, shipped

AIM: Final = 5000
ROWS: Final = (10, 50, 200)


def per_second(once: Callable[[], object], seconds: float) -> float:
    """How often something is done in a second of this process."""
    count, started = 0, time.process_time()
    while (spent := time.process_time() - started) < seconds:
        for _ in range(50):
            once()
        count += 50
    return count / spent


def table(rows: int) -> dict[str, Any]:
    """Nodes of a table of so many rows, the last of which is the one that fits."""
    cells = [
        {"id": f"row_{n}", "when": [f"[{n * 10}..{n * 10 + 9}]", "gold"], "then": [f"a{n}"]}
        for n in range(rows - 1)
    ]
    rest = {"id": "rest", "when": ["-", "-"], "then": ["rest"]}
    return {
        "id": "table",
        "kind": "table",
        "hit": "first",
        "inputs": ["amount", "level"],
        "outputs": [{"name": "answer", "type": "text"}],
        "rows": [*cells, rest],
        "next": "end",
    }


def zen_graph(node: dict[str, Any]) -> str:
    """The same table as zen-engine reads it."""
    rules = [
        {
            "_id": row["id"],
            "amount": "" if row["when"][0] == "-" else row["when"][0],
            "level": "" if row["when"][1] == "-" else f'"{row["when"][1]}"',
            "answer": f'"{row["then"][0]}"',
        }
        for row in node["rows"]
    ]
    content = {
        "hitPolicy": "first",
        "inputs": [{"id": one, "name": one, "field": one} for one in node["inputs"]],
        "outputs": [{"id": "answer", "name": "answer", "field": "answer"}],
        "rules": rules,
    }
    return json.dumps(
        {
            "nodes": [
                {"id": "in", "type": "inputNode", "name": "in"},
                {"id": "out", "type": "outputNode", "name": "out"},
                {"id": "t", "type": "decisionTableNode", "name": "t", "content": content},
            ],
            "edges": [
                {"id": "1", "type": "edge", "sourceId": "in", "targetId": "t"},
                {"id": "2", "type": "edge", "sourceId": "t", "targetId": "out"},
            ],
        }
    )


def our_table(node: dict[str, Any]) -> CompiledPolicy:
    """The same table, compiled."""
    about = {"meaning": "-", "source": "-", "personal": "none", "missing": "refer"}
    catalogue = FactCatalogue.model_validate(
        {
            "facts": [
                {"name": "amount", "type": "integer", **about},
                {"name": "level", "type": "text", **about},
            ]
        }
    )
    end = {"id": "end", "kind": "outcome", "outcome": "approve"}
    policy = Policy.model_validate({"stage": "decision", "meaning": "-", "nodes": [node, end]})
    return compile_policy(policy, catalogue)


def beside_zen(rows: int, seconds: float, rounds: int) -> tuple[float, float, float]:
    """Decisions a second on one table: ours, zen-engine's, and the median ratio of a round."""
    node = table(rows)
    facts: dict[str, FactValue] = {"amount": -1, "level": "gold"}
    ours, theirs = our_table(node), zen.ZenEngine().create_decision(zen_graph(node))
    assert theirs.evaluate(facts)["result"] == evaluate(ours, facts).derived
    pairs = [
        (
            per_second(lambda: evaluate(ours, facts), seconds),
            per_second(lambda: theirs.evaluate(facts, {"trace": True}), seconds),
        )
        for _ in range(rounds)
    ]
    return (
        median(own for own, _ in pairs),
        median(other for _, other in pairs),
        median(own / other for own, other in pairs),
    )


def shipped_cases() -> tuple[CompiledPolicy, CompiledPolicy, list[dict[str, Any]]]:
    """The shipped policy, a version with other thresholds, and the facts of its golden cases."""
    files = Files({(one.kind.name, one.code): one.content for one in shipped()})
    policy, catalogue = files.find("risk_policy", "cash"), files.find("fact_catalogue", "standard")
    assert isinstance(policy, Policy)
    assert isinstance(catalogue, FactCatalogue)
    others = sub_policies_of(policy, files)
    stricter = policy.model_copy(
        update={"parameters": {**policy.parameters, "score_refer_below": "700"}}
    )
    facts = [facts_of(catalogue, policy.standard_facts, case.facts) for case in policy.cases]
    return (
        compile_policy(policy, catalogue, others),
        compile_policy(stricter, catalogue, others),
        facts,
    )


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and say whether the aim is reached."""
    parser = argparse.ArgumentParser(description="Measure how many decisions a core makes.")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    policy, other, cases = shipped_cases()
    turn = itertools.cycle(cases)

    def full() -> None:
        evaluate(policy, next(turn)).model_dump_json()

    def back_test() -> bool:
        facts = next(turn)
        return evaluate(policy, facts).outcome is evaluate(other, facts).outcome

    def rate(once: Callable[[], object]) -> float:
        return median(per_second(once, options.seconds) for _ in range(options.rounds))

    decided, tested = rate(full), rate(back_test)
    print(f"full: {decided:,.0f} decisions a second of a core")
    print(f"back-test: {tested:,.0f} stored decisions a second of a core")
    for rows in ROWS:
        own, theirs, ratio = beside_zen(rows, options.seconds / 6, options.rounds)
        print(f"{rows:>4} rows: {own:8,.0f} ours, {theirs:8,.0f} zen-engine, {ratio:.1f} times")
    return 0 if decided >= AIM else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
