"""The strictness that everything sent to or received from a third party shares."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """Exact fields, exact types, finite numbers, and no values in validation errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class PersonalWire(Wire):
    """A message about a person: its `repr` shows no field, so that no log can."""

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        return ()
