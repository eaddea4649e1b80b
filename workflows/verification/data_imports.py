"""Imports: asking sources that take minutes to hours, ever less often, until there is an answer.

One timer at a time for all of a process. An update on an import is followed at once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.applications.application import ElementRecord
    from domain.products.products import AgreedProduct
    from domain.verification.elements import Verdict
    from messages import calls
    from messages.verification import NOT_ALLOWED, DataImportProgress, EndDataImport, PollDataImport
    from workflows.common.calling import SOON, SOON_WITHIN, run, run_recording
    from workflows.common.waiting import holds_within

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
"""A source is asked after the first wait and then after twice as long each time, up to this."""

NO_ANSWER = "no_answer"

Learn = Callable[[ElementRecord, DataImportProgress], None]
IsAwaited = Callable[[ElementRecord], bool]


@dataclass
class _Watch:
    record: ElementRecord
    ends_at: datetime
    ask_at: datetime
    attempts: int = 0
    notified: bool = False


class DataImports:
    """The data imports of one process that are under way.

    `learn` is told every answer; one that no more `is_awaited` is not asked for.
    """

    def __init__(
        self, application_id: str, product: AgreedProduct, is_awaited: IsAwaited, learn: Learn
    ) -> None:
        self._application_id = application_id
        self._product = product
        self._is_awaited = is_awaited
        self._learn = learn
        self._watched: dict[str, _Watch] = {}
        self._early: set[str] = set()
        self._changed = False
        self._loop: asyncio.Task[None] | None = None

    def watch(self, record: ElementRecord, progress: DataImportProgress) -> None:
        """Ask for `record` again later; while a code is waited for, only if there is an update."""
        now = workflow.now()
        watch = self._watched.get(record.element_id)
        if watch is None:
            within = self._product.policy_of(record.kind).import_within
            watch = _Watch(record, ends_at=progress.begun_at + within, ask_at=now)
            self._watched[record.element_id] = watch
        watch.notified = watch.notified or record.element_id in self._early
        self._early.discard(record.element_id)
        if progress.verdict is Verdict.AWAITING_CODE:
            watch.ask_at = watch.ends_at
        else:
            watch.ask_at = now + _wait(watch.attempts, progress.ask_again_after)
        self._changed = True
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._ask_in_turn())

    def notify(self, element_id: str) -> None:
        """Ask for an element now; an update may come before its source has answered at all."""
        watch = self._watched.get(element_id)
        if watch is None:
            self._early.add(element_id)
        else:
            watch.notified = True

    def stop(self) -> None:
        """Ask no more."""
        if self._loop is not None:
            self._loop.cancel()

    async def _ask_in_turn(self) -> None:
        while self._drop_settled():
            now = workflow.now()
            due = [watch for watch in self._watched.values() if _is_due(watch, now)]
            if due:
                await asyncio.gather(*(self._ask(watch, now) for watch in due))
            else:
                await self._wait(now)

    def _drop_settled(self) -> bool:
        """Forget what nobody waits for any more, and say whether anything is left."""
        self._watched = {
            element_id: watch
            for element_id, watch in self._watched.items()
            if not self._is_settled(watch)
        }
        return bool(self._watched)

    def _is_settled(self, watch: _Watch) -> bool:
        return not (watch.record.verdict.is_open and self._is_awaited(watch.record))

    async def _wait(self, now: datetime) -> None:
        self._changed = False
        next_at = min(min(watch.ask_at, watch.ends_at) for watch in self._watched.values())
        await holds_within(
            lambda: (
                self._changed
                or any(
                    watch.notified or self._is_settled(watch) for watch in self._watched.values()
                )
            ),
            next_at - now,
            "ask the sources again",
        )

    async def _ask(self, watch: _Watch, now: datetime) -> None:
        record = watch.record
        if now >= watch.ends_at:
            await self._give_up(record, NO_ANSWER)
            return
        watch.notified = False
        watch.attempts += 1
        request = PollDataImport(
            application_id=self._application_id, element_id=record.element_id, kind=record.kind
        )
        try:
            answer = await run(
                calls.POLL_DATA_IMPORT,
                request,
                f"{record.kind}: is it there, attempt {watch.attempts}",
                retry_policy=SOON,
                within=SOON_WITHIN,
            )
        except ApplicationError:
            # Such as a consent that was withdrawn meanwhile: asking again cannot help.
            await self._give_up(record, NOT_ALLOWED)
        except ActivityError:
            watch.ask_at = now + _wait(watch.attempts, None)
        else:
            self._learn(record, answer)

    async def _give_up(self, record: ElementRecord, reason: str) -> None:
        request = EndDataImport(
            application_id=self._application_id,
            element_id=record.element_id,
            kind=record.kind,
            reason=reason,
        )
        answer = await run_recording(calls.END_DATA_IMPORT, request, f"{record.kind}: {reason}")
        self._learn(record, answer)


def _is_due(watch: _Watch, now: datetime) -> bool:
    return watch.notified or now >= min(watch.ask_at, watch.ends_at)


def _wait(attempts: int, wish: timedelta | None) -> timedelta:
    doubled = FIRST_WAIT * (1 << min(attempts, 10))
    return min(max(doubled, wish or FIRST_WAIT), LONGEST_WAIT)
