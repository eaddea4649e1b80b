"""Tables, by every case of small domains: what is covered, what a changed cell changes, and zen.

The oracles are two: the meaning of cells written once more in `policies.holds`, and zen-engine.
"""

import itertools
import json
import random  # noqa: TID251 seeded: the same tables each time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import zen

from domain.common.definitions import DefinitionInvalid, Finding
from domain.decisioning.analysis import Coverage, analyse
from domain.decisioning.cells import WrongCell, compile_cell
from domain.decisioning.checking import failing_cases
from domain.decisioning.compiled import CompiledPolicy
from domain.decisioning.compiling import compile_policy
from domain.decisioning.evaluating import evaluate
from domain.decisioning.policies import Policy
from tests.unit.decisioning.policies import (
    SMALL,
    SMALL_CATALOGUE,
    holds,
    policy,
    random_cell,
    table,
)

INPUTS = ["score", "level", "listed"]
CASES = [dict(zip(INPUTS, values, strict=True)) for values in itertools.product(*SMALL.values())]
TABLES = 50


def random_rows(seed: int, *, otherwise: bool) -> list[tuple[list[str], list[str]]]:
    chance = random.Random(seed)  # noqa: S311 the same tables each time
    count = chance.randint(2, 8)
    rows = [([random_cell(chance, name) for name in INPUTS], [f"a{n}"]) for n in range(count)]
    return [*rows, (["-", "-", "-"], ["rest"])] if otherwise else rows


def fitting(rows: list[tuple[list[str], list[str]]], case: dict[str, Any]) -> list[int]:
    """The rows that fit a case, by the oracle."""
    return [
        n
        for n, (cells, _) in enumerate(rows)
        if all(holds(cell, case[name]) for name, cell in zip(INPUTS, cells, strict=True))
    ]


@pytest.mark.parametrize("seed", range(TABLES))
def test_gaps_and_overlaps_are_those_of_every_case_looked_at(seed: int) -> None:
    rows = random_rows(seed, otherwise=False)
    inputs = [SMALL_CATALOGUE.by_name[name] for name in INPUTS]
    coverage = Coverage(
        inputs,
        [
            [compile_cell(cell, of, {}) for of, cell in zip(inputs, cells, strict=True)]
            for cells, _ in rows
        ],
    )
    by_case = [fitting(rows, case) for case in CASES]
    assert (coverage.gap is not None) == any(not fits for fits in by_case)
    assert set(coverage.overlaps()) == {
        pair for fits in by_case for pair in itertools.combinations(fits, 2)
    }
    assert set(coverage.shadowed()) == set(range(len(rows))) - {fits[0] for fits in by_case if fits}
    assert set(coverage.unmet()) == set(range(len(rows))) - {n for fits in by_case for n in fits}
    if coverage.gap is not None:
        assert not fitting(rows, coverage.gap)
    for pair, example in coverage.overlaps().items():
        assert set(pair) <= set(fitting(rows, example))


def with_golden_cases(rows: list[tuple[list[str], list[str]]]) -> Policy:
    """A policy of a table with every case as a golden one, expected by the oracle."""
    cases = [
        {
            "name": str(n),
            "facts": case,
            "outcome": "approve",
            "values": {"answer": rows[fitting(rows, case)[0]][1][0]},
        }
        for n, case in enumerate(CASES)
    ]
    return policy(table(INPUTS, rows), cases=cases)


def garbled(cell: str, chance: random.Random) -> Iterator[str]:
    """A cell after typing errors: a character lost, doubled or another, another bound, nothing."""
    at = chance.randrange(len(cell))
    yield cell[:at] + cell[at + 1 :]
    yield cell[:at] + cell[at] + cell[at:]
    yield cell[:at] + chance.choice("x<>=[](),9 ") + cell[at + 1 :]
    yield cell.replace("3", "4", 1)
    yield "-"
    yield ""


def refused_or_compiled(
    content: Policy,
) -> tuple[Sequence[Finding], CompiledPolicy | None]:
    try:
        return [], compile_policy(content, SMALL_CATALOGUE)
    except DefinitionInvalid as error:
        return error.findings, None


