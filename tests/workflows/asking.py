"""Products that ask for more than the shipped ones, or remind and judge otherwise."""

from datetime import timedelta
from types import MappingProxyType

import pytest
from domain.products.element_catalogue import BANK_CARD_BINDING, CATALOGUE, OnMismatch

from domain.products import products
from domain.products.products import CASH, REVOLVING, Product
from domain.verification.elements import ElementKind

REPORT = CASH.model_copy(
    update={
        "code": "report",
        "required_elements": (ElementKind.REAL_NAME, ElementKind.OPERATOR_REPORT),
        "optional_elements": (ElementKind.OPERATOR, ElementKind.ONLINE_BANKING),
    }
)
"""Real name and the operator's report; the mobile and bank statements if one likes."""

STRICT = CASH.model_copy(
    update={
        "code": "strict",
        "required_elements": (ElementKind.REAL_NAME, ElementKind.OPERATOR),
        "element_policies": (
            CATALOGUE[ElementKind.OPERATOR].model_copy(
                update={"on_mismatch": OnMismatch.REJECT, "reject_code": "R08"}
            ),
        ),
    }
)
"""A mobile that belongs to somebody else rejects."""

LENIENT = CASH.model_copy(
    update={
        "code": "lenient",
        "required_elements": (
            ElementKind.REAL_NAME,
            ElementKind.OPERATOR,
            ElementKind.PERSONAL_INFORMATION,
        ),
        "element_policies": (
            CATALOGUE[ElementKind.PERSONAL_INFORMATION].model_copy(
                update={"on_reason": (("duplicate_contact", OnMismatch.REFER),)}
            ),
        ),
    }
)
"""Contacts who are one and the same are for a person to judge."""

QUICK = CASH.model_copy(
    update={"code": "quick", "reminders_after": (timedelta(hours=20), timedelta(hours=40))}
)
"""Reminds after twenty and forty hours."""

DRAWING = CASH.model_copy(
    update={
        "code": "drawing",
        "required_elements": tuple(
            kind for kind in CASH.required_elements if kind is not ElementKind.BANK_CARD
        ),
        "drawdown_elements": (ElementKind.BANK_CARD,),
    }
)
"""The card is bound only when money is drawn: who is refused was not asked for it."""

BINDING = REVOLVING.model_copy(
    update={
        "code": "binding",
        "required_elements": (
            ElementKind.REAL_NAME,
            ElementKind.OPERATOR,
            ElementKind.BANK_CARD,
        ),
    }
)
"""Real name and mobile, and a bank card that is bound with a code."""

CAPTURING = DRAWING.model_copy(
    update={
        "code": "capturing",
        "drawdown_elements": (ElementKind.BANK_CARD, ElementKind.OPERATOR_REPORT),
        "element_policies": REVOLVING.element_policies,
    }
)
"""When money is drawn the card is bound with a code, and the operator's report is asked for."""

ONE_TRY = BINDING.model_copy(
    update={
        "code": "one_try",
        "required_elements": (ElementKind.REAL_NAME, ElementKind.BANK_CARD),
        "element_policies": (BANK_CARD_BINDING.model_copy(update={"attempts": 1}),),
    }
)
"""Takes the card once, whatever becomes of it."""

ASKING = (REPORT, STRICT, LENIENT, QUICK, DRAWING, BINDING, CAPTURING, ONE_TRY)


def needing_nothing(product: Product, **changes: int) -> Product:
    """Return a product that takes its elements in any order, for tests of something else.

    `changes` are those of every policy besides.
    """
    changed = {"needs": (), **changes}
    policies = (product.policy_of(kind).model_copy(update=changed) for kind in ElementKind)
    return product.model_copy(update={"element_policies": tuple(policies)})


def need_nothing(patch: pytest.MonkeyPatch, **changes: int) -> None:
    """Have the lender's products take their elements in any order."""
    offered = {
        code: needing_nothing(product, **changes) for code, product in products.PRODUCTS.items()
    }
    patch.setattr(products, "PRODUCTS", MappingProxyType(offered))


def offer_more(patch: pytest.MonkeyPatch) -> None:
    """Have the lender offer these products beside the shipped ones."""
    more = {product.code: product for product in ASKING}
    patch.setattr(products, "PRODUCTS", MappingProxyType({**products.PRODUCTS, **more}))
