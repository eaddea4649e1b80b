"""Starting the processes that carry a credit's life on, each under its own id, and telling them.

A process is started by the step that records what it is about: row first, then the start, which
changes nothing when the process runs already or has run. So nobody's close or continue-as-new
matters to another (decision record 0003).
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.common.money import format_amount
from messages import ids, queues
from messages import search_attributes as attributes
from messages.applications import StartApplication
from messages.base import Message
from messages.collections import StartCollections
from messages.credit_analysis import StartAnalysisFeedback, StartCreditAnalysis
from messages.lines import DrawdownEnded, StartDrawdown, StartLine
from messages.loans import AdoptCalendar, AdoptedCalendar, StartLoan, StartRepayment

_RPC_TIMEOUT: Final = timedelta(seconds=5)
_REJECTED: Final = "rejected"
_LOOKS: Final = 20
_LOOK_AGAIN: Final = timedelta(milliseconds=200)
"""A rejected application's run ends right after its last record is written."""


class Siblings:
    """Starts workflows by name on the core queue of one installation.

    With `eagerly` a worker of this process gets the first task with the answer to the start, which
    saves half of what a start costs the Temporal server. Not where builds are versioned: a worker
    of an old build would keep what ought to begin on the current one.
    """

    def __init__(self, client: Client, task_queue_prefix: str, *, eagerly: bool = False) -> None:
        self._client = client
        self._eagerly = eagerly
        self._task_queue = queues.queue_name(task_queue_prefix, queues.CORE)

    async def start_application(self, start: StartApplication) -> None:
        """Start an application's process, that of an appealed one once more.

        Raises RuntimeError while the run that a rejection ended is not over.
        """
        if start.appeal is None:
            await self._start(
                "CreditApplication",
                start,
                ids.application_workflow(start.application_id),
                _application_summary(start),
                *_application_attributes(start, "collecting", "applicant"),
            )
            return
        for _ in range(_LOOKS):
            if await self._started_again(start):
                return
            await asyncio.sleep(_LOOK_AGAIN.total_seconds())
        raise RuntimeError("the run of a rejected application does not end")

    async def _started_again(self, start: StartApplication) -> bool:
        """Start the process of an appealed application; False while its last run has not ended."""
        workflow_id = ids.application_workflow(start.application_id)
        try:
            _handle = await self._client.start_workflow(
                "CreditApplication",
                start,
                id=workflow_id,
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=TypedSearchAttributes(
                    [
                        *_application_attributes(start, "in_review", "reviewer"),
                        SearchAttributePair(attributes.NEEDS_HUMAN, True),
                    ]
                ),
                static_summary=_application_summary(start),
                rpc_timeout=_RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return await self.is_known(workflow_id)
        return True

    async def start_line(self, start: StartLine) -> None:
        """Start a credit line's process."""
        await self._start(
            "CreditLine",
            start,
            ids.line_workflow(start.line_id),
            f"{start.mode} line of {format_amount(start.credit_limit, start.currency)}",
            SearchAttributePair(attributes.PRODUCT, start.product.code),
            SearchAttributePair(attributes.CUSTOMER_REF, start.applicant_id),
        )

    async def start_drawdown(self, start: StartDrawdown) -> None:
        """Start a drawdown's process."""
        await self._start(
            "Drawdown",
            start,
            ids.drawdown_workflow(start.drawdown_id),
            f"drawdown of {format_amount(start.amount, start.currency)}",
            SearchAttributePair(attributes.PRODUCT, start.product.code),
            SearchAttributePair(attributes.CUSTOMER_REF, start.applicant_id),
        )

    async def start_loan(self, start: StartLoan, next_due_at: datetime | None) -> None:
        """Start a loan's process, whose first step by itself comes at `next_due_at`."""
        known = [] if next_due_at is None else [(attributes.NEXT_DUE_AT, next_due_at)]
        await self._start(
            "Loan",
            start,
            ids.loan_workflow(start.loan_id),
            _loan_summary(start),
            *_loan_attributes(start, "current"),
            *(SearchAttributePair(key, value) for key, value in known),
        )

    async def drawdown_ended(self, line_id: str, ended: DrawdownEnded) -> None:
        """Tell a line what became of a drawdown; again changes nothing, nor does one that ended."""
        handle = self._client.get_workflow_handle(ids.line_workflow(line_id))
        try:
            await handle.signal("drawdown_ended", ended, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def adopt_calendar(self, loan_id: str, command: AdoptCalendar) -> int | None:
        """Have a loan follow a calendar; return how many due dates moved, None if it is busy.

        A loan that has ended follows none.
        """
        handle = self._client.get_workflow_handle(ids.loan_workflow(loan_id))
        try:
            adopted: AdoptedCalendar = await handle.execute_update(
                "adopt_calendar", command, result_type=AdoptedCalendar, rpc_timeout=_RPC_TIMEOUT
            )
        except (WorkflowUpdateFailedError, RPCTimeoutOrCancelledError):
            return None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return 0
        return adopted.moved

    def reopening_loan(self, start: StartLoan) -> WithStartWorkflowOperation[Any, Any]:
        """Return the start of a settled loan's process that comes with an update for it."""
        return WithStartWorkflowOperation(
            "Loan",
            start,
            id=ids.loan_workflow(start.loan_id),
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=TypedSearchAttributes(_loan_attributes(start, "settled")),
            static_summary=_loan_summary(start),
        )

    async def start_collections(self, start: StartCollections) -> None:
        """Start the process of an overdue episode."""
        await self._start(
            "Collections",
            start,
            ids.collections_workflow(start.loan_id, start.episode),
            f"overdue since {start.oldest_due_on.isoformat()}, episode {start.episode}",
            SearchAttributePair(attributes.PRODUCT, start.product),
            SearchAttributePair(attributes.CUSTOMER_REF, start.applicant_id),
        )

    async def start_credit_analysis(self, start: StartCreditAnalysis) -> None:
        """Start the process of a credit analysis."""
        await self._start(
            "CompanyCreditAnalysis",
            start,
            ids.credit_analysis_workflow(start.analysis_id),
            f"{start.kind}: {len(start.parties)} to check, by {start.client}",
            SearchAttributePair(attributes.ANALYSIS_STATUS, "pending"),
            SearchAttributePair(attributes.WAITING, "provider"),
            SearchAttributePair(attributes.CHANNEL, start.client),
        )

    async def relay_feedback(self, start: StartAnalysisFeedback) -> None:
        """Have the reports on an analysis passed on, by the process that runs or by a new one."""
        _handle = await self._client.start_workflow(
            "AnalysisFeedback",
            start,
            id=ids.analysis_feedback_workflow(start.analysis_id),
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="reported",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(attributes.WAITING, "nothing"),
                    SearchAttributePair(attributes.CHANNEL, start.client),
                ]
            ),
            static_summary=f"reports of {start.client} on {start.analysis_id}",
            rpc_timeout=_RPC_TIMEOUT,
        )

    async def start_repayment(self, start: StartRepayment) -> None:
        """Start a repayment's process, which its loan started or is about to."""
        await self._start(
            "Repayment",
            start,
            ids.repayment_workflow(start.repayment_id),
            f"repayment of {start.loan_id}",
        )

    async def start(self, start: Message) -> None:
        """Start the process that a message is for, by what it starts."""
        match start:
            case StartApplication():
                await self.start_application(start)
            case StartLine():
                await self.start_line(start)
            case StartDrawdown():
                await self.start_drawdown(start)
            case StartLoan():
                await self.start_loan(start, None)
            case StartRepayment():
                await self.start_repayment(start)
            case StartCollections():
                await self.start_collections(start)
            case StartCreditAnalysis():
                await self.start_credit_analysis(start)
            case _:
                raise TypeError(f"{type(start).__name__} starts nothing")

    async def is_known(self, workflow_id: str) -> bool:
        """Say whether the Temporal server knows the process of an open row, running or ended.

        One that ended by a rejection is not it: the application was appealed since.
        """
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe(
                rpc_timeout=_RPC_TIMEOUT
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return found.typed_search_attributes.get(attributes.APPLICATION_STATE) != _REJECTED

    async def _start(
        self,
        workflow: str,
        start: Message,
        workflow_id: str,
        summary: str,
        *pairs: SearchAttributePair[Any],
    ) -> None:
        try:
            _handle = await self._client.start_workflow(
                workflow,
                start,
                id=workflow_id,
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes(list(pairs)),
                static_summary=summary,
                request_eager_start=self._eagerly,
                rpc_timeout=_RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return


def _application_summary(start: StartApplication) -> str:
    amount = format_amount(start.amount, start.currency)
    return f"{start.product.code}: {amount} over {start.instalments} months, by {start.channel}"


def _application_attributes(
    start: StartApplication, state: str, waiting: str
) -> list[SearchAttributePair[Any]]:
    return [
        SearchAttributePair(attributes.APPLICATION_STATE, state),
        SearchAttributePair(attributes.WAITING, waiting),
        SearchAttributePair(attributes.CHANNEL, start.channel),
        SearchAttributePair(attributes.PRODUCT, start.product.code),
        SearchAttributePair(attributes.CUSTOMER_REF, start.applicant_id),
    ]


def _loan_summary(start: StartLoan) -> str:
    terms = start.terms
    return (
        f"{format_amount(terms.principal, terms.currency)} over {terms.instalments} months"
        f" at {terms.annual_rate.normalize():f} % a year"
    )


def _loan_attributes(start: StartLoan, state: str) -> list[SearchAttributePair[Any]]:
    return [
        SearchAttributePair(attributes.LOAN_STATE, state),
        SearchAttributePair(
            attributes.DELINQUENCY_BUCKET, start.agreed.servicing.content.bucket_of(0)
        ),
        SearchAttributePair(attributes.PRODUCT, start.product),
        SearchAttributePair(attributes.CUSTOMER_REF, start.applicant_id),
    ]
