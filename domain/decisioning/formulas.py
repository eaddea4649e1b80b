"""Formulas: a number calculated from facts, such as `min(income_monthly * 3, $most)`.

Numbers, names, `+ - * /`, brackets, `min`, `max`, and `floor(x, step)`, which rounds down to a
multiple of the step. Everything is `Decimal`; nothing else is understood, so a formula can neither
call anything nor run for long.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from domain.decisioning.cells import WrongCell, filled
from domain.decisioning.facts import Variable

Values = Mapping[str, Any]
_Function = Callable[[Values], Decimal]

MAX_LENGTH: Final = 300
_EXAMPLE: Final = "min(income_monthly * 3, 5000000)"


class CannotCalculate(Exception):
    """A value is missing, or the result is no number."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A compiled formula, with the names that it reads."""

    text: str
    reads: frozenset[str]
    value: _Function


def compile_formula(
    text: str, known: Mapping[str, Variable], parameters: Mapping[str, str]
) -> Formula:
    """Return the compiled formula; raises WrongCell for what cannot be read."""
    source = filled(text, parameters).strip()
    if len(source) > MAX_LENGTH:
        raise WrongCell(f"a formula has at most {MAX_LENGTH} characters", _EXAMPLE)
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise WrongCell(f"{text!r} is no formula", _EXAMPLE) from None
    reads: set[str] = set()
    calculated = _compiled(tree.body, _Reading(text, source, known, reads))

    def value(values: Values) -> Decimal:
        try:
            return calculated(values)
        except ArithmeticError:
            raise CannotCalculate(f"{text} is too large to be calculated") from None

    return Formula(text, frozenset(reads), value)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a formula is read with; `reads` collects the names in it."""

    text: str
    source: str
    known: Mapping[str, Variable]
    reads: set[str]

    def wrong(self, why: str) -> WrongCell:
        return WrongCell(f"{self.text!r}: {why}", _EXAMPLE)


def _compiled(node: ast.expr, reading: _Reading) -> _Function:
    match node:
        case ast.Constant():
            return _constant(node, reading)
        case ast.Name(id=name):
            return _name(name, reading)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _compiled(operand, reading)
            return lambda values: -inner(values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            apply, a, b = _OPERATORS[type(op)], _compiled(left, reading), _compiled(right, reading)
            return lambda values: apply(a(values), b(values))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            least, most, call = _FUNCTIONS[name]
            if not least <= len(args) <= most:
                raise reading.wrong(f"{name} takes {least} to {most} values")
            inner_args = [_compiled(one, reading) for one in args]
            return lambda values: call([one(values) for one in inner_args])
        case _:
            raise reading.wrong("only + - * /, min, max and floor are understood")


def _constant(node: ast.Constant, reading: _Reading) -> _Function:
    if type(node.value) not in (int, float):
        raise reading.wrong("only numbers and names of facts are understood")
    number = Decimal((ast.get_source_segment(reading.source, node) or "").replace("_", ""))
    return lambda _: number


def _name(name: str, reading: _Reading) -> _Function:
    known = reading.known.get(name)
    if known is None:
        raise reading.wrong(f"{name} is not known here")
    if not known.type.is_number:
        raise reading.wrong(f"{name} is no number")
    reading.reads.add(name)

    def value(values: Values) -> Decimal:
        given = values.get(name)
        if given is None:
            raise CannotCalculate(f"{name} is missing")
        return Decimal(given)

    return value


def _divided(a: Decimal, b: Decimal) -> Decimal:
    if b == 0:
        raise CannotCalculate("something would be divided by 0")
    return a / b


def _floor(given: list[Decimal]) -> Decimal:
    value, step = given
    if step <= 0:
        raise CannotCalculate("the step of floor is not above 0")
    return (value / step).to_integral_value(ROUND_FLOOR) * step


_OPERATORS: Final[Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: _divided,
}
_FUNCTIONS: Final[Mapping[str, tuple[int, int, Callable[[list[Decimal]], Decimal]]]] = {
    "min": (2, 9, min),
    "max": (2, 9, max),
    "floor": (2, 2, _floor),
}
