"""Collecting: what came of the calls that collectors make."""

from domain.collections import ContactChannel, TaskClosed
from domain.common.errors import NotFound
from domain.people.principals import Principal
from messages.ids import is_id, loan_workflow
from storage.collections import ActionState, CollectionActionRepository, CollectionActionRow
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction


async def record_call_result(
    tx: Transaction, caller: Principal, task_id: str, *, result: str, note: str | None
) -> CollectionActionRow:
    """Close a call with its result and return it; the same result again changes nothing.

    `note` is a code. Raises `NotFound`, and `TaskClosed` when it is done otherwise or cancelled.
    """
    await _find_call(tx, task_id)
    is_done_now = await CollectionActionRepository(tx).finish(
        task_id, ActionState.DONE, result=result, by=caller.actor
    )
    task = await _find_call(tx, task_id)
    if (task.result, task.handled_by) != (result, caller.actor):
        raise TaskClosed(f"The task is {task.state} already.")
    if is_done_now:
        await AuditRepository(tx).add_by(
            caller,
            "collections_result",
            loan_workflow(task.loan_id),
            result,
            detail={"task_id": task.id, "note": note},
        )
    return task


async def _find_call(tx: Transaction, task_id: str) -> CollectionActionRow:
    task = await CollectionActionRepository(tx).get(task_id) if is_id(task_id, "act") else None
    if task is None or task.channel is not ContactChannel.CALL_TASK:
        raise NotFound("task")
    return task
