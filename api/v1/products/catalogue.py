"""What products ask of an applicant."""

from typing import Annotated

from fastapi import Path

from api.http.auth import Caller
from api.http.gate import gated_router
from api.http.schemas import Page
from api.v1.verification.schemas import ElementPolicyAnswer
from domain.products.element_catalogue import Stage
from domain.products.products import product_of
from domain.verification.elements import ElementKind

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
