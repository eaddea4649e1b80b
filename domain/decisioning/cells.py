"""Cells: what a policy asks of one value, as text, compiled to a test of the value's type.

    any type       -                       any value
    number, date   450   < 450   >= 6      a value, or a bound
                   [450..650)  (0..1]      an interval; a square bracket includes its bound
                   3, 6, [12..24]          one of several
    boolean        true   false
    text           gold, silver            one of these; `not gold, silver`: none of these
    text set       has a, b                at least one of these; `has all a, b`, `has none a, b`
                   empty   not empty

`$name` in a cell stands for a parameter of the policy.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain, combinations, pairwise
from typing import Any, Final

from domain.decisioning.facts import (
    FactType,
    FactValue,
    PolicyError,
    Variable,
    WrongFactType,
    from_text,
)

Test = Callable[[Any], bool]


class WrongCell(PolicyError):
    """A cell that cannot be read; `field` is empty until the compiler says where it stands."""

    def __init__(self, message: str, example: str) -> None:
        super().__init__(message, field="")
        self.example = example


@dataclass(frozen=True, slots=True)
class Cell:
    """A compiled cell: `test` is None where any value will do.

    `bounds` are the numbers or dates at which its answer may change, `words` the texts it names.
    """

    text: str
    test: Test | None
    bounds: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()


ANY: Final = Cell("-", None)

_EXAMPLES: Final = {
    FactType.INTEGER: "[450..650)",
    FactType.DECIMAL: "< 0.55",
    FactType.BOOLEAN: "true",
    FactType.TEXT: "gold, silver",
    FactType.DATE: ">= 2026-01-01",
    FactType.TEXT_SET: "has device, mobile",
}
_WORD: Final = re.compile(r"[^\s,\"'\[\]()<>=!$]+")
_INTERVAL: Final = re.compile(r"^([\[(])\s*(\S+?)\s*\.\.\s*(\S+?)\s*([\])])$")
_BOUND: Final = re.compile(r"^(<=|>=|<|>|=)?\s*(\S+)$")
_PARAMETER: Final = re.compile(r"\$([a-z][a-z0-9_]*)")


def filled(text: str, parameters: Mapping[str, str]) -> str:
    """Return a cell or formula with its parameters' values; raises WrongCell for an unknown one."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in parameters:
            known = next((f"${one}" for one in sorted(parameters)), "a value")
            raise WrongCell(f"there is no parameter {name}", known)
        return parameters[name]

    return _PARAMETER.sub(value, text)


def parameters_in(text: str) -> frozenset[str]:
    """Return the names of the parameters that a text uses."""
    return frozenset(_PARAMETER.findall(text))


def compile_cell(text: str, of: Variable, parameters: Mapping[str, str]) -> Cell:
    """Return the compiled cell; raises WrongCell with an example of a right one."""
    read = filled(text, parameters).strip()
    if read == ANY.text:
        return ANY
    try:
        if of.type is FactType.TEXT_SET:
            return _of_set(text, read, of)
        if of.type is FactType.TEXT:
            return _of_text(text, read, of)
        if of.type is FactType.BOOLEAN:
            wanted = from_text(of, read)
            return Cell(text, lambda value: value is wanted)
        return _of_order(text, read, of)
    except WrongFactType as error:
        raise WrongCell(f"{text!r} cannot be read: {error.message}", _EXAMPLES[of.type]) from None


def _wrong(text: str, why: str, of: Variable) -> WrongCell:
    return WrongCell(f"{text!r} cannot be read as {of.name}: {why}", _EXAMPLES[of.type])


def _of_order(text: str, read: str, of: Variable) -> Cell:
    """Compile bounds and intervals of numbers and dates."""
    tests: list[Test] = []
    bounds: list[Any] = []
    for part in read.split(","):
        interval = _INTERVAL.match(part.strip())
        if interval is not None:
            opening, low_text, high_text, closing = interval.groups()
            low, high = from_text(of, low_text), from_text(of, high_text)
            test = _between(low, high, low_in=opening == "[", high_in=closing == "]")
            bounds += [low, high]
            if not any(map(test, _around((low, high), of.type))):
                raise _wrong(text, f"{part.strip()} holds nothing", of)
        else:
            bound = _BOUND.match(part.strip())
            if bound is None:
                raise _wrong(text, "a value, a bound or an interval is wanted", of)
            sign, value_text = bound.groups()
            value = from_text(of, value_text)
            test = _compared(sign, value)
            bounds.append(value)
        tests.append(test)
    return Cell(text, _one_of(tests), tuple(bounds))


def _one_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    several = tuple(tests)
    return lambda value: any(test(value) for test in several)


