"""A compiled policy: the tests and formulas of its nodes, ready to be evaluated many times.

Made by `domain.decisioning.compiling` only. A value that is missing is None here.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cached_property
from typing import Any, Final, Self

from domain.decisioning.cells import Cell, Test
from domain.decisioning.facts import Fact, FactType, FactValue, PersonalClass, Variable, read_value
from domain.decisioning.formulas import CannotCalculate, Formula
from domain.decisioning.policies import (
    Arm,
    Collected,
    Effect,
    End,
    HitPolicy,
    Policy,
    Scaling,
)

Values = Mapping[str, Any]

ARITHMETIC: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""In which everything is calculated, whatever the process has set otherwise."""

CONDITIONS_MET: Final = "conditions_met"
"""The fact that names the conditions which are fulfilled already."""


def all_hold(tests: Iterable[tuple[str, Test]], values: Values) -> bool | None:
    """Say whether all tests hold; None when that depends on a missing value."""
    answer: bool | None = True
    for name, test in tests:
        value = values.get(name)
        if value is None:
            answer = None
        elif not test(value):
            return False
    return answer


@dataclass(frozen=True, slots=True)
class Condition:
    """Cells that must all hold, by name."""

    cells: Mapping[str, Cell]
    tests: tuple[tuple[str, Test], ...]

    @classmethod
    def of(cls, cells: Mapping[str, Cell]) -> Self:
        """Return the condition that these cells make."""
        tests = tuple((name, cell.test) for name, cell in cells.items() if cell.test is not None)
        return cls(cells, tests)


def one_holds(conditions: tuple[Condition, ...], values: Values) -> bool | None:
    """Say whether one of several conditions holds; None when that depends on a missing value."""
    if len(conditions) == 1:
        return all_hold(conditions[0].tests, values)
    answer: bool | None = False
    for one in conditions:
        holds = all_hold(one.tests, values)
        if holds:
            return True
        if holds is None:
            answer = None
    return answer


@dataclass(frozen=True, slots=True)
class CompiledEffect:
    """An effect; `amount` is the formula of what a condition demands."""

    effect: Effect
    amount: Formula | None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with the names that its condition reads."""

    id: str
    when: tuple[Condition, ...]
    effect: CompiledEffect
    reads: tuple[str, ...]

    @classmethod
    def of(cls, name: str, when: tuple[Condition, ...], effect: CompiledEffect) -> Self:
        """Return the rule."""
        reads = tuple(dict.fromkeys(read for one in when for read, _ in one.tests))
        return cls(name, when, effect, reads)


@dataclass(frozen=True, slots=True)
class CompiledRuleSet:
    """A set of rules."""

    id: str
    next: str
    rules: tuple[CompiledRule, ...]
    stop_on_reject: bool


@dataclass(frozen=True, slots=True)
class Output:
    """What a row gives: a formula's value for a number, otherwise a constant."""

    variable: Variable
    formula: Formula | None
    constant: FactValue | None

    def value(self, values: Values) -> FactValue:
        """Return the value; raises CannotCalculate, and WrongFactType for one that does not fit."""
        if self.formula is None:
            if self.constant is None:
                raise CannotCalculate("there is no value")
            return self.constant
        return of_type(self.variable, self.formula.value(values))


def of_type(variable: Variable, number: Decimal) -> FactValue:
    """Return a calculated number as its type wants it; raises like `Output.value`."""
    if variable.type is not FactType.INTEGER:
        return read_value(variable, number)
    if number != number.to_integral_value():
        raise CannotCalculate(f"{variable.name} would be {number}, which is no whole number")
    return read_value(variable, int(number))


@dataclass(frozen=True, slots=True)
class CompiledRow:
    """A row of a table."""

    id: str
    cells: tuple[Cell, ...]
    tests: tuple[tuple[str, Test], ...]
    outputs: tuple[Output, ...]
    effect: CompiledEffect | None

    @classmethod
    def of(
        cls,
        name: str,
        inputs: tuple[str, ...],
        cells: tuple[Cell, ...],
        outputs: tuple[Output, ...],
        effect: CompiledEffect | None,
    ) -> Self:
        """Return the row."""
        tests = tuple(
            (read, cell.test)
            for read, cell in zip(inputs, cells, strict=True)
            if cell.test is not None
        )
        return cls(name, cells, tests, outputs, effect)


@dataclass(frozen=True, slots=True)
class CompiledTable:
    """A decision table."""

    id: str
    next: str
    hit: HitPolicy
    collected: Collected | None
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    rows: tuple[CompiledRow, ...]


@dataclass(frozen=True, slots=True)
class CompiledBin:
    """A bin of a characteristic."""

    cell: Cell
    points: Decimal


