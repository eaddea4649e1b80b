"""Forms that a field `kind` tells apart, and what is said of one that names no kind of them."""

from typing import Any, Final, cast, get_args

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import UnionSchema

UNKNOWN_KIND: Final = "unknown_kind"
"""The type of pydantic's error for a form whose `kind` is missing, or none of the union's."""


class NamesItsKinds:
    """Has a union of forms say which kinds it has, to stand before its discriminator.

        Record = Annotated[Paid | Waived, NamesItsKinds(), Field(discriminator="kind")]

    pydantic itself names the kinds only of a wrong one, and of a missing one nothing.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the union's schema with the error that names its kinds."""
        schema = handler(source)
        if schema["type"] == "union":
            kinds = ", ".join(sorted(kinds_of(source)))
            union = cast(UnionSchema, schema)
            union["custom_error_type"] = UNKNOWN_KIND
            union["custom_error_message"] = f"`kind` must be one of {kinds}"
        return schema


def kinds_of(union: Any) -> frozenset[str]:
    """Return the values of `kind` of a union of forms."""
    return frozenset(kind for form in get_args(union) for kind in _kinds(form))


def _kinds(form: type[BaseModel]) -> tuple[str, ...]:
    return tuple(map(str, get_args(form.model_fields["kind"].annotation)))
