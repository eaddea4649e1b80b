"""Facts: what a policy may read of a case, with the type of each and what a missing one means.

The catalogue of facts is a definition in force. A fact that is missing is not false and not zero:
either the case cannot be decided (`fail`), or a person decides (`refer`), or the catalogue says
which value stands for it (`value`).
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from domain.common.definitions import Content, Finding, InForce, Kind

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
"""The name of a fact, a value that a node gives, or a parameter."""

FactValue = bool | int | Decimal | str | date | frozenset[str]
"""A value of one of the types below; never a float."""

Shown = bool | int | str | tuple[str, ...] | None
"""A value as a trace keeps it: decimals and dates as text, sets sorted, None for a missing one."""


class FactType(StrEnum):
    """What a fact's value is."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TEXT = "text"
    DATE = "date"
    TEXT_SET = "text_set"

    @property
    def is_number(self) -> bool:
        """Say whether one can calculate with it."""
        return self in (FactType.INTEGER, FactType.DECIMAL)


class PersonalClass(StrEnum):
    """How a value has to be kept: `sensitive` is what does special harm in wrong hands."""

    NONE = "none"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


class WhenMissing(StrEnum):
    """What follows from a fact that is not there."""

    FAIL = "fail"
    REFER = "refer"
    VALUE = "value"


class PolicyError(Exception):
    """A policy and the facts it is given do not fit; `field` names the fact or the cell.

    No refusal of what somebody sent: a checked policy and gathered facts do not raise it.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class UnknownFact(PolicyError):
    """A fact that the catalogue does not have."""


class WrongFactType(PolicyError):
    """A value that is not of its fact's type; `field` names the fact."""


class FactMissing(PolicyError):
    """A fact without which nothing is decided; `field` names it."""


def written(value: Any) -> Any:
    """Return a number, a truth value or a date as people write it; text stays as it is."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float | Decimal | date) else value


Written = Annotated[str, BeforeValidator(written)]
"""A value or a cell as text, whatever TOML or JSON made of it: `450`, `0.05`, `true`."""


class Variable(Content):
    """A name with the type of its value.

    `values` are all that a text can be; `low` and `high` are the least and the greatest number.
    """

    name: Name
    type: FactType
    values: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None


class Fact(Variable):
    """One fact: what it means, from which element or source it comes, and how it is kept.

    `gathered` says whether something in the platform gives it today. `treat_as` is the value that
    stands for a missing one.
    """

    meaning: str = Field(min_length=1, max_length=300)
    source: str = Field(min_length=1, max_length=60)
    personal: PersonalClass
    missing: WhenMissing
    treat_as: Written | None = None
    gathered: bool = Field(default=True, strict=True)


class FactCatalogue(Content):
    """All facts that policies may read."""

    facts: tuple[Fact, ...] = Field(min_length=1)

    @cached_property
    def by_name(self) -> Mapping[str, Fact]:
        """Return the facts by name."""
        return {one.name: one for one in self.facts}


def read_value(of: Variable, given: Any) -> FactValue:
    """Return a value as its type wants it, from JSON or from Python.

    Raises WrongFactType for another type, for text that is none of the values, and for a number
    beyond its bounds: nothing is converted silently, and a float is never taken.
    """
    value = _typed(of.type, given)
    if value is None:
        raise WrongFactType(f"{of.name} is not {_WORDS[of.type]}", field=of.name)
    if of.values:
        words = value if isinstance(value, frozenset) else {value}
        if not words <= set(of.values):
            raise WrongFactType(
                f"{of.name} is none of {', '.join(of.values)}: it cannot be used", field=of.name
            )
    if isinstance(value, int | Decimal) and (
        (of.low is not None and value < of.low) or (of.high is not None and value > of.high)
    ):
        raise WrongFactType(f"{of.name} lies outside its bounds", field=of.name)
    return value


_WORDS: Final = {
    FactType.INTEGER: "a whole number",
    FactType.DECIMAL: "a decimal number",
    FactType.BOOLEAN: "true or false",
    FactType.TEXT: "a text",
    FactType.DATE: "a date such as 2026-11-28",
    FactType.TEXT_SET: "a set of texts",
}


def _typed(wanted: FactType, given: Any) -> FactValue | None:
    kind = type(given)
    match wanted:
        case FactType.INTEGER:
            return given if kind is int else None
        case FactType.DECIMAL:
            if kind is int:
                return Decimal(given)
            read = _decimal(given) if kind is str else given if kind is Decimal else None
            return read if read is not None and _is_sane(read) else None
        case FactType.BOOLEAN:
            return given if kind is bool else None
        case FactType.TEXT:
            return str(given) if isinstance(given, str) else None
        case FactType.DATE:
            return given if kind is date else _date(given) if kind is str else None
        case FactType.TEXT_SET:
            is_set = isinstance(given, frozenset | set | list | tuple)
            return frozenset(given) if is_set and all(isinstance(x, str) for x in given) else None


def _is_sane(number: Decimal) -> bool:
    """Say whether a number has a size with which one can calculate exactly enough."""
    return number.is_finite() and abs(number.adjusted()) <= _MAX_EXPONENT


_MAX_EXPONENT: Final = 20


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def from_text(of: Variable, text: str) -> FactValue:
    """Return the value that a text says: `450`, `true`, `2026-11-28`, `a, b`; raises as above."""
    given: Any = text.strip()
    if of.type is FactType.BOOLEAN:
        given = {"true": True, "false": False}.get(given)
    elif of.type is FactType.INTEGER:
        number = _decimal(given.replace("_", ""))
        whole = number is not None and number.is_finite() and number == number.to_integral_value()
        given = int(number) if whole and number is not None else None
    elif of.type is FactType.TEXT_SET:
        given = [word.strip() for word in given.split(",") if word.strip()]
    return read_value(of, given)


def shown(value: FactValue | None) -> Shown:
    """Return a value as a trace keeps it."""
    if type(value) in (int, bool, str):
        return value  # type: ignore[return-value]
    if isinstance(value, frozenset):
        return tuple(sorted(value))
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def check_fact_catalogue(catalogue: FactCatalogue, _: InForce) -> Iterator[Finding]:
    """Say what is wrong: names twice, values that stand for missing ones but do not fit."""
    seen: set[str] = set()
    for index, fact in enumerate(catalogue.facts):
        at = f"facts.{index}"
        if fact.name in seen:
            yield Finding(f"{at}.name", f"{fact.name} stands in the catalogue twice", fact.name)
        seen.add(fact.name)
        if fact.values and fact.type not in (FactType.TEXT, FactType.TEXT_SET):
            yield Finding(f"{at}.values", "only texts have a list of values", 'type = "text"')
        if (fact.low, fact.high) != (None, None) and not fact.type.is_number:
            yield Finding(f"{at}.low", "only numbers have bounds", 'type = "integer"')
        if (fact.treat_as is not None) is not (fact.missing is WhenMissing.VALUE):
            yield Finding(f"{at}.treat_as", "goes with missing = value, and only with it", "0")
        elif fact.treat_as is not None:
            try:
                from_text(fact, fact.treat_as)
            except WrongFactType as error:
                yield Finding(f"{at}.treat_as", error.message, "0")


FACT_CATALOGUE: Final = Kind("fact_catalogue", FactCatalogue, check_fact_catalogue)

STANDARD: Final[Literal["standard"]] = "standard"
"""The catalogue that policies read, by code of the definition."""
