"""Collections: the calls that collectors make."""

from api.http.auth import Caller
from api.http.errors import Problem, not_found
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.operation_schemas import TaskAnswer, TaskDone, TaskResult
from api.http.pagination import Paged
from api.http.schemas import Page
from api.http.services import Using
from domain.collections import ContactChannel
from messages.ids import is_id, loan_workflow
from storage.collections import ActionState, CollectionActionRepository, CollectionActionRow
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction

router = gated_router("/collections", "collections")


@router.get("/tasks", summary="The calls to make, the oldest first")
async def queue(caller: Caller, services: Using, page: Paged) -> Page[TaskAnswer]:
    """Return a page of the open calls."""
    async with services.database.read() as tx:
        rows = await CollectionActionRepository(tx).queue(page.after, page.limit)
    items = [TaskAnswer.model_validate(row) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "created_at"))


@router.post(
    "/tasks/{task_id}/result", responses=COMMAND_PROBLEMS, summary="Record what came of a call"
)
async def finish(
    task_id: str, body: TaskResult, caller: Caller, command: Keyed, services: Using
) -> TaskDone:
    """Close a task with its result. 409 `task_closed` when it is done or cancelled."""
    async with services.database.transaction() as tx:
        await _task(tx, task_id)
        done = await CollectionActionRepository(tx).finish(
            task_id, ActionState.DONE, result=body.result, by=caller.actor
        )
        task = await _task(tx, task_id)
        if (task.result, task.handled_by) != (body.result, caller.actor):
            raise Problem("task_closed", f"The task is {task.state} already.")
        if done:
            await AuditRepository(tx).add(
                actor=caller.actor,
                role=caller.role,
                action="collections_result",
                subject=loan_workflow(task.loan_id),
                outcome=body.result,
                detail={"task_id": task.id, "note": body.note},
            )
    return TaskDone(id=task.id, loan_id=task.loan_id, result=body.result, handled_by=caller.subject)


async def _task(tx: Transaction, task_id: str) -> CollectionActionRow:
    task = await CollectionActionRepository(tx).get(task_id) if is_id(task_id, "act") else None
    if task is None or task.channel is not ContactChannel.CALL_TASK:
        raise not_found("task")
    return task