@pytest.mark.parametrize("seed", range(TABLES))
def test_a_changed_cell_is_refused_or_changes_a_golden_case(seed: int) -> None:
    """Unless it means the same: then every case there is comes out as before, by the oracle."""
    chance = random.Random(seed)  # noqa: S311
    rows = random_rows(seed, otherwise=True)
    golden = with_golden_cases(rows)
    assert not list(failing_cases(compile_policy(golden, SMALL_CATALOGUE), SMALL_CATALOGUE))
    for n, (cells, _) in enumerate(rows[:-1]):
        for m, cell in enumerate(cells):
            for changed in garbled(cell, chance):
                mutant = [(list(when), then) for when, then in rows]
                mutant[n][0][m] = changed
                node = table(INPUTS, mutant)
                content = golden.model_copy(update={"nodes": policy(node).nodes})
                wrong, compiled = refused_or_compiled(content)
                if compiled is None:
                    assert [one.field for one in wrong] == [f"nodes.0.rows.{n}.when.{m}"]
                    assert all(one.example for one in wrong)
                    continue
                if next(failing_cases(compiled, SMALL_CATALOGUE), None) is None:
                    means = [fitting(mutant, case)[:1] for case in CASES]
                    assert means == [fitting(rows, case)[:1] for case in CASES], (cell, changed)


def zen_cell(cell: str, name: str) -> str:
    """A cell of ours as zen writes it."""
    if cell == "-":
        return ""
    if name == "level":
        quoted = ", ".join(f'"{word.strip()}"' for word in cell.removeprefix("not ").split(","))
        return f"not ($ in [{quoted}])" if cell.startswith("not ") else quoted
    return cell


def zen_table(rows: list[tuple[list[str], list[str]]]) -> str:
    """A table as a graph of zen."""
    table_node = {
        "id": "table",
        "type": "decisionTableNode",
        "name": "table",
        "content": {
            "hitPolicy": "first",
            "inputs": [{"id": name, "name": name, "field": name} for name in INPUTS],
            "outputs": [{"id": "answer", "name": "answer", "field": "answer"}],
            "rules": [
                {
                    "_id": str(n),
                    **{
                        name: zen_cell(cell, name) for name, cell in zip(INPUTS, cells, strict=True)
                    },
                    "answer": f'"{then[0]}"',
                }
                for n, (cells, then) in enumerate(rows)
            ],
        },
    }
    ends = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    return json.dumps({"nodes": [*ends, table_node], "edges": edges})


@pytest.mark.parametrize("seed", range(TABLES))
def test_tables_agree_with_zen_engine(seed: int) -> None:
    """200 inputs on each of 50 tables: whole numbers, texts and truth values, which both know."""
    chance = random.Random(seed + 1000)  # noqa: S311
    rows = random_rows(seed + 1000, otherwise=True)
    ours = compile_policy(policy(table(INPUTS, rows)), SMALL_CATALOGUE)
    theirs = zen.ZenEngine().create_decision(zen_table(rows))
    for _ in range(200):
        case = {name: chance.choice(values) for name, values in SMALL.items()}
        assert evaluate(ours, case).derived == theirs.evaluate(case)["result"], case


def test_what_zen_passes_over_is_refused() -> None:
    """Zen-engine lets a malformed cell never match and says nothing, as was measured of 2.1.3."""
    of = SMALL_CATALOGUE.by_name["score"]
    for cell in (
        "[[[ > >",
        "",
        "30 0",
        "[310..300]",
        "[1..2",
        "abc",
        "< $none",
        "<",
        "1..2",
        "5.5",
    ):
        with pytest.raises(WrongCell) as refused:
            compile_cell(cell, of, {})
        assert refused.value.example


def test_a_table_that_leaves_something_out_is_refused_with_a_case() -> None:
    rows = [(["< 310", "-", "-"], ["low"]), (["> 310", "gold", "-"], ["gold"])]
    found = list(analyse(compile_policy(policy(table(INPUTS, rows)), SMALL_CATALOGUE)))
    assert [one.field for one in found] == ["nodes.0.rows"]
    assert "score = 310" in found[0].message or "level = " in found[0].message


def test_a_row_behind_one_that_takes_everything_is_refused() -> None:
    rows = [(["-", "-", "-"], ["all"]), (["> 310", "-", "-"], ["never"])]
    found = list(analyse(compile_policy(policy(table(INPUTS, rows)), SMALL_CATALOGUE)))
    assert [one.field for one in found] == ["nodes.0.rows.1"]
