"""The forms shared by all bodies and answers."""

from collections.abc import Iterable
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticKnownError

from domain.common.typed_text import Typed, holds_number_of_person

ItemT = TypeVar("ItemT", bound=BaseModel)

MinorUnits = Annotated[int, Field(description="integer minor units of `currency`")]
Currency = Annotated[str, Field(description="ISO 4217", examples=["CNY"])]


def _without_numbers_of_people(text: str) -> str:
    if holds_number_of_person(text):
        raise ValueError("leave identity, card and mobile numbers out of the reason")
    return text


Reason = Annotated[
    Typed, Field(min_length=1, max_length=200), AfterValidator(_without_numbers_of_people)
]
"""Why a person decided so. It goes to the audit trail; personal data does not belong into it."""


def at_most(count: int) -> BeforeValidator:
    """Refuse a list of more than `count` items before each of them is looked at."""

    def check(value: object) -> object:
        if isinstance(value, list) and len(value) > count:
            raise PydanticKnownError(
                "too_long",
                {"field_type": "Tuple", "max_length": count, "actual_length": len(value)},
            )
        return value

    return BeforeValidator(check)


class Body(BaseModel):
    """A request's body: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ResponseBody(BaseModel):
    """A response's body."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(ResponseBody, Generic[ItemT]):
    """A part of a list; `next` is the `cursor` of the following part, null at the end."""

    items: list[ItemT]
    next: str | None


def whole(model: type[ItemT], rows: Iterable[Any]) -> Page[ItemT]:
    """Return the only page of a list that is short enough to be sent at once."""
    return Page(items=[model.model_validate(row) for row in rows], next=None)
