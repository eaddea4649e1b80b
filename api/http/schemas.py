"""The forms shared by all bodies and answers."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")

MinorUnits = Annotated[int, Field(description="integer minor units of `currency`")]
Currency = Annotated[str, Field(description="ISO 4217", examples=["CNY"])]


class Body(BaseModel):
    """A request's body: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Answer(BaseModel):
    """A response's body."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Answer, Generic[Item]):
    """A part of a list; `next` is the `cursor` of the following part, null at the end."""

    items: list[Item]
    next: str | None
