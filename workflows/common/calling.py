"""Calling activities by their contract, with one policy for failures.

A refusal of the business (a non-retryable error of an activity) comes back as such, so that an
update answers its caller with it. Everything else is retried for ever, until we repair it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from domain.common.errors import DomainError
from messages import queues
from messages import search_attributes as attributes
from messages.calls import FOREVER, Call
from workflows.common.waiting import holds_within

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel | None)

SOON = RetryPolicy(
    initial_interval=timedelta(milliseconds=300), backoff_coefficient=2, maximum_attempts=3
)
"""For a first try that somebody waits for."""

PATIENTLY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=2),
)
"""For a source that is down, while nobody waits on the line; it may wish for another pause."""

SOON_WITHIN = timedelta(seconds=10)

PERSON_AFTER = timedelta(hours=1)
"""So long a provider may give no answer that we understand before a person should look."""


async def run(
    call: Call[Input, Result],
    argument: Input,
    summary: str,
    *,
    retry_policy: RetryPolicy = FOREVER,
    within: timedelta | None = None,
) -> Result:
    """Run an activity and return its result.

    Raises `ApplicationError` where the activity refused, and `ActivityError` where `retry_policy`
    or `within` ended the attempts.
    """
    try:
        if call.local:
            local: Result = await workflow.execute_local_activity(
                call.name,
                argument,
                result_type=call.gives,
                start_to_close_timeout=call.timeout,
                retry_policy=retry_policy,
                summary=summary,
            )
            return local
        remote: Result = await workflow.execute_activity(
            call.name,
            argument,
            result_type=call.gives,
            task_queue=queues.beside(workflow.info().task_queue, call.queue),
            start_to_close_timeout=call.timeout,
            schedule_to_close_timeout=within,
            retry_policy=retry_policy,
            summary=summary,
        )
        return remote
    except ActivityError as error:
        refusal = error.cause
        if isinstance(refusal, ApplicationError) and refusal.non_retryable:
            raise ApplicationError(
                refusal.message, type=refusal.type, non_retryable=True
            ) from error
        raise


async def show_waiting(waiting: bool) -> None:
    """Let operators find the process while it waits for a provider."""
    waits_for = "provider" if waiting else "nothing"
    workflow.upsert_search_attributes([attributes.WAITING.value_set(waits_for)])


def call_person(needed: bool) -> None:
    """Let operators find the process that needs one of them, until it needs nobody any more."""
    workflow.upsert_search_attributes([attributes.NEEDS_HUMAN.value_set(needed)])


async def run_until_answered(
    call: Call[Input, Result],
    argument: Input,
    summary: str,
    *,
    retry_policy: RetryPolicy = FOREVER,
    on_silence: Callable[[bool], None] = call_person,
) -> Result:
    """Run an activity on a provider until it answers; after an hour without it a person is called.

    `on_silence` is called with True then, and with False once there is an answer after all.
    """
    answer = asyncio.create_task(run(call, argument, summary, retry_policy=retry_policy))
    try:
        if await holds_within(answer.done, PERSON_AFTER, "then a person is called"):
            return await answer
        on_silence(True)
        await workflow.wait_condition(answer.done)
    except asyncio.CancelledError:
        answer.cancel()
        raise
    on_silence(False)
    return answer.result()


async def run_patiently(
    call: Call[Input, Result],
    argument: Input,
    summary: str,
    *,
    while_waiting: Callable[[bool], Awaitable[None]] = show_waiting,
    on_silence: Callable[[bool], None] = call_person,
) -> Result:
    """Run an activity on a provider; tell `while_waiting` when the provider does not answer.

    A few quick attempts first. If they fail, `while_waiting(True)` is called, the provider is tried
    as `run_until_answered` does, and `while_waiting(False)` is called.
    """
    try:
        return await run(call, argument, summary, retry_policy=SOON, within=SOON_WITHIN)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        await while_waiting(True)
    result = await run_until_answered(
        call, argument, f"{summary}: until the provider answers", on_silence=on_silence
    )
    await while_waiting(False)
    return result


async def run_recording(call: Call[Input, Result], argument: Input, summary: str) -> Result:
    """Run an activity that records what has happened already, and so must not be refused."""
    with intervention_on_refusal():
        return await run(call, argument, summary)


def continue_on_newest_build(state: BaseModel) -> NoReturn:
    """Go on in a new run with `state`, on the build that is current by then.

    A pinned workflow would otherwise stay on the build that it began with.
    """
    workflow.continue_as_new(
        state, initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE
    )


class NeedsIntervention(RuntimeError):
    """Something that cannot be happened: the process stops where it is and waits for a repair."""


@contextmanager
def intervention_on_refusal() -> Iterator[None]:
    """Keep a refusal inside a process's own run from ending the process.

    Temporal ends a workflow whose run raises one of its failure types. For a credit that would
    lose it. Raised as `NeedsIntervention` it fails the workflow task instead, which is retried
    until the cause is repaired, and shows up as a reported problem.
    """
    try:
        yield
    except (DomainError, ActivityError, ApplicationError) as error:
        raise NeedsIntervention(f"{type(error).__name__}: {error}") from error
