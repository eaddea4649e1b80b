"""Verifying: elements on their way to a verdict; a slow source never keeps the applicant waiting.

What cannot be answered soon is `pending`, is asked for until there is an answer, and counts when it
comes.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.applications.application import CodeRefused, ElementRecord
    from domain.products.products import AgreedProduct
    from domain.verification.elements import ElementKind, Verdict
    from messages import calls
    from messages.applications import ProvidedElement
    from messages.calls import Call
    from messages.verification import (
        NOT_ALLOWED,
        ConfirmDataImport,
        ConfirmElement,
        DataImportProgress,
        ElementOutcome,
        ElementSettled,
        StartDataImport,
        VerifyElement,
        VerifyElements,
    )
    from workflows.common.calling import (
        PATIENTLY,
        SOON,
        SOON_WITHIN,
        call_person,
        run,
        run_until_answered,
    )
    from workflows.verification.data_imports import DataImports

Question = TypeVar("Question", VerifyElement, StartDataImport, ConfirmDataImport)
Outcome = TypeVar("Outcome", bound=ElementOutcome)


@dataclass(frozen=True)
class Process:
    """The process that elements belong to: what it asks for, and what it learns.

    `elements` is what it remembers of each kind, `show` lets operators read it, and nothing is
    asked any more once it `is_over`. `on_silence` calls a person to a source that says nothing.
    """

    application_id: str
    product: AgreedProduct
    elements: dict[ElementKind, ElementRecord]
    is_over: Callable[[], bool]
    show: Callable[[], None]
    on_silence: Callable[[bool], None] = call_person


@dataclass(frozen=True)
class _Taken:
    """An element that was taken on: what is remembered of it now, and what was before."""

    record: ElementRecord
    before: ElementRecord | None = None
    repeats: bool = False


class Verifying:
    """The elements of one process. `update_received` is set when an answer came by itself."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._asking: set[str] = set()
        # In order: what is cancelled together must be cancelled alike at every replay.
        self._background: list[asyncio.Task[None]] = []
        self._data_imports = DataImports(
            process.application_id,
            process.product,
            is_awaited=lambda item: (
                not process.is_over() and process.elements.get(item.kind) is item
            ),
            learn=self._learn_of,
        )
        self.update_received = False

    async def provide(self, elements: Iterable[ProvidedElement]) -> tuple[ElementOutcome, ...]:
        """Have elements verified, or begun to be, side by side; return what is known soon.

        One that needs another one waits until the answer about that is there.
        """
        taken = [self._take(element) for element in elements]
        together = self._that_go_together(taken)
        first = asyncio.create_task(self._verify_together(together)) if len(together) > 1 else None
        records = await asyncio.gather(
            *(self._see_to(item, first if item.record in together else None) for item in taken)
        )
        return tuple(_outcome(record) for record in records)

    def check_may_confirm(self, command: ConfirmElement) -> None:
        """Raise `CodeRefused` unless the element waits for a code."""
        record = self._record(command.element_id)
        if record is None or record.verdict is not Verdict.AWAITING_CODE:
            raise CodeRefused("no code is waited for")

    async def confirm(self, command: ConfirmElement) -> ElementOutcome:
        """Pass a code on to the source that sent it."""
        record = self._record(command.element_id)
        if record is None or record.verdict is not Verdict.AWAITING_CODE:
            raise CodeRefused("no code is waited for")
        record.verdict, record.reason = Verdict.PENDING, None
        question = ConfirmDataImport(
            application_id=self._process.application_id,
            element_id=record.element_id,
            kind=record.kind,
            code_id=command.code_id,
        )
        try:
            await self._ask(calls.CONFIRM_DATA_IMPORT, question, record)
        except ApplicationError:
            record.verdict = Verdict.AWAITING_CODE
            raise
        return _outcome(record)

    def settled(self, update: ElementSettled) -> None:
        """Have the source of an element asked now."""
        record = self._record(update.element_id)
        if record is not None and record.verdict.is_open:
            self._data_imports.notify(update.element_id)

    def resume(self) -> None:
        """Ask again for what an earlier run of the process was still waiting for."""
        for record in self._process.elements.values():
            if not record.verdict.is_open:
                continue
            record.verdict = Verdict.PENDING
            self._in_background(self._ask_once_needs_are_settled(record))

    def stop(self) -> None:
        """Stop asking: the process is over, or goes on in another run."""
        for task in self._background:
            task.cancel()
        self._data_imports.stop()

    def _take(self, element: ProvidedElement) -> _Taken:
        known = self._process.elements.get(element.kind)
        if known is not None and known.element_id == element.element_id:
            return _Taken(known, repeats=True)
        record = self._process.elements[element.kind] = ElementRecord(
            kind=element.kind,
            element_id=element.element_id,
            attempts=known.attempts + 1 if known else 1,
            mismatches=known.mismatches if known else 0,
            verdict=Verdict.PENDING,
        )
        self._asking.add(record.element_id)
        return _Taken(record, before=known)

    def _that_go_together(self, taken: list[_Taken]) -> list[ElementRecord]:
        """Return the elements that one activity can verify.

        Those that need no answer but one that is known, or that the same activity will have.
        """
        together = [
            item.record for item in taken if not item.repeats and not self._is_imported(item.record)
        ]
        while True:
            known = [item for item in together if self._needs_no_other(item, together)]
            if len(known) == len(together):
                return together
            together = known

    def _needs_no_other(self, record: ElementRecord, together: list[ElementRecord]) -> bool:
        return all(
            need in together or not (need.verdict.is_open or need.element_id in self._asking)
            for need in self._needs_of(record)
        )

    async def _verify_together(self, records: list[ElementRecord]) -> None:
        """Learn what is answered soon; what fails or is slow is left to be asked by itself."""
        questions = tuple(self._question_of(record) for record in records)
        try:
            verified = await run(
                calls.VERIFY_ELEMENTS,
                VerifyElements(elements=questions),
                f"verify: {', '.join(record.kind for record in records)}",
                retry_policy=SOON,
                within=SOON_WITHIN,
            )
        except (ActivityError, ApplicationError) as error:
            workflow.logger.warning("elements are asked about one by one: %s", type(error).__name__)
            return
        answers = {outcome.element_id: outcome for outcome in verified.outcomes}
        for record in records:
            if record.element_id in answers:
                self._learn(record, answers[record.element_id])

    async def _see_to(
        self, taken: _Taken, together: asyncio.Task[None] | None = None
    ) -> ElementRecord:
        record = taken.record
        if taken.repeats:
            await workflow.wait_condition(
                lambda: record.element_id not in self._asking or self._process.is_over()
            )
            return record
        try:
            if together is not None:
                await together
                if not record.verdict.is_open:
                    return record
            await workflow.wait_condition(lambda: not self._needs_are_asked_for(record))
            if self._process.is_over():
                return record
            if self._needs_are_open(record):
                self._in_background(self._ask_once_needs_are_settled(record))
            elif self._is_imported(record):
                await self._ask(calls.START_DATA_IMPORT, self._data_import_of(record), record)
            else:
                await self._ask(calls.VERIFY_ELEMENT, self._question_of(record), record)
        except ApplicationError:
            # Not a verdict: what was refused could not be asked about at all.
            self._forget(taken)
            raise
        finally:
            self._asking.discard(record.element_id)
        return record

    def _record(self, element_id: str) -> ElementRecord | None:
        elements = self._process.elements.values()
        return next((item for item in elements if item.element_id == element_id), None)

    def _needs_of(self, record: ElementRecord) -> list[ElementRecord]:
        """Return what an element needs, as far as it was provided."""
        needs = self._process.product.needs_of(record.kind)
        return [item for item in self._process.elements.values() if item.kind in needs]

    def _needs_are_asked_for(self, record: ElementRecord) -> bool:
        """Say whether the answer about something that an element needs is about to come."""
        return not self._process.is_over() and any(
            item.element_id in self._asking for item in self._needs_of(record)
        )

    def _needs_are_open(self, record: ElementRecord) -> bool:
        return any(item.verdict.is_open for item in self._needs_of(record))

    def _is_imported(self, record: ElementRecord) -> bool:
        return self._process.product.policy_of(record.kind).imported

    def _question_of(self, record: ElementRecord) -> VerifyElement:
        return VerifyElement(
            application_id=self._process.application_id,
            element_id=record.element_id,
            kind=record.kind,
        )

    def _data_import_of(self, record: ElementRecord) -> StartDataImport:
        return StartDataImport(
            application_id=self._process.application_id,
            element_id=record.element_id,
            kind=record.kind,
            workflow_id=workflow.info().workflow_id,
            at=workflow.now(),
        )

    async def _ask(
        self, call: Call[Question, Outcome], question: Question, record: ElementRecord
    ) -> None:
        """Ask a source and learn its answer; if it cannot be reached soon, go on in the background.

        Raises `ApplicationError` where the question is refused.
        """
        self._asking.add(record.element_id)
        try:
            answer = await run(
                call,
                question,
                f"{call.name.replace('_', ' ')}: {record.kind}",
                retry_policy=SOON,
                within=SOON_WITHIN,
            )
        except ActivityError:
            if not self._process.is_over():
                self._in_background(self._ask_until_answered(call, question, record))
        else:
            self._learn(record, answer)
        finally:
            self._asking.discard(record.element_id)

    async def _ask_once_needs_are_settled(self, record: ElementRecord) -> None:
        await workflow.wait_condition(lambda: not self._needs_are_open(record))
        if self._is_imported(record):
            data_import = self._data_import_of(record)
            await self._ask_until_answered(calls.START_DATA_IMPORT, data_import, record)
        else:
            question = self._question_of(record)
            await self._ask_until_answered(calls.VERIFY_ELEMENT, question, record)

    async def _ask_until_answered(
        self, call: Call[Question, Outcome], question: Question, record: ElementRecord
    ) -> None:
        summary = f"{call.name.replace('_', ' ')}: {record.kind}, until the source answers"
        try:
            answer = await run_until_answered(
                call,
                question,
                summary,
                retry_policy=PATIENTLY,
                on_silence=self._process.on_silence,
            )
            self._learn_of(record, answer)
        except ApplicationError as refusal:
            # Such as a consent that was withdrawn meanwhile: the element may be provided again.
            workflow.logger.warning("a question was refused: %s", refusal.type)
            record.verdict, record.reason = Verdict.UNAVAILABLE, NOT_ALLOWED
            self.update_received = True

    def _learn_of(self, record: ElementRecord, answer: ElementOutcome) -> None:
        """Learn an answer that nobody waits for."""
        self._learn(record, answer)
        self.update_received = True

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        self._background = [task for task in self._background if not task.done()]
        self._background.append(asyncio.create_task(work))

    def _learn(self, record: ElementRecord, answer: ElementOutcome) -> None:
        if not record.verdict.is_open:
            return
        record.verdict, record.reason = answer.verdict, answer.reason
        record.mismatches += answer.verdict is Verdict.MISMATCH
        if answer.verdict.is_open and isinstance(answer, DataImportProgress):
            self._data_imports.watch(record, answer)
        self._process.show()

    def _forget(self, taken: _Taken) -> None:
        if taken.before is None:
            del self._process.elements[taken.record.kind]
        else:
            self._process.elements[taken.record.kind] = taken.before


def _outcome(record: ElementRecord) -> ElementOutcome:
    return ElementOutcome(
        element_id=record.element_id,
        kind=record.kind,
        verdict=record.verdict,
        reason=record.reason,
    )
