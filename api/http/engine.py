"""Commands to the durable processes, and what their refusals mean over HTTP."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from api.http.errors import CATALOGUE, Problem, code_of_class, later
from messages import ids
from messages.applications import StartApplication
from messages.base import Message
from messages.credit_analysis import (
    StartAnalysisFeedback,
    StartCreditAnalysis,
)
from messages.loans import StartLoan
from runtime import metrics
from runtime.temporal.siblings import Siblings

_log = structlog.get_logger(__name__)

Answer = TypeVar("Answer", bound=Message)

PATIENCE_SECONDS: Final = 12
_RPC: Final = timedelta(seconds=PATIENCE_SECONDS)
_SIGNAL: Final = timedelta(seconds=5)
_ACCEPTED_WITHIN_SECONDS: Final = 2
"""How soon a process says of a command that it took it on, if it did."""
_ENDED_MEANWHILE: Final = "AcceptedUpdateCompletedWorkflow"
_ENDED: Final = ("already completed", "aborted by closing workflow")
"""How Temporal says that a process is over, in place of not being there."""
_LOOK_SECONDS: Final = 2
_SEEN: Final = 10_000
"""So many processes are remembered to be there."""

_OURS_TO_MEND: Final = frozenset(
    {
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.ALREADY_EXISTS,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.UNIMPLEMENTED,
        RPCStatusCode.OUT_OF_RANGE,
    }
)
"""What is no matter of time: any other failure of a call is a server that cannot be reached now, or
a connection that was lost in use."""


LostStart = Callable[[str], Awaitable[Message | None]]
"""Says by its id what starts a process whose row is open, None for any other."""


class StillRunning(Exception):
    """The command is taken on for good and will finish, but not while the caller waits."""


class _NotStartedError(Exception):
    """The process that a command is for is not there, and by the database it has not ended."""


class ProcessClosed(Exception):
    """The process that a command is for has ended, in `state` if the database says so."""

    def __init__(self, workflow_id: str, state: str | None = None) -> None:
        super().__init__(f"{workflow_id} is not running")
        self.kind = workflow_id.partition(":")[0].replace("-", "_")
        self.state = state


class Engine:
    """The process engine as the API uses it."""

    def __init__(self, client: Client, task_queue_prefix: str, lost: LostStart) -> None:
        self._client = client
        self._siblings = Siblings(client, task_queue_prefix)
        self._lost = lost
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def ensure(self, workflow_id: str) -> None:
        """Start the process of an open row if its own start was lost; a process is looked for once.

        Nothing is raised: whoever reads or is refused is answered all the same.
        """
        if workflow_id in self._seen:
            return
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                if not await self._siblings.is_known(workflow_id):
                    await self._start_lost(workflow_id)
        except (RPCError, RuntimeError, TimeoutError) as error:
            _log.info("process_not_looked_for", error_type=type(error).__name__)
            return
        self._seen[workflow_id] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    async def _start_lost(self, workflow_id: str) -> bool:
        start = await self._lost(workflow_id)
        if start is None:
            return False
        await self._siblings.start(start)
        metrics.process_started_late(workflow_id.partition(":")[0])
        _log.warning("process_was_missing", workflow_id=workflow_id)
        return True

    async def start_application(self, start: StartApplication) -> None:
        """Start the process of an application; starting it again changes nothing."""
        async with _engine_problems(ids.application_workflow(start.application_id)):
            await self._siblings.start_application(start)

    async def start_credit_analysis(self, start: StartCreditAnalysis) -> None:
        """Start the process of a credit analysis; starting it again changes nothing."""
        async with _engine_problems(ids.credit_analysis_workflow(start.analysis_id)):
            await self._siblings.start_credit_analysis(start)

    async def relay_feedback(self, start: StartAnalysisFeedback) -> None:
        """Have the reports on an analysis passed on; again changes nothing."""
        async with _engine_problems(ids.analysis_feedback_workflow(start.analysis_id)):
            await self._siblings.relay_feedback(start)

    async def notify(self, workflow_id: str, signal: str, message: Message) -> None:
        """Send a process a signal; raises ProcessClosed."""
        async with _engine_problems(workflow_id):
            handle = self._client.get_workflow_handle(workflow_id)
            await handle.signal(signal, message, rpc_timeout=_SIGNAL)

    async def command(
        self,
        workflow_id: str,
        update: str,
        update_id: str,
        gives: type[Answer],
        argument: Message | str | None = None,
        *,
        over: bool,
        state: str | None = None,
        reopening: StartLoan | None = None,
    ) -> Answer:
        """Execute an update of a process and return its answer.

        `over` says that by the database the process has ended: one that is not over and not there
        has not started yet; `state` is what it is over in. With `reopening` the process of a
        settled loan is started anew in the same step, unless it runs. Raises StillRunning when the
        command was taken on and takes longer than a caller waits, ProcessClosed when the process
        has ended, and the Problem that a refusal means.
        """
        arguments: list[Any] = [] if argument is None else [argument]

        async def send(stage: WorkflowUpdateStage) -> WorkflowUpdateHandle[Answer]:
            options: dict[str, Any] = {
                "args": arguments,
                "id": update_id,
                "wait_for_stage": stage,
                "result_type": gives,
                "rpc_timeout": _RPC,
            }
            if reopening is None:
                handle = self._client.get_workflow_handle(workflow_id)
                return await handle.start_update(update, **options)
            return await self._client.start_update_with_start_workflow(
                update, start_workflow_operation=self._siblings.reopening_loan(reopening), **options
            )

        try:
            async with _engine_problems(workflow_id, over, state if over else None):
                try:
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        # One call in all: its answer comes with it.
                        completed = await send(WorkflowUpdateStage.COMPLETED)
                        return await completed.result(rpc_timeout=_RPC)
                except (TimeoutError, RPCTimeoutOrCancelledError):
                    async with asyncio.timeout(_ACCEPTED_WITHIN_SECONDS):
                        _known = await send(WorkflowUpdateStage.ACCEPTED)
                    raise StillRunning from None
        except (TimeoutError, RPCTimeoutOrCancelledError):
            # Not durable before a worker takes it on: the caller has to repeat it.
            raise later(
                "not_accepted_yet", "No worker took the command on. Repeat the request.", 5
            ) from None
        except WorkflowUpdateFailedError as error:
            raise _refusal(error.cause, workflow_id) from error
        except _NotStartedError as error:
            # It is about to be, or its start was lost with whoever wrote its row.
            await self.ensure(workflow_id)
            raise later("not_accepted_yet", "The process starts. Repeat the request.") from error


def _refusal(cause: BaseException, workflow_id: str) -> Problem | ProcessClosed:
    """Return what a process's refusal means: its type is the domain error's class."""
    link: BaseException | None = cause
    while isinstance(link, FailureError):
        if isinstance(link, ApplicationError) and link.type:
            if link.type == _ENDED_MEANWHILE:
                return ProcessClosed(workflow_id)
            code = code_of_class(link.type)
            if code in CATALOGUE:
                return Problem(code, link.message, by_process=True)
        link = link.cause
    _log.error("unknown_refusal", error_type=getattr(cause, "type", type(cause).__name__))
    return Problem("internal_error", "The command failed. It is being looked at.")


@asynccontextmanager
async def _engine_problems(
    workflow_id: str, over: bool = True, state: str | None = None
) -> AsyncIterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            if over or any(words in error.message for words in _ENDED):
                raise ProcessClosed(workflow_id, state) from error
            raise _NotStartedError from error
        if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            raise later("too_many_requests", "The process is busy. Repeat the request.") from error
        if error.status is RPCStatusCode.FAILED_PRECONDITION:
            raise later(
                "not_accepted_yet", "The process is not ready. Repeat the request."
            ) from error
        if error.status in _OURS_TO_MEND:
            raise
        _log.warning("engine_unavailable", status=error.status.name)
        raise _unreachable() from error
    except RuntimeError as error:
        # How the SDK reports that a lazy client cannot connect.
        raise _unreachable() from error


def _unreachable() -> Problem:
    return later("engine_unavailable", "Repeat the request with the same Idempotency-Key.")
