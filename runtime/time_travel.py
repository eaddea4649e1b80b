"""Moving a loan through its months in seconds, on a local stack.

Every workflow has a virtual clock of its own. A loan is taken from one interesting instant to the
next (its own next step, a step of its collections ladder), and its open collections case is moved
along, so that both live through the days in the order in which they would come.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from time import monotonic
from typing import Any, Final, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from domain.collections import CollectionsLadder, step_instant
from domain.common.calendar import business_date, instant_at, months_after
from domain.common.zones import zone_of
from messages import ids
from messages import search_attributes as attributes
from messages.base import Message
from messages.collections import StartCollections
from messages.loans import StartLoan
from runtime.business_clock import BusinessClock
from runtime.settings import Settings

NOON: Final = time(12)
"""The hour at which a day is arrived at: its debits, marks and notices are then behind."""

HOP_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 0.3
_MOMENT: Final = timedelta(seconds=1)
_YEARS: Final = 50
FARTHEST: Final = timedelta(days=_YEARS * 366)
"""So far one advance goes: the longest plan there is, 600 months. A loan that is not paid has
something to do each day, so a thousand years would take for ever."""
# The server's own limit is 200 skips, after which a clock stops silently.
_SKIPS: Final = 10_000


Start = TypeVar("Start", bound=Message)


class TimeTravelError(Exception):
    """Time cannot be moved; the message says why."""


class TimeTravelOffError(TimeTravelError):
    """This installation lives on the wall clock."""


class LoanEndedError(TimeTravelError):
    """The loan is over: no time passes for it any more."""


class TravelStuckError(TimeTravelError):
    """A hop took longer than it may; the message says what it waits for."""


@dataclass(frozen=True)
class Hop:
    """One arrival on the way: when (UTC), and what was there to do."""

    at: datetime
    reason: str


@dataclass(frozen=True)
class Arrival:
    """Where an advance ended: the loan's clock (UTC), and whether the loan is over."""

    at: datetime
    ended: bool


@dataclass(frozen=True)
class _Episode:
    workflow_id: str
    oldest_due_on: date
    zone: str
    ladder: CollectionsLadder


