"""Collections: the calls that collectors make."""

from api.http.calls import Called, Commanded
from api.http.operation_schemas import TaskDone, TaskResponse, TaskResult
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from services.collections import record_call_result
from storage.collections import CollectionActionRepository

router = authorised_router("/collections", "collections")


@router.get("/tasks", summary="The calls to make, the oldest first")
async def queue(call: Called, page: Paged) -> Page[TaskResponse]:
    """Return a page of the open calls."""
    async with call.database.read() as tx:
        rows = await CollectionActionRepository(tx).queue(page.after, page.limit)
    return page.of(TaskResponse, rows, "created_at")


@router.post("/tasks/{task_id}/result", summary="Record what came of a call")
async def finish(task_id: str, body: TaskResult, call: Commanded) -> TaskDone:
    """Close a task with its result. 409 `task_closed` when it is done or cancelled."""
    async with call.database.transaction() as tx:
        task = await record_call_result(
            tx, call.caller, task_id, result=body.result, note=body.note
        )
    return TaskDone(
        id=task.id, loan_id=task.loan_id, result=body.result, handled_by=call.caller.subject
    )
