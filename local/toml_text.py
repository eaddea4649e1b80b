"""JSON as TOML that people edit, long texts on lines of their own.

The standard library reads TOML and does not write it. TOML has no null: fields that hold none are
left out, as they are in a file that was written by hand.
"""

import json
from collections.abc import Mapping
from typing import Any

import tomli_w


def to_toml(content: Mapping[str, Any]) -> str:
    """Return a JSON object as TOML; raises ValueError for a list that holds nulls."""
    # On several lines a carriage return before a line's end would get lost.
    on_lines = r"\r" not in json.dumps(content)
    return tomli_w.dumps(_without_nulls(content), multiline_strings=on_lines, indent=2)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        if None in value:
            raise ValueError("TOML has no null: leave it out of the list")
        return [_without_nulls(one) for one in value]
    return value
