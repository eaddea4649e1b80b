"""Products that ask for more than the shipped ones, or remind and judge otherwise."""

from datetime import timedelta
from typing import Final

from domain.products.products import AgreedProduct
from domain.verification.element_policies import OnMismatch
from domain.verification.elements import ElementKind
from tests.products import BANK_CARD_BINDING, CASH, REVOLVING, changed

REPORT: Final = changed(
    CASH,
    "report",
    required_elements=(ElementKind.REAL_NAME, ElementKind.OPERATOR_REPORT),
    optional_elements=(ElementKind.OPERATOR, ElementKind.ONLINE_BANKING),
)
"""Real name and the operator's report; the mobile and bank statements if one likes."""

AFFORDING: Final = changed(
    CASH,
    "affording",
    required_elements=(
        ElementKind.REAL_NAME,
        ElementKind.OPERATOR,
        ElementKind.BANK_FLOWS,
        ElementKind.BUREAU_REPORT,
    ),
)
"""Real name and mobile, the lines of an account and the bureau's whole file."""

STRICT: Final = changed(
    CASH,
    "strict",
    required_elements=(ElementKind.REAL_NAME, ElementKind.OPERATOR),
    policies=(
        CASH.policy_of(ElementKind.OPERATOR).model_copy(
            update={"on_mismatch": OnMismatch.REJECT, "reject_code": "R08"}
        ),
    ),
)
"""A mobile that belongs to somebody else rejects."""

LENIENT: Final = changed(
    CASH,
    "lenient",
    required_elements=(
        ElementKind.REAL_NAME,
        ElementKind.OPERATOR,
        ElementKind.PERSONAL_INFORMATION,
    ),
    policies=(
        CASH.policy_of(ElementKind.PERSONAL_INFORMATION).model_copy(
            update={"on_reason": {"duplicate_contact": OnMismatch.REFER}}
        ),
    ),
)
"""Contacts who are one and the same are for a person to judge."""

QUICK: Final = changed(CASH, "quick", reminders_after=(timedelta(hours=20), timedelta(hours=40)))
"""Reminds after twenty and forty hours."""

DRAWING: Final = changed(
    CASH,
    "drawing",
    required_elements=tuple(
        kind for kind in CASH.required_elements if kind is not ElementKind.BANK_CARD
    ),
    drawdown_elements=(ElementKind.BANK_CARD,),
)
"""The card is bound only when money is drawn: who is refused was not asked for it."""

BINDING: Final = changed(
    REVOLVING,
    "binding",
    required_elements=(
        ElementKind.REAL_NAME,
        ElementKind.OPERATOR,
        ElementKind.BANK_CARD,
    ),
)
"""Real name and mobile, and a bank card that is bound with a code."""

IMPORTING: Final = changed(
    DRAWING,
    "importing",
    drawdown_elements=(ElementKind.BANK_CARD, ElementKind.OPERATOR_REPORT),
    policies=(BANK_CARD_BINDING,),
)
"""When money is drawn the card is bound with a code, and the operator's report is asked for."""

ONE_TRY: Final = changed(
    BINDING,
    "one_try",
    required_elements=(ElementKind.REAL_NAME, ElementKind.BANK_CARD),
    policies=(BANK_CARD_BINDING.model_copy(update={"attempts": 1}),),
)
"""Takes the card once, whatever becomes of it."""

ASKING: Final = (REPORT, AFFORDING, STRICT, LENIENT, QUICK, DRAWING, BINDING, IMPORTING, ONE_TRY)


def in_any_order(product: AgreedProduct, code: str, **changes: int) -> AgreedProduct:
    """A product that takes its elements in any order, for tests of something else.

    `changes` are those of every element policy besides.
    """
    policies = product.elements.content.policies
    return changed(
        product,
        code,
        policies=[one.model_copy(update={"needs": (), **changes}) for one in policies],
    )


ANY_ORDER: Final = in_any_order(CASH, "any_order")
ANY_ORDER_DRAWING: Final = in_any_order(DRAWING, "any_order_drawing")
EASY: Final = in_any_order(CASH, "easy", mismatches=1_000)
"""Never locks a customer, whatever other tests have left under way for them."""
