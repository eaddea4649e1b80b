"""What products ask of an applicant."""

from typing import Annotated

from fastapi import Path

from api.auth import Caller
from api.gate import gated_router
from api.schemas.base import Page
from api.schemas.element import ElementPolicyAnswer
from domain.element_catalogue import Stage
from domain.elements import ElementKind
from domain.products import product_of

router = gated_router("/products", "applications")


@router.get("/{product}/elements", summary="The elements that a product asks for")
async def elements(
    product: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,32}$")], caller: Caller
) -> Page[ElementPolicyAnswer]:
    """Return them in the order in which they are asked for."""
    found = product_of(product)
    asked: list[tuple[ElementKind, Stage]] = [
        *((kind, Stage.APPLICATION) for kind in found.required_elements),
        *((kind, Stage.OPTIONAL) for kind in found.optional_elements),
        *((kind, Stage.DRAWDOWN) for kind in found.drawdown_elements),
    ]
    items = [
        ElementPolicyAnswer.model_validate(
            {
                "kind": kind,
                "asked": when,
                "fields": found.fields_of(kind),
                **found.policy_of(kind).model_dump(
                    include={
                        "consent",
                        "valid_for_days",
                        "attempts",
                        "mismatches",
                        "on_mismatch",
                        "captured",
                    }
                ),
            }
        )
        for kind, when in asked
    ]
    return Page(items=items, next=None)
