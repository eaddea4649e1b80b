"""What a reader of pictures says of itself: how sure it is of what, and by which models."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

Score = Annotated[float, Field(ge=0, le=1)]


def _scores(value: object) -> dict[str, float]:
    """Return the entries that are scores; whatever else stands among them says nothing to us."""
    entries = value.items() if isinstance(value, Mapping) else ()
    numbers = ((str(name), _number(one)) for name, one in entries)
    return {name: one for name, one in numbers if one is not None and 0 <= one <= 1}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _models(value: object) -> dict[str, str]:
    entries = value.items() if isinstance(value, Mapping) else ()
    return {str(name): str(version) for name, version in entries if isinstance(version, str | int)}


Scores = Annotated[dict[str, float], BeforeValidator(_scores)]
"""Confidence by field or action, 0 to 1."""

Models = Annotated[dict[str, str], BeforeValidator(_models)]
"""The version of each model that was used."""