@dataclass(frozen=True, slots=True)
class CompiledCharacteristic:
    """A fact with its bins."""

    of: Variable
    bins: tuple[CompiledBin, ...]
    missing: Decimal | None
    other: Decimal | None

    def points(self, value: FactValue | None) -> Decimal | None:
        """Return what a value is worth; None for one that has no worth."""
        if value is None:
            return self.missing
        for one in self.bins:
            if one.cell.test is None or one.cell.test(value):
                return one.points
        return self.other


@dataclass(frozen=True, slots=True)
class CompiledScorecard:
    """A scorecard; `factor` and `offset` turn the sum of its points into the score."""

    id: str
    next: str
    output: str
    base: Decimal
    characteristics: tuple[CompiledCharacteristic, ...]
    factor: Decimal
    offset: Decimal

    def score(self, points: Decimal) -> int:
        """Return the score of points; halves go to the even number."""
        return int((self.offset + self.factor * points).to_integral_value(ROUND_HALF_EVEN))


def scaled(scaling: Scaling | None) -> tuple[Decimal, Decimal]:
    """Return factor and offset: those of the scaling, or 1 and 0 without one."""
    if scaling is None:
        return Decimal(1), Decimal(0)
    with localcontext(ARITHMETIC):
        factor = scaling.points_to_double / Decimal(2).ln()
        return factor, scaling.base_score - factor * scaling.base_odds.ln()


@dataclass(frozen=True, slots=True)
class CompiledSplit:
    """A split."""

    id: str
    salt: str
    customer: str
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class CompiledBranch:
    """A branch of a switch."""

    when: tuple[Condition, ...]
    next: str


@dataclass(frozen=True, slots=True)
class CompiledSwitch:
    """A switch."""

    id: str
    branches: tuple[CompiledBranch, ...]
    next: str


@dataclass(frozen=True, slots=True)
class CompiledSubPolicy:
    """Another policy on the way."""

    id: str
    next: str
    code: str
    policy: "CompiledPolicy"


@dataclass(frozen=True, slots=True)
class CompiledLimitAndPrice:
    """What can be offered."""

    id: str
    next: str
    amount: Formula
    term: Formula
    annual_rate: Formula
    too_little: CompiledEffect


Step = (
    CompiledRuleSet
    | CompiledTable
    | CompiledScorecard
    | CompiledSplit
    | CompiledSwitch
    | CompiledSubPolicy
    | CompiledLimitAndPrice
)
CompiledNode = Step | End


@dataclass(frozen=True, slots=True)
class Reader:
    """Takes the values of a fact: those of `plain` within whole bounds at once, others checked."""

    fact: Fact
    plain: type | None
    low: int | None
    high: int | None

    @classmethod
    def of(cls, fact: Fact) -> Self:
        """Return the reader of a fact."""
        is_whole = fact.type is FactType.INTEGER
        plain = _PLAIN.get(fact.type) if not fact.values else None
        low = math.ceil(fact.low) if is_whole and fact.low is not None else None
        high = math.floor(fact.high) if is_whole and fact.high is not None else None
        return cls(fact, plain, low, high)

    def value(self, given: FactValue) -> FactValue:
        """Return the value; raises WrongFactType."""
        if type(given) is self.plain:
            bounded: Any = given
            if (self.low is None or bounded >= self.low) and (
                self.high is None or bounded <= self.high
            ):
                return given
        return read_value(self.fact, given)


_PLAIN: Final[Mapping[FactType, type]] = {
    FactType.INTEGER: int,
    FactType.BOOLEAN: bool,
    FactType.TEXT: str,
    FactType.DATE: date,
}


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy that can be evaluated; safe to keep and to share between threads.

    `facts` are those that it reads, `catalogue` the names of all there are, `variables` the values
    that its nodes give.
    """

    policy: Policy
    catalogue: frozenset[str]
    facts: tuple[Fact, ...]
    nodes: Mapping[str, CompiledNode]
    start: str
    variables: Mapping[str, Variable]

    @cached_property
    def rule_ids(self) -> tuple[str, ...]:
        """Return the rules of all sets in their order, those of other policies as `code.id`."""
        return tuple(
            name
            for node in self.nodes.values()
            for name in (
                (rule.id for rule in node.rules)
                if isinstance(node, CompiledRuleSet)
                else (f"{node.code}.{name}" for name in node.policy.rule_ids)
                if isinstance(node, CompiledSubPolicy)
                else ()
            )
        )

    @cached_property
    def readers(self) -> tuple[tuple[str, Reader], ...]:
        """Return what takes the value of each fact, by name."""
        return tuple((fact.name, Reader.of(fact)) for fact in self.facts)

    @property
    def reads(self) -> frozenset[str]:
        """Return the names of the facts that it reads."""
        return frozenset(fact.name for fact in self.facts)

    @property
    def personal(self) -> frozenset[str]:
        """Return the names of the facts it reads that are personal data."""
        return frozenset(
            fact.name for fact in self.facts if fact.personal is not PersonalClass.NONE
        )
