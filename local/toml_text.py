"""JSON as TOML that people edit, long texts on lines of their own.

The standard library reads TOML and does not write it. TOML has no null: fields that hold none are
left out, as they are in a file that was written by hand.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH: Final = 96
_CONTROLS: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def to_toml(content: Mapping[str, Any]) -> str:
    """Return a JSON object as TOML; raises ValueError for a list that holds nulls."""
    return "\n".join(_table(content, ())).strip() + "\n"


def _table(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table: plain values first, which would belong to a later table else."""
    inner: list[tuple[str, Any]] = []
    for name, value in content.items():
        if value is None:
            continue
        if isinstance(value, Mapping) or _is_tables(value):
            inner.append((name, value))
        else:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in inner:
        place = (*path, name)
        header = ".".join(_key(part) for part in place)
        if isinstance(value, Mapping):
            yield ""
            yield f"[{header}]"
            yield from _table(value, place)
        else:
            for one in value:
                yield ""
                yield f"[[{header}]]"
                yield from _table(one, place)


def _is_tables(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)
    )


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _lines(value) if "\n" in value else _text(value)
        case list():
            return _array([_value(one) for one in value])
        case Mapping():
            fields = [
                f"{_key(name)} = {_inline(one)}" for name, one in value.items() if one is not None
            ]
            return f"{{ {', '.join(fields)} }}" if fields else "{}"
    raise ValueError(f"TOML has no {value!r}")


def _inline(value: Any) -> str:
    """Return a value within a table that stands on one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_inline(one) for one in value)}]"
    return _value(value)


def _array(values: list[str]) -> str:
    line = f"[{', '.join(values)}]"
    if len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"  {value},\n" for value in values) + "]"


def _text(text: str) -> str:
    # JSON escapes as TOML does, except for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    escaped = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped)
    if escaped.endswith('"'):
        escaped = f'{escaped[:-1]}\\"'
    return f'"""\n{escaped}"""'
