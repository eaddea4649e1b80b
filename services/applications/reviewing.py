"""Reviewing: what a process no longer records because it has ended."""

from typing import Literal

from domain.people.principals import Principal
from messages.ids import application_workflow
from services.common.audits import record_late_decision
from services.common.commands import Command
from storage.common.repository import Transaction

ReviewDecision = Literal["approve", "reject"]


async def record_late_review(
    tx: Transaction,
    caller: Principal,
    command: Command,
    application_id: str,
    decision: ReviewDecision,
    reason: str,
) -> None:
    """Record a review decision that came after the application had ended."""
    await record_late_decision(
        tx,
        caller,
        command,
        decision=decision,
        subject=application_workflow(application_id),
        reason=reason,
    )
