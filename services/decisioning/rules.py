"""What decides on an application: policies in force, and the reject codes."""

from typing import Final

from domain.common.reject_codes import REJECT_CODES, STANDARD, RejectCodes
from domain.decisioning.deciding import Rules
from domain.products.products import AgreedProduct
from services.decisioning.policies import policy_in_force
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository

PRELIMINARY: Final = "preliminary"
"""The policy that screens every application before anybody is paid for an answer."""


async def rules_in_force(tx: Transaction, product: AgreedProduct) -> Rules:
    """Return what a decision that begins now is taken by."""
    return Rules(
        preliminary=await policy_in_force(tx, PRELIMINARY),
        decision=await policy_in_force(tx, product.content.decision_policy),
        codes=await reject_codes_in_force(tx),
    )


async def reject_codes_in_force(tx: Transaction) -> RejectCodes:
    """Return the table in which rejections are read now."""
    return (await DefinitionRepository(tx).in_force(REJECT_CODES, STANDARD)).content
