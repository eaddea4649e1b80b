"""What happens around every activity: log context and metrics."""

import asyncio
import time
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from runtime import metrics


class ContextInterceptor(Interceptor):
    """Puts the activity's ids on every line that it logs, through any logger.

    Workflows need none of it: `workflow.logger` carries the workflow's ids by itself.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 -- the SDK's name
        """Wrap the activity."""
        return _ContextActivity(next)


class _ContextActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- the SDK's name
        info = activity.info()
        with structlog.contextvars.bound_contextvars(
            temporal_activity={
                "workflow_id": info.workflow_id,
                "workflow_type": info.workflow_type,
                "workflow_run_id": info.workflow_run_id,
                "activity_id": info.activity_id,
                "activity_type": info.activity_type,
                "attempt": info.attempt,
                "task_queue": info.task_queue,
            }
        ):
            return await self.next.execute_activity(input)


class MetricsInterceptor(Interceptor):
    """Counts and times attempts at activities by how they ended."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 -- the SDK's name
        """Wrap the activity."""
        return _MetricsActivity(next)


class _MetricsActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- the SDK's name
        started = time.monotonic()
        outcome = "failed"
        try:
            result = await self.next.execute_activity(input)
            outcome = "completed"
            return result
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except ApplicationError as error:
            if error.category is ApplicationErrorCategory.BENIGN:
                outcome = "declined"
            raise
        finally:
            seconds = time.monotonic() - started
            metrics.activity_attempted(activity.info().activity_type, outcome, seconds)
