"""What decides on an application: its product's policy, and the reject codes in force."""

from domain.common.reject_codes import REJECT_CODES, STANDARD, RejectCodes
from domain.decisioning.decision import Rules
from domain.decisioning.policy import DECISION_POLICY
from domain.products.products import AgreedProduct
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository


async def rules_in_force(tx: Transaction, product: AgreedProduct) -> Rules:
    """Return what a decision that begins now is taken by."""
    code = product.content.decision_policy
    policy = await DefinitionRepository(tx).in_force(DECISION_POLICY, code)
    return Rules(policy, await reject_codes_in_force(tx))


async def reject_codes_in_force(tx: Transaction) -> RejectCodes:
    """Return the table in which rejections are read now."""
    return (await DefinitionRepository(tx).in_force(REJECT_CODES, STANDARD)).content
