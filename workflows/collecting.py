"""Collecting: elements are verified side by side; a slow source never keeps the applicant waiting.

What cannot be answered soon is `pending`, is asked for until there is an answer, and counts when it
comes.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.application import (
        CodeRefused,
        ElementRecord,
        Waiting,
        check_may_provide,
        is_provided,
    )
    from domain.elements import ElementKind, Verdict
    from messages import calls
    from messages.application import ProvidedElement
    from messages.calls import Call
    from messages.elements import (
        CaptureProgress,
        ConfirmCapture,
        ConfirmElement,
        ElementOutcome,
        ElementSettled,
        ReuseElements,
        StartCapture,
        VerifyElement,
    )
    from workflows.application_case import ApplicationCase
    from workflows.calling import SOON, SOON_WITHIN, run, run_parked
    from workflows.captures import NOT_ALLOWED, Captures

Question = TypeVar("Question", VerifyElement, StartCapture, ConfirmCapture)
Outcome = TypeVar("Outcome", bound=ElementOutcome)


class Collecting:
    """The elements of one application. `news` is set whenever an answer came by itself."""

    def __init__(self, case: ApplicationCase) -> None:
        self._case = case
        self._asking: set[str] = set()
        # In order: what is cancelled together must be cancelled alike at every replay.
        self._background: list[asyncio.Task[None]] = []
        self._captures = Captures(case, self._learn_of)
        self.news = False

    def check_may_provide(self, element: ProvidedElement) -> None:
        """Raise unless an element may be provided now; a repeat may."""
        known = self._case.elements.get(element.kind)
        if known is None or known.element_id != element.element_id:
            check_may_provide(
                self._case.product, self._case.elements, element.kind, self._case.supplement
            )

    async def provide(self, element: ProvidedElement) -> ElementOutcome:
        """Have an element verified, or begun to be, and return what is known soon."""
        elements = self._case.elements
        known = elements.get(element.kind)
        if known is not None and known.element_id == element.element_id:
            await workflow.wait_condition(
                lambda: known.element_id not in self._asking or self._case.is_over
            )
            return _outcome(known)
        record = ElementRecord(
            kind=element.kind,
            element_id=element.element_id,
            attempts=known.attempts + 1 if known else 1,
            mismatches=known.mismatches if known else 0,
            verdict=Verdict.PENDING,
        )
        elements[element.kind] = record
        try:
            if self._case.product.policy_of(element.kind).captured:
                await self._ask(calls.START_CAPTURE, self._capture_of(record), record)
            else:
                question = VerifyElement(
                    application_id=self._case.id, element_id=record.element_id, kind=record.kind
                )
                await self._ask(calls.VERIFY_ELEMENT, question, record)
        except ApplicationError:
            # Not a verdict: what was refused could not be asked about at all.
            self._forget(record, known)
            raise
        return _outcome(record)

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
        question = ConfirmCapture(
            application_id=self._case.id,
            element_id=record.element_id,
            kind=record.kind,
            code_id=command.code_id,
        )
        try:
            await self._ask(calls.CONFIRM_CAPTURE, question, record)
        except ApplicationError:
            record.verdict = Verdict.AWAITING_CODE
            raise
        return _outcome(record)

    def settled(self, news: ElementSettled) -> None:
        """Have the source of an element asked now."""
        record = self._record(news.element_id)
        if record is not None and record.verdict.is_open:
            self._captures.wake(news.element_id)

    def reopen(self, kinds: tuple[ElementKind, ...]) -> None:
        """Forget what is known of `kinds`, so that they are provided again."""
        for kind in kinds:
            self._case.elements.pop(kind, None)

    async def take_over(self, provided: tuple[ProvidedElement, ...]) -> None:
        """Let what the person had verified in another channel count, once it is known who it is."""
        case = self._case
        records = (case.elements.get(item.kind) for item in provided)
        matched = {item.kind for item in records if item and item.verdict is Verdict.MATCH}
        tells_who = any(
            kind is ElementKind.REAL_NAME or case.product.policy_of(kind).proves_presence
            for kind in matched
        )
        wanted = tuple(kind for kind in case.product.elements if not self._stands(kind))
        if not tells_who or not wanted or case.supplement is not None:
            return
        request = ReuseElements(
            application_id=case.id, kinds=wanted, on=case.opened_on, at=workflow.now()
        )
        reused = await run_parked(calls.REUSE_ELEMENTS, request, "reuse what was verified before")
        for item in reused.elements:
            known = case.elements.get(item.kind)
            if known is None or not self._stands(item.kind):
                case.elements[item.kind] = ElementRecord(
                    kind=item.kind,
                    element_id=item.element_id,
                    attempts=known.attempts if known else 0,
                    mismatches=known.mismatches if known else 0,
                    verdict=Verdict.MATCH,
                    reused=True,
                )
        case.show()

    async def tell_whose_move(self) -> None:
        """Say who is waited for: a source, if it has something that is missing."""
        case = self._case
        missing = case.missing()
        waits_for_source = any(
            item.kind in missing
            and item.verdict is Verdict.PENDING
            and item.element_id not in self._asking
            for item in case.elements.values()
        )
        await case.wait_for(Waiting.PROVIDER if waits_for_source else Waiting.APPLICANT)

    def stop(self) -> None:
        """Stop asking: the application is over."""
        for task in self._background:
            task.cancel()
        self._captures.stop()

    def _record(self, element_id: str) -> ElementRecord | None:
        elements = self._case.elements.values()
        return next((item for item in elements if item.element_id == element_id), None)

    def _stands(self, kind: ElementKind) -> bool:
        record = self._case.elements.get(kind)
        return record is not None and (
            record.verdict.is_open
            or is_provided(self._case.product, kind, record.verdict, record.reason)
        )

    def _capture_of(self, record: ElementRecord) -> StartCapture:
        return StartCapture(
            application_id=self._case.id,
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
            if not self._case.is_over:
                self._go_on(self._ask_until_answered(call, question, record))
        else:
            self._learn(record, answer)
        finally:
            self._asking.discard(record.element_id)

    async def _ask_until_answered(
        self, call: Call[Question, Outcome], question: Question, record: ElementRecord
    ) -> None:
        summary = f"{call.name.replace('_', ' ')}: {record.kind}, until the source answers"
        try:
            answer = await run(call, question, summary)
            self._learn_of(record, answer)
        except ApplicationError as refusal:
            # Such as a consent that was withdrawn meanwhile: the element may be provided again.
            workflow.logger.warning("a question was refused: %s", refusal.type)
            record.verdict, record.reason = Verdict.UNAVAILABLE, NOT_ALLOWED
            self.news = True

    def _learn_of(self, record: ElementRecord, answer: ElementOutcome) -> None:
        """Learn an answer that nobody waits for."""
        self._learn(record, answer)
        self.news = True

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        self._background = [task for task in self._background if not task.done()]
        self._background.append(asyncio.create_task(work))

    def _learn(self, record: ElementRecord, answer: ElementOutcome) -> None:
        if not record.verdict.is_open:
            return
        record.verdict, record.reason = answer.verdict, answer.reason
        record.mismatches += answer.verdict is Verdict.MISMATCH
        if answer.verdict.is_open and isinstance(answer, CaptureProgress):
            self._captures.watch(record, answer)
        self._case.show()

    def _forget(self, record: ElementRecord, before: ElementRecord | None) -> None:
        if before is None:
            del self._case.elements[record.kind]
        else:
            self._case.elements[record.kind] = before


def _outcome(record: ElementRecord) -> ElementOutcome:
    return ElementOutcome(
        element_id=record.element_id,
        kind=record.kind,
        verdict=record.verdict,
        reason=record.reason,
    )
