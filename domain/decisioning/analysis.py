"""What a policy leaves out or says twice, found exactly, each with a case that shows it.

Every input of a table is cut where one of its cells may change its answer, so that a few values
stand for all there are; numbers then are intervals, texts and sets those that cells name and one
more. The tables of a policy are followed through these values, many rows at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.common.definitions import Finding
from domain.decisioning.cells import ANY, Cell, TooManyWords, representatives
from domain.decisioning.compiled import (
    CompiledPolicy,
    CompiledRuleSet,
    CompiledScorecard,
    CompiledSwitch,
    CompiledTable,
    Condition,
)
from domain.decisioning.facts import Variable, shown
from domain.decisioning.policies import HitPolicy

Example = dict[str, Any]
"""Values by name that show what was found."""

MAX_STATES: Final = 200_000
"""How many sets of rows are followed; a table with more has to be cut into smaller ones."""


class TooLarge(Exception):
    """A table with too many different cases to look at."""


@dataclass
class Coverage:
    """Which sets of rows fit together, as bits, each with a case; 0 are cases that no row covers.

    `rows` are lists of cells, one for each of `inputs`.
    """

    inputs: Sequence[Variable]
    rows: Sequence[Sequence[Cell]]
    found: dict[int, Example] = field(default_factory=dict)
    _states: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._columns = [
            _classes(variable, [row[n] for row in self.rows])
            for n, variable in enumerate(self.inputs)
        ]
        self._follow(0, (1 << len(self.rows)) - 1, {})

    def _follow(self, column: int, fitting: int, example: Example) -> None:
        if column == len(self._columns):
            self.found.setdefault(fitting, dict(example))
            return
        if (column, fitting) in self._states:
            return
        self._states.add((column, fitting))
        if len(self._states) > MAX_STATES:
            raise TooLarge
        name = self.inputs[column].name
        for mask, value in self._columns[column]:
            example[name] = value
            self._follow(column + 1, fitting & mask, example)
        example.pop(name, None)

    @property
    def gap(self) -> Example | None:
        """Return a case that no row covers."""
        return self.found.get(0)

    def overlaps(self) -> dict[tuple[int, int], Example]:
        """Return pairs of rows that fit the same case, with the case."""
        pairs: dict[tuple[int, int], Example] = {}
        for fitting, example in self.found.items():
            rows = _bits(fitting)
            for n, first in enumerate(rows):
                for second in rows[n + 1 :]:
                    pairs.setdefault((first, second), example)
        return pairs

    def shadowed(self) -> list[int]:
        """Return the rows that are never the first to fit."""
        first = {fitting & -fitting for fitting in self.found}
        return [n for n in range(len(self.rows)) if 1 << n not in first]

    def unmet(self) -> list[int]:
        """Return the rows that never fit."""
        ever = 0
        for fitting in self.found:
            ever |= fitting
        return [n for n in range(len(self.rows)) if not ever >> n & 1]


def _bits(mask: int) -> list[int]:
    return [n for n in range(mask.bit_length()) if mask >> n & 1]


def _classes(variable: Variable, cells: list[Cell]) -> list[tuple[int, Any]]:
    """Return the sets of rows that a value of one input may fit, each with such a value."""
    classes: dict[int, Any] = {}
    for value in representatives(variable, cells):
        mask = 0
        for n, cell in enumerate(cells):
            if cell.test is None or cell.test(value):
                mask |= 1 << n
        classes.setdefault(mask, shown(value))
    return list(classes.items())


def analyse(compiled: CompiledPolicy) -> Iterator[Finding]:
    """Yield gaps, overlaps, rows and rules without effect in a policy, with offending examples."""
    places = {node.id: f"nodes.{n}" for n, node in enumerate(compiled.policy.nodes)}
    known = {one.name: one for one in compiled.facts} | dict(compiled.variables)
    for node in compiled.nodes.values():
        where = places[node.id]
        try:
            match node:
                case CompiledTable():
                    yield from _table(where, node)
                case CompiledScorecard():
                    yield from _scorecard(where, node)
                case CompiledSwitch():
                    ways = [branch.when for branch in node.branches]
                    yield from _conditions(f"{where}.branches", ways, known, switch=True)
                case CompiledRuleSet():
                    for n, rule in enumerate(node.rules):
                        at = f"{where}.rules.{n}.when"
                        yield from _conditions(at, [rule.when], known, switch=False)
                case _:
                    pass
        except TooLarge:
            yield Finding(where, "too many different cases to look at", "two smaller tables")
        except TooManyWords as error:
            yield Finding(where, error.message, error.example)


def _table(where: str, table: CompiledTable) -> Iterator[Finding]:
    coverage = Coverage(table.inputs, [row.cells for row in table.rows])
    if table.hit is HitPolicy.COLLECT:
        for n in coverage.unmet():
            yield Finding(f"{where}.rows.{n}", "no case fits this row", "leave it out")
        return
    if coverage.gap is not None:
        yield Finding(f"{where}.rows", f"no row covers {told(coverage.gap)}", "a row for it")
    if table.hit is HitPolicy.UNIQUE:
        for (first, second), example in coverage.overlaps().items():
            message = f"fits {told(example)}, and so does row {table.rows[first].id}"
            yield Finding(f"{where}.rows.{second}", message, "cells that do not overlap")
        for n in coverage.unmet():
            yield Finding(f"{where}.rows.{n}", "no case fits this row", "leave it out")
        return
    for n in coverage.shadowed():
        message = "never counts: rows before it cover all its cases"
        yield Finding(f"{where}.rows.{n}", message, "put it before them, or leave it out")


def _scorecard(where: str, card: CompiledScorecard) -> Iterator[Finding]:
    for n, one in enumerate(card.characteristics):
        at = f"{where}.characteristics.{n}"
        coverage = Coverage([one.of], [[each.cell] for each in one.bins])
        if coverage.gap is not None and one.other is None:
            yield Finding(f"{at}.bins", f"no bin holds {told(coverage.gap)}", "other = 0")
        if coverage.gap is None and one.other is not None:
            yield Finding(f"{at}.other", "the bins hold everything", "leave it out")
        for (_, second), example in coverage.overlaps().items():
            message = f"{told(example)} is in a bin before it, too"
            yield Finding(f"{at}.bins.{second}.when", message, "bins that do not overlap")


def _conditions(
    where: str, ways: list[tuple[Condition, ...]], known: dict[str, Variable], *, switch: bool
) -> Iterator[Finding]:
    """Find what never holds, what always does, and branches that nothing is left for."""
    groups = [(n, group) for n, way in enumerate(ways) for group in way]
    names = sorted({name for _, group in groups for name, _ in group.tests})
    rows = [[group.cells.get(name, ANY) for name in names] for _, group in groups]
    coverage = Coverage([known[name] for name in names], rows)
    for n in coverage.shadowed():
        way = groups[n][0]
        at = f"{where}.{way}.when" if switch else where
        message = (
            "can never hold" if n in coverage.unmet() else "says nothing that is not said before it"
        )
        yield Finding(at, message, "leave it out")
    if names and coverage.gap is None:
        message = "holds for everybody: nothing is left for `next`" if switch else "always holds"
        yield Finding(where, message, "{} if that is meant")


def told(example: Example) -> str:
    """Return a case in words: `score = 450, level = gold`."""
    return ", ".join(f"{name} = {_value(value)}" for name, value in example.items()) or "anything"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)
