"""How strict we are with what we send to a third party, and how tolerant with what comes back.

Theirs change without telling us: a field is added, a reason, a status; a number comes as text. What
comes back is read by one rule (`Received`):

* fields that we do not know are ignored;
* a number may come as text and text as a number, null or a blank for what is
  optional is as good as nothing;
* a reason or another code that we do not know is kept as it is (`CodeText`);
* a *state* that we do not know is not final (`state_of`): whoever asked asks again;
* what is needed and missing, or makes no sense, is no response at all.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, Union, get_args, get_origin

import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

UNREADABLE: Final = "unreadable"
"""Stands for a code that is none, such as a sentence: it could hold somebody's name."""

UNSPECIFIED: Final = "unspecified"
"""Stands for a reason that was due and not given."""

_CODE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:/-]| (?! )){0,63}")
_MAX_CODE_DIGITS: Final = 5
"""More could be a number of a person or a card."""

_FLAGS: Final = {"true": True, "false": False}
_EVENT_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_MAX_TEXT: Final = 200

_COMPACT_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")

_log = structlog.stdlib.get_logger(__name__)


def _flag(name: str, value: object) -> object:
    """Return a truth value as JSON has it, or as text; no other word is taken for yes or no."""
    found = _FLAGS.get(value.lower()) if isinstance(value, str) else value
    if value is not None and not isinstance(found, bool):
        raise ValueError(f"{name} is a truth value")
    return found


def _day(name: str, value: object) -> object:
    """Return a day as ISO 8601 has it; a number would be read as seconds since 1970."""
    if isinstance(value, int | float):
        value = str(value)
    if isinstance(value, str):
        compact = _COMPACT_DAY.fullmatch(value)
        if compact:
            return "-".join(compact.groups())
        if re.fullmatch(r"[\d.eE+-]*", value) and value.count("-") != 2:
            raise ValueError(f"{name} is no day")
    return value


def _types_in(annotation: object) -> Iterable[object]:
    """Return the types of which a field's value may be, without those inside of lists."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _types_in(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _types_in(one)
    else:
        yield annotation


class Wire(BaseModel):
    """What we send: exact fields, exact types, finite numbers, no values in validation errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class PersonalWire(Wire):
    """A message about a person: its `repr` shows no field, so that no log can."""

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        return ()


class Received(BaseModel):
    """What a third party sends us; see the module."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
    )

    _flags: ClassVar[frozenset[str]] = frozenset()
    _days: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Learn which fields are truth values, and which are days."""
        super().__pydantic_init_subclass__(**kwargs)
        types = {name: set(_types_in(field.annotation)) for name, field in cls.model_fields.items()}
        cls._flags = frozenset(name for name, found in types.items() if bool in found)
        cls._days = frozenset(
            name for name, found in types.items() if date in found and datetime not in found
        )

    @model_validator(mode="before")
    @classmethod
    def _as_meant(cls, data: Any) -> Any:
        """Leave out nothings that are not needed; refuse what would be read as something else."""
        if not isinstance(data, Mapping):
            return data
        read: dict[str, Any] = {}
        for name, value in data.items():
            field = cls.model_fields.get(name)
            nothing = value is None or (isinstance(value, str) and not value.strip())
            if field is None or (nothing and not field.is_required()):
                continue
            if name in cls._flags:
                value = _flag(name, value)
            elif name in cls._days:
                value = _day(name, value)
            elif isinstance(value, bool):
                raise ValueError(f"{name} is no truth value")
            read[name] = value
        return read


class PersonalReceived(Received):
    """The same about a person: its `repr` shows no field, so that no log can."""

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        return ()


def _simple(value: object) -> str | None:
    return str(value)[:_MAX_TEXT] if isinstance(value, str | int | float) and value else None


class EventNotice(Received):
    """A signed callback: that something happened at their side, of which we then ask.

    `event_id` marks repeats; one that is no opaque key, or is missing, is made one (`event_key`).
    """

    event_id: Annotated[str | None, BeforeValidator(_simple)] = None
    occurred_at: Annotated[str | None, BeforeValidator(_simple)] = None

    @property
    def event_key(self) -> str:
        """What makes two deliveries one event: its id, else all that it says."""
        if self.event_id is not None and _EVENT_ID.fullmatch(self.event_id):
            return self.event_id
        said = self.event_id or self.model_dump_json()
        return f"evt-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def read_code(value: object) -> str | None:
    """Return a code as it is, `unreadable` for what is no code, None for nothing.

    A code has up to 64 letters, digits and signs, and so few digits that none of a person fits.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return UNREADABLE
    text = value.strip()
    if not text:
        return None
    digits = sum(character.isdigit() for character in text)
    return text if _CODE.fullmatch(text) and digits <= _MAX_CODE_DIGITS else UNREADABLE


CodeText = Annotated[str, BeforeValidator(read_code)]
"""A reason, kind or status that we keep as it is, known or not."""


def state_of(states: type[StrEnum], not_final: StrEnum) -> BeforeValidator:
    """Return the reader of a state: a word that is not known is `not_final`, and is logged."""
    known = {str(state): state for state in states}

    def read(value: object) -> object:
        found = known.get(value) if isinstance(value, str) else None
        if found is None:
            _log.warning("unknown_state", of=states.__name__, state=read_code(value))
        return found or not_final

    return BeforeValidator(read)
