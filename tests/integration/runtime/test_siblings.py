"""A process that follows from the record is started once, on the core queue, findable."""

from datetime import timedelta

from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from messages import ids, queues
from messages import search_attributes as attributes
from messages.lines import StartLine
from runtime.clock import utc_now
from runtime.temporal.siblings import Siblings
from tests.products import CASH


@workflow.defn(name="CreditLine", sandboxed=False)
class EndsAtOnce:
    """Stands for the credit line's process."""

    @workflow.run
    async def run(self, start: StartLine) -> str:
        return start.line_id


async def test_a_repeat_leaves_a_process_that_runs_or_ran_as_it_is(
    dev_server: WorkflowEnvironment, task_queue_prefix: str
) -> None:
    siblings = Siblings(dev_server.client, task_queue_prefix)
    start = StartLine(
        line_id=ids.new_id("lin"),
        applicant_id=ids.new_id("per"),
        application_id=ids.new_id("app"),
        product=CASH,
        currency="CNY",
        credit_limit=1_000_000,
        mode="single_batch",
        expires_at=utc_now() + timedelta(days=15),
    )
    await siblings.start_line(start)
    handle = dev_server.client.get_workflow_handle(ids.line_workflow(start.line_id))
    first = await handle.describe()
    await siblings.start_line(start)
    queue = queues.queue_name(task_queue_prefix, queues.CORE)
    assert first.task_queue == queue
    assert first.typed_search_attributes.get(attributes.CUSTOMER_REF) == start.applicant_id
    assert first.typed_search_attributes.get(attributes.PRODUCT) == "cash"
    async with Worker(dev_server.client, task_queue=queue, workflows=[EndsAtOnce]):
        assert await handle.result() == start.line_id
    await siblings.start_line(start)
    again = await handle.describe()
    assert (again.run_id, again.status) == (first.run_id, WorkflowExecutionStatus.COMPLETED)