class TimeTravel:
    """Moves loans of one local stack; raises TimeTravelOffError for any other installation."""

    def __init__(
        self, client: Client, settings: Settings, *, hop_seconds: float = HOP_SECONDS
    ) -> None:
        if not settings.time_travel:
            raise TimeTravelOffError("time travel is off here: it is for the local stack only")
        self._client = client
        self._skipper = TimeSkipper(
            client, config=TimeSkippingConfig(max_session_skip_count=_SKIPS)
        )
        self._clock = BusinessClock(client, settings)
        self._hop_seconds = hop_seconds

    async def now(self, loan_id: str) -> datetime:
        """Return the instant (UTC) at which a loan stands."""
        return await self._clock.exactly(ids.loan_workflow(loan_id))

    async def next_step_at(self, loan_id: str) -> datetime:
        """Return when (UTC) the loan next does something by itself; LoanEndedError if never."""
        due_at = _next_due_at(await self._described(ids.loan_workflow(loan_id)))
        if due_at is None:
            raise LoanEndedError(f"{loan_id} has no next step: nothing will happen by itself")
        return due_at

    async def target(self, loan_id: str, *, days: int = 0, months: int = 0) -> datetime:
        """Return noon (UTC instant) of the day that lies so far after the loan's present one."""
        zone = await self._zone_of(loan_id)
        today = business_date(await self.now(loan_id), zone)
        try:
            day = months_after(today, months, today.day) + timedelta(days=days)
        except (OverflowError, ValueError):
            raise TimeTravelError(
                f"no calendar goes so far: one advance goes {_YEARS} years at most"
            ) from None
        return instant_at(day, NOON, zone)

    async def noon_of(self, loan_id: str, on: date) -> datetime:
        """Return noon of a day (UTC instant) in the loan's zone."""
        return instant_at(on, NOON, await self._zone_of(loan_id))

    async def advance(
        self, loan_id: str, target: datetime, report: Callable[[Hop], None] | None = None
    ) -> Arrival:
        """Let time pass for a loan until `target` (aware), and for its open collections case.

        Returns early when the loan ends on the way. Raises LoanEndedError when it is over already,
        TravelStuckError when something on the way does not finish or the clock stands still, and
        TimeTravelError when `target` lies behind the loan's clock or more than `FARTHEST` ahead.
        """
        workflow_id = ids.loan_workflow(loan_id)
        description = await self._quiet(workflow_id)
        if not _is_running(description):
            raise LoanEndedError(f"{loan_id} is over: no time passes for it any more")
        if target <= await self._clock.exactly(workflow_id):
            raise TimeTravelError(f"{loan_id} is already past {target:%Y-%m-%d %H:%M} UTC")
        if target - await self._clock.exactly(workflow_id) > FARTHEST:
            raise TimeTravelError(
                f"{target.date()} is too far: one advance goes {_YEARS} years at most"
            )
        while _is_running(description):
            now = await self._clock.exactly(workflow_id)
            episode = await self._open_episode(loan_id)
            if episode is not None:
                await self._move(episode.workflow_id, now)
            if now >= target:
                break
            hop = _next_hop(target, now, _next_due_at(description), episode)
            await self._move(workflow_id, hop.at)
            await self._check_progress(workflow_id, now)
            if report is not None:
                report(hop)
            description = await self._quiet(workflow_id)
        return Arrival(await self._clock.exactly(workflow_id), not _is_running(description))

    async def _check_progress(self, workflow_id: str, before: datetime) -> None:
        """Raise TravelStuckError when a hop left the clock of a running workflow where it was."""
        if not _is_running(await self._described(workflow_id)):
            return
        if await self._clock.exactly(workflow_id) <= before:
            raise self._stuck(workflow_id, "")

    async def _move(self, workflow_id: str, instant: datetime) -> None:
        """Bring a workflow's clock just past `instant`, with everything due by then done."""
        _ = await self._quiet(workflow_id)
        distance = instant + _MOMENT - await self._clock.exactly(workflow_id)
        if distance <= timedelta(0):
            return
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            async with asyncio.timeout(self._hop_seconds):
                await self._skipper.fast_forward(handle, distance)
        except TimeoutError:
            description = await self._described(workflow_id)
            raise self._stuck(workflow_id, _busy_with(description)) from None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return
        _ = await self._quiet(workflow_id)

    async def _quiet(self, workflow_id: str) -> WorkflowExecutionDescription:
        """Return a workflow's description once it has nothing in hand at its present time."""
        deadline, pause = monotonic() + self._hop_seconds, _PAUSE_SECONDS
        while True:
            description = await self._described(workflow_id)
            busy = _busy_with(description)
            due_at = _next_due_at(description)
            if not busy and due_at is not None and due_at <= await self._clock.exactly(workflow_id):
                busy = f"its step of {due_at:%Y-%m-%d %H:%M} UTC"
            if not busy or not _is_running(description):
                return description
            if monotonic() > deadline:
                raise self._stuck(workflow_id, busy)
            await asyncio.sleep(pause)
            pause = min(1.2 * pause, _LONGEST_PAUSE_SECONDS)

    def _stuck(self, workflow_id: str, busy: str) -> TravelStuckError:
        waits_for = busy or "its clock to be moved"
        return TravelStuckError(
            f"{workflow_id} did not go on within {self._hop_seconds:.0f} s: "
            f"it waits for {waits_for}"
        )

    async def _described(self, workflow_id: str) -> WorkflowExecutionDescription:
        try:
            return await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise TimeTravelError(f"there is no {workflow_id}") from error
            raise

    async def _open_episode(self, loan_id: str) -> _Episode | None:
        """Return the running collections case of a loan: its episodes are numbered from 1."""
        newest: WorkflowHandle[object, object] | None = None
        running = False
        for number in range(1, _SKIPS):
            handle = self._client.get_workflow_handle(ids.collections_workflow(loan_id, number))
            try:
                running = _is_running(await handle.describe())
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    break
                raise
            newest = handle
        if newest is None or not running:
            return None
        start = await self._start_of(newest, StartCollections)
        return _Episode(newest.id, start.oldest_due_on, start.zone, start.ladder.content)

    async def _zone_of(self, loan_id: str) -> str:
        _ = await self._described(ids.loan_workflow(loan_id))
        handle = self._client.get_workflow_handle(ids.loan_workflow(loan_id))
        return (await self._start_of(handle, StartLoan)).agreed.zone

    async def _start_of(self, handle: WorkflowHandle[Any, Any], form: type[Start]) -> Start:
        """Return what a process began with."""
        async for event in handle.fetch_history_events(page_size=1):
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            starts: list[Start] = await self._client.data_converter.decode(payloads, [form])
            return starts[0]
        raise TimeTravelError(f"{handle.id} has no history")


def _next_hop(
    target: datetime,
    now: datetime,
    due_at: datetime | None,
    episode: _Episode | None,
) -> Hop:
    hops = [] if due_at is None else [Hop(due_at, "the loan's next step")]
    if episode is not None:
        hops += [
            Hop(step_instant(step, episode.oldest_due_on, zone_of(episode.zone)), step.name)
            for step in episode.ladder.steps
        ]
    hops.append(Hop(target, "arrived"))
    return min((hop for hop in hops if hop.at > now), key=lambda hop: hop.at)


def _is_running(description: WorkflowExecutionDescription) -> bool:
    return description.status is WorkflowExecutionStatus.RUNNING


def _next_due_at(description: WorkflowExecutionDescription) -> datetime | None:
    return description.typed_search_attributes.get(attributes.NEXT_DUE_AT)


def _busy_with(description: WorkflowExecutionDescription) -> str:
    """Return what a workflow has in hand right now; empty when it only waits."""
    raw = description.raw_description
    parts = [
        f"{activity.activity_type.name} (attempt {activity.attempt})"
        for activity in raw.pending_activities
    ]
    parts += [child.workflow_id for child in raw.pending_children]
    clock = raw.workflow_extended_info.time_skipping_info
    if clock.HasField("fast_forward_info") and not clock.fast_forward_info.has_completed:
        # An earlier hop that was given up: it jumps as soon as what held it up is done.
        parts.append("an earlier move of its clock")
    if raw.HasField("pending_workflow_task"):
        parts.append("a worker to run its next task")
    return ", ".join(parts)
