"""Elements that are asked for before a drawdown."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from api.http.schemas import Body, ResponseBody, at_most
from api.v1.applications.schemas import ElementResponse
from domain.verification.elements import Element, ElementKind


class LineElementsCreate(Body):
    """Elements for a line, each kind once. They are verified side by side."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "elements": [
                        {
                            "kind": "bank_card",
                            "card_number": "6212262308004359191",
                            "mobile": "13800138000",
                        }
                    ]
                }
            ]
        }
    )

    elements: Annotated[tuple[Element, ...], at_most(len(ElementKind))] = Field(
        min_length=1, max_length=len(ElementKind)
    )

    @model_validator(mode="after")
    def _each_kind_once(self) -> Self:
        if len({element.kind for element in self.elements}) != len(self.elements):
            raise ValueError("give each kind of element once")
        return self


class LineElementsResponse(ResponseBody):
    """Where elements of a line stand, and which kinds are still to be verified for a drawdown."""

    line_id: str
    elements: list[ElementResponse]
    missing: list[ElementKind]
