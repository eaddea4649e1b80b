"""Verification of what applicants provide, by the third party behind each kind of element."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from activities.common.performing import performs
from activities.common.refusals import found
from activities.sources.enquiries import CannotSay, DataSourceGateway
from activities.verification.element_cases import Applied, applied_for, cases_of
from activities.verification.element_checks import CHECKS, Case, Finding, Remembered
from activities.verification.verified_applicant import NotVerified
from domain.people.consents import ConsentMissing
from domain.verification.elements import ElementKind, Verdict
from messages import calls, ids
from messages.verification import (
    NOT_ALLOWED,
    REFUSED_BY_SOURCE,
    ElementOutcome,
    VerifiedElements,
    VerifyElement,
    VerifyElements,
)
from providers.http.errors import WRONG_ADDRESS, ProviderRejected
from runtime.clock import utc_now
from runtime.failpoints import failpoint
from storage.common.outbox import OutboxEventCreate, OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.applicants import ApplicantRepository
from storage.verification.elements import Conclusion, ElementRepository, VerificationCreate

_log = structlog.stdlib.get_logger(__name__)

TOGETHER_SECONDS: Final = 2.0
"""How long elements that are verified together wait for the slowest of them."""

_RECORDED_TOGETHER_SECONDS: Final = 0.2
"""How long an answer waits for others, to be recorded in one transaction with them."""

CheckResult = Finding | NotVerified
Asking = dict[asyncio.Task[CheckResult], VerifyElement]


@dataclass(frozen=True)
class Identity:
    """Verifies elements."""

    database: Database
    gateway: DataSourceGateway
    _unfinished: set[asyncio.Task[CheckResult]] = field(default_factory=set)

    @performs(calls.VERIFY_ELEMENT)
    async def verify_element(self, request: VerifyElement) -> ElementOutcome:
        """Ask the third party and record its verdict; a repeat returns the recorded one.

        A source that cannot be reached or refuses us is an error and tried again: it never becomes
        a verdict. Where nobody may be asked, or whoever is asked cannot say or refuses the
        question, the element ends without a verdict (`unavailable`) and may be provided again.
        """
        async with self.database.read() as tx:
            applied = await applied_for(tx, request.application_id)
            known = await ElementRepository(tx).conclusions([request.element_id])
            if known:
                return _outcome(request, known)
            (case,) = (await cases_of(tx, applied, [request])).values()
        await failpoint("verify_element.before_call")
        answer = await self._answer_to(request, case)
        await failpoint("verify_element.after_call")
        (outcome,) = await self._record(applied, {request: answer})
        return outcome

    @performs(calls.VERIFY_ELEMENTS)
    async def verify_elements(self, request: VerifyElements) -> VerifiedElements:
        """Verify elements of one application, each as soon as what it needs of the others is known.

        Each has its own outcome. One that fails, or is slower than `TOGETHER_SECONDS`, is left out
        of the result with those that need it: `verify_element` asks about it by itself, and finds
        on record what its source answered meanwhile.
        """
        asking: Asking = {}
        left_out: set[ElementKind] = set()
        until = asyncio.get_running_loop().time() + TOGETHER_SECONDS
        async with self.database.read() as tx:
            applied = await applied_for(tx, request.elements[0].application_id)
            known = await ElementRepository(tx).conclusions(
                [one.element_id for one in request.elements]
            )
        outcomes = [_outcome(one, known) for one in request.elements if one.element_id in known]
        waiting = {one.kind: one for one in request.elements if one.element_id not in known}
        try:
            while waiting or asking:
                await self._ask_what_can_be(applied, waiting, asking, left_out)
                done = await _some_of(asking, until) if asking else None
                if not done:
                    break
                await failpoint("verify_elements.after_calls")
                outcomes += await self._record_answers(applied, done, asking, left_out)
                await failpoint("verify_elements.after_record")
        finally:
            self._let_finish(asking)
        return VerifiedElements(outcomes=tuple(outcomes))

    async def _ask_what_can_be(
        self,
        applied: Applied,
        waiting: dict[ElementKind, VerifyElement],
        asking: Asking,
        left_out: set[ElementKind],
    ) -> None:
        """Ask about the elements that need no answer but those that are there."""
        unanswered = {*waiting, *left_out, *(one.kind for one in asking.values())}
        ready = [
            one
            for one in waiting.values()
            if unanswered.isdisjoint(applied.product.needs_of(one.kind))
        ]
        if not ready:
            return
        for one in ready:
            del waiting[one.kind]
        async with self.database.read() as tx:
            cases = await cases_of(tx, applied, ready)
        for element, case in cases.items():
            asking[asyncio.create_task(self._answer_to(element, case))] = element

    async def _answer_to(self, element: VerifyElement, case: Case | NotVerified) -> CheckResult:
        if isinstance(case, NotVerified):
            return case
        try:
            return await CHECKS[element.kind](self.gateway, case)
        except ConsentMissing:
            return NotVerified(NOT_ALLOWED)
        except CannotSay as error:
            return NotVerified(error.code)
        except ProviderRejected as error:
            if error.code in WRONG_ADDRESS:
                raise
            return NotVerified(REFUSED_BY_SOURCE)

    async def _record_answers(
        self,
        applied: Applied,
        done: set[asyncio.Task[CheckResult]],
        asking: Asking,
        left_out: set[ElementKind],
    ) -> list[ElementOutcome]:
        """Record what was answered and return it; what failed is left out."""
        answers = {}
        for task in sorted(done, key=lambda task: asking[task].kind):
            element = asking.pop(task)
            error = task.exception()
            if error is None:
                answers[element] = task.result()
            else:
                left_out.add(element.kind)
                _log.info("element_left_out", kind=element.kind, error_type=type(error).__name__)
        return await self._record(applied, answers) if answers else []

    async def _record(
        self, applied: Applied, answers: Mapping[VerifyElement, CheckResult]
    ) -> list[ElementOutcome]:
        """Record answers and return what is on record by then: the first of each element stays."""
        now = utc_now()
        findings = {one: x for one, x in answers.items() if isinstance(x, Finding)}
        ended = {
            one.element_id: x.reason for one, x in answers.items() if isinstance(x, NotVerified)
        }
        async with self.database.transaction() as tx:
            if findings:
                given = [_verification(one, finding) for one, finding in findings.items()]
                await ElementRepository(tx).record_verifications(given, now)
            if ended:
                await ElementRepository(tx).end(ended, now)
            known = await ElementRepository(tx).conclusions([one.element_id for one in answers])
            confirmed = Remembered()
            for one, finding in findings.items():
                if known[one.element_id].verdict is Verdict.MATCH:
                    confirmed.update(finding.remember)
            if confirmed:
                await ApplicantRepository(tx).remember(applied.applicant_id, **confirmed)
            outcomes = [_outcome(one, known) for one in answers]
            await _tell(tx, applied.application_id, outcomes)
        return outcomes

    def _let_finish(self, asking: Asking) -> None:
        """Let what is still asked come to its end: the answer is on record for who asks next."""
        for task in asking:
            self._unfinished.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[CheckResult]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.info("late_answer_failed", error_type=type(task.exception()).__name__)


async def _some_of(asking: Asking, until: float) -> set[asyncio.Task[CheckResult]]:
    """Return the answers that came, together where they come together; none after `until`."""
    left = until - asyncio.get_running_loop().time()
    if left <= 0:
        return {task for task in asking if task.done()}
    done, _ = await asyncio.wait(asking, timeout=min(left, _RECORDED_TOGETHER_SECONDS))
    if not done:
        done, _ = await asyncio.wait(asking, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    return done


def _verification(element: VerifyElement, finding: Finding) -> VerificationCreate:
    return VerificationCreate(
        element.element_id, finding.verdict, finding.reason, finding.facts, finding.provider
    )


def _outcome(element: VerifyElement, known: Mapping[str, Conclusion]) -> ElementOutcome:
    conclusion = found(known.get(element.element_id), f"verdict on {element.element_id}")
    return ElementOutcome(
        element_id=element.element_id,
        kind=element.kind,
        verdict=conclusion.verdict,
        reason=conclusion.reason,
    )


async def _tell(tx: Transaction, application_id: str, outcomes: Sequence[ElementOutcome]) -> None:
    """Let whoever follows the application know."""
    aggregate = ids.application_workflow(application_id)
    await OutboxRepository(tx).add_all(
        aggregate,
        [
            OutboxEventCreate(
                "element_verified",
                f"{aggregate}:element_verified:{one.element_id}",
                one.model_dump(mode="json"),
            )
            for one in outcomes
        ],
    )
