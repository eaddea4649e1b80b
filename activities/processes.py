"""Starting the processes that follow from a record.

They are started by the client and not as children: a process that pends a child cannot be moved
forward by itself in a virtual clock, and siblings live and end on their own.
"""

from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from messages import ids
from messages import search_attributes as attributes
from messages.base import Message
from messages.collections import StartCollections
from messages.drawdown import StartDrawdown
from messages.line import StartLine
from messages.loan import StartLoan
from messages.queues import CORE, queue_name

_RPC_TIMEOUT: Final = timedelta(seconds=10)


class Processes:
    """Starts workflows; one that runs or ran already is left as it is."""

    def __init__(self, client: Client, task_queue_prefix: str) -> None:
        self._client = client
        self._task_queue = queue_name(task_queue_prefix, CORE)

    async def start_line(self, start: StartLine) -> None:
        """Start a credit line's process."""
        await self._start(
            "CreditLine",
            start,
            ids.line_workflow(start.line_id),
            start.applicant_id,
            start.product,
        )

    async def start_drawdown(self, start: StartDrawdown) -> None:
        """Start a drawdown's process."""
        await self._start(
            "Drawdown",
            start,
            ids.drawdown_workflow(start.drawdown_id),
            start.applicant_id,
            start.product,
        )

    async def start_loan(self, start: StartLoan) -> None:
        """Start a loan's process."""
        await self._start(
            "Loan", start, ids.loan_workflow(start.loan_id), start.applicant_id, start.product
        )

    async def start_collections(self, start: StartCollections) -> None:
        """Start an overdue episode's process."""
        await self._start(
            "Collections",
            start,
            ids.collections_workflow(start.loan_id, start.episode),
            start.applicant_id,
            start.product,
        )

    async def _start(
        self, workflow: str, start: Message, workflow_id: str, applicant_id: str, product: str
    ) -> None:
        try:
            _handle = await self._client.start_workflow(
                workflow,
                start,
                id=workflow_id,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(attributes.CUSTOMER_REF, applicant_id),
                        SearchAttributePair(attributes.PRODUCT, product),
                    ]
                ),
                rpc_timeout=_RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return
