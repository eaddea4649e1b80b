"""What is written to the audit trail by whoever commands, not by a process."""

from domain.people.principals import Principal
from services.common.commands import Command
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction


async def record_late_decision(
    tx: Transaction,
    caller: Principal,
    command: Command,
    *,
    decision: str,
    subject: str,
    reason: str,
) -> None:
    """Record a review decision that came after the process had ended, which so could not."""
    await AuditRepository(tx).add_by(
        caller, decision, subject, "refused", detail={"reason": reason}, key=command.update_id
    )
