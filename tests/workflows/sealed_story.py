"""Small workflows that the plugin's tests run; a module of its own as the sandbox reloads it."""

import asyncio
from datetime import datetime, timedelta

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import structlog

    from messages.queues import PROVIDERS, beside
    from messages.search_attributes import WAITING


class Case(BaseModel):
    note: str
    fails: bool = False


@activity.defn
async def remember(case: Case) -> Case:
    activity.logger.info("remembering", extra={"applicant_name": case.note})
    structlog.get_logger("test").info("remembering_too", real_name=case.note, identity=case.note)
    if case.fails:
        raise ApplicationError(case.note, type="Refused", non_retryable=True)
    return case


@workflow.defn
class Story:
    @workflow.run
    async def run(self, case: Case) -> Case:
        workflow.upsert_search_attributes([WAITING.value_set("provider")])
        workflow.logger.info("asked", extra={"mobile": case.note})
        await asyncio.sleep(3600)
        return await workflow.execute_activity(
            remember,
            case,
            task_queue=beside(workflow.info().task_queue, PROVIDERS),
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=f"about {case.note}",
        )


@workflow.defn
class Clock:
    @workflow.run
    async def run(self) -> str:
        try:
            return str(datetime.now())  # noqa: DTZ005, TID251 -- the call that must be refused
        except Exception as error:  # noqa: BLE001 -- the test asserts which one
            return type(error).__name__


@workflow.defn
class Echo:
    @workflow.run
    async def run(self) -> str:
        answer: str = await workflow.execute_activity(
            "wait_at_gate",
            task_queue=beside(workflow.info().task_queue, PROVIDERS),
            start_to_close_timeout=timedelta(seconds=30),
            result_type=str,
        )
        return answer


@workflow.defn
class Crowd:
    @workflow.run
    async def run(self, size: int) -> None:
        await asyncio.gather(
            *(
                workflow.execute_activity(
                    "wait_at_gate",
                    task_queue=beside(workflow.info().task_queue, PROVIDERS),
                    start_to_close_timeout=timedelta(seconds=30),
                )
                for _ in range(size)
            )
        )