def _compared(sign: str | None, bound: Any) -> Test:
    match sign:
        case "<":
            return lambda value: bool(value < bound)
        case "<=":
            return lambda value: bool(value <= bound)
        case ">":
            return lambda value: bool(value > bound)
        case ">=":
            return lambda value: bool(value >= bound)
        case _:
            return lambda value: bool(value == bound)


def _between(low: Any, high: Any, *, low_in: bool, high_in: bool) -> Test:
    if low_in and high_in:
        return lambda value: bool(low <= value <= high)
    if low_in:
        return lambda value: bool(low <= value < high)
    if high_in:
        return lambda value: bool(low < value <= high)
    return lambda value: bool(low < value < high)


def _words(text: str, read: str, of: Variable) -> tuple[str, ...]:
    words = tuple(word.strip() for word in read.split(","))
    for word in words:
        if not _WORD.fullmatch(word):
            raise _wrong(text, "words with commas between them are wanted", of)
        if of.values and word not in of.values:
            raise WrongCell(f"{text!r}: {of.name} is never {word!r}", ", ".join(of.values[:3]))
    if len(set(words)) < len(words):
        raise _wrong(text, "a word stands there twice", of)
    return words


def _of_text(text: str, read: str, of: Variable) -> Cell:
    negated = read.startswith("not ")
    words = _words(text, read.removeprefix("not "), of)
    wanted = frozenset(words)
    if negated:
        return Cell(text, lambda value: value not in wanted, words=words)
    return Cell(text, lambda value: value in wanted, words=words)


def _of_set(text: str, read: str, of: Variable) -> Cell:
    if read == "empty":
        return Cell(text, lambda value: not value)
    if read == "not empty":
        return Cell(text, lambda value: bool(value))
    how, _, rest = read.partition(" ")
    if how != "has":
        raise _wrong(text, "`has`, `has all`, `has none`, `empty` or `not empty` is wanted", of)
    all_of, none_of = rest.startswith("all "), rest.startswith("none ")
    words = _words(text, rest.removeprefix("all ").removeprefix("none "), of)
    wanted = frozenset(words)
    if all_of:
        return Cell(text, lambda value: wanted <= value, words=words)
    if none_of:
        return Cell(text, lambda value: not wanted & value, words=words)
    return Cell(text, lambda value: bool(wanted & value), words=words)


MAX_WORDS: Final = 8
"""The most texts that the cells on one set may name together: each doubles what is looked at."""

OTHER: Final = "another"
"""A text that no cell names."""


class TooManyWords(WrongCell):
    """More texts are named of one set than can be looked at exactly."""


def representatives(of: Variable, cells: Iterator[Cell] | list[Cell]) -> tuple[FactValue, ...]:
    """Return values so that every value there can be answers the cells as one of these does."""
    all_cells = list(cells)
    words = tuple(dict.fromkeys(word for cell in all_cells for word in cell.words))
    match of.type:
        case FactType.BOOLEAN:
            return (True, False)
        case FactType.TEXT:
            return of.values or (*words, _unlike(words))
        case FactType.TEXT_SET:
            if len(words) > MAX_WORDS:
                raise TooManyWords(
                    f"more than {MAX_WORDS} texts of {of.name} are named in one table",
                    "two tables in place of one",
                )
            rest = [one for one in of.values if one not in words][:1] if of.values else []
            other = rest or ([] if of.values else [_unlike(words)])
            every = [*words, *other]
            sizes = chain.from_iterable(combinations(every, n) for n in range(len(every) + 1))
            return tuple(frozenset(one) for one in sizes)
        case _:
            bounds = {bound for cell in all_cells for bound in cell.bounds}
            limits = {
                int(one) if of.type is FactType.INTEGER else one
                for one in (of.low, of.high)
                if one is not None
            }
            return tuple(
                value
                for value in _around(bounds | limits, of.type)
                if (of.low is None or value >= of.low) and (of.high is None or value <= of.high)
            )


def _unlike(words: tuple[str, ...]) -> str:
    return next(one for one in (OTHER, *(f"{OTHER}_{n}" for n in range(99))) if one not in words)


def _around(bounds: Any, of: FactType) -> tuple[Any, ...]:
    """Return the bounds, and a value on each side of every one of them."""
    ordered = sorted(set(bounds))
    if of is FactType.DECIMAL:
        if not ordered:
            return (Decimal(0),)
        between = [(low + high) / 2 for low, high in pairwise(ordered)]
        return tuple(sorted({ordered[0] - 1, *ordered, *between, ordered[-1] + 1}))
    step: Any = timedelta(days=1) if of is FactType.DATE else 1
    if not ordered:
        return (date(2000, 1, 1),) if of is FactType.DATE else (0,)
    return tuple(sorted({value for one in ordered for value in (one - step, one, one + step)}))
