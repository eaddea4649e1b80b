"""The gateway to data sources: the one way from an activity to who knows something of people.

A question goes to the sources of its capability that are in force then, in their order
(`domain.sources`). Of each the gateway wants a consent where one is needed, the answer that is on
record if it still stands, and else a call within the source's quota, rate and breaker, with an
audit row for every attempt. A source that cannot say, cannot be asked or refuses us hands over to
the next; when all did, the question is unavailable, to be asked again later. It never becomes an
answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from activities.sources.masks import masked
from domain.common.calendar import business_date
from domain.common.definitions import Agreed, DefinitionRef
from domain.common.suspensions import Suspendable
from domain.people.consents import ConsentMissing, Purpose
from domain.sources import SOURCE, Capability, DataSource, asked_in_order
from providers.http.breaker import REFUSES_US, Breaker, Clock, NotSent
from providers.http.errors import ProviderError, ProviderRejected, ProviderUnavailable
from providers.http.transport import CONNECT_SECONDS, RETRY_AFTER_LIMIT
from providers.http.verdict import Answer, Verdict
from providers.registry import Providers
from runtime import enquiry_metrics
from runtime.clock import utc_now
from runtime.keyring import KeyringError
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.consents import ConsentRepository
from storage.sources import Ask, Attempt, Ending, EnquiryRepository, Known, NotNow, Outcome

A = TypeVar("A", bound=BaseModel)

_log = structlog.stdlib.get_logger(__name__)

_LONGEST_TURN: Final = timedelta(seconds=2)
_MARGIN: Final = timedelta(seconds=5)
_USUAL_TIMEOUT_SECONDS: Final = 8.0
_PATIENCE_SECONDS: Final = 12.0
_FIRST_LOOK_SECONDS: Final = 0.02
_SLOWEST_LOOK_SECONDS: Final = 0.5
_SOON: Final = timedelta(seconds=2)
_NEVER_ARRIVED: Final = "connect_failed"
_PASSING: Final = frozenset({"source_maintenance"})
"""Reasons of a source that cannot say now and will be able to."""


@dataclass(frozen=True)
class Subject:
    """Whom and what an enquiry is for, by opaque ids.

    `request_id` is the business key of the question, by which a source knows a repeat. `purpose` is
    what the applicant consented to being asked about; without an applicant only sources that need
    no consent can be asked.
    """

    request_id: str
    applicant_id: str | None
    application_id: str | None = None
    purpose: Purpose | None = None


class CannotSay(ProviderUnavailable):
    """Every source that was asked answered that it cannot say: asking again will not help soon."""


@dataclass(frozen=True)
class Assessment:
    """What an answer amounts to: its verdict, the code of a reason if it has one.

    One that `is_conclusive` is handed back; any other is taken for the source's inability to say.
    One that is `cacheable` may answer the same question again.
    """

    verdict: Verdict
    code: str | None
    is_conclusive: bool
    cacheable: bool = True

    @property
    def counted_as(self) -> str:
        """The outcome in the metrics, where a report that is not ready is no failure."""
        pending = self.is_conclusive and self.verdict is Verdict.UNAVAILABLE
        return "pending" if pending else self.verdict.value


def assess(answer: Answer) -> Assessment:
    """Return what a verification amounts to: a match or a mismatch is conclusive."""
    code = answer.reasons[0] if answer.reasons else None
    return Assessment(answer.verdict, code, is_conclusive=answer.verdict is not Verdict.UNAVAILABLE)


@dataclass(frozen=True)
class Question(Generic[A]):
    """What is asked, of whatever source: `asked` is the input by which equal questions are known.

    `call` asks the providers it is given and returns an `answer`; `assess` says what that comes to.
    A question that is not `billable` is a later step of one that was paid for.
    """

    capability: Capability
    operation: str
    asked: BaseModel = field(repr=False)
    answer: type[A]
    call: Callable[[Providers], Awaitable[A]]
    assess: Callable[[Any], Assessment] = assess
    billable: bool = True


@dataclass(frozen=True)
class SourceResponse(Generic[A]):
    """An answer, the source it is from, and whether it was on record."""

    source: str
    answer: A = field(repr=False)
    reused: bool


class DataSourceGateway:
    """Queries third parties on behalf of activities; one a process.

    `now` gives business dates and the age of answers, `clock` (seconds) the breakers, `lease` is
    longer than any call may take. The turns of a source go by the database's clock.
    """

    def __init__(
        self,
        database: Database,
        providers: Providers,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Clock = time.monotonic,
        lease: timedelta | None = None,
    ) -> None:
        self._database = database
        self._providers = providers
        self._now = now
        self._clock = clock
        self._lease = lease or self.lease_for(_USUAL_TIMEOUT_SECONDS)
        self._breakers: dict[str, Breaker] = {}

    @staticmethod
    def lease_for(timeout_seconds: float) -> timedelta:
        """Return for how long an attempt may be on its way: turn, call, and record of its end."""
        return _LONGEST_TURN + timedelta(seconds=CONNECT_SECONDS + timeout_seconds) + _MARGIN

    async def query(
        self, question: Question[A], subject: Subject, *, only: str | None = None
    ) -> SourceResponse[A]:
        """Return the first conclusive answer.

        `only` names the one source that can know, such as the one where a capture was begun. Raises
        ConsentMissing before any call, ProviderRejected when a source refuses this question, and
        ProviderUnavailable when no source could say; its `retry_after` is when the first of them
        may be worth asking again.
        """
        failures: list[ProviderUnavailable] = []
        for source in await self._able(question.capability, only):
            try:
                return await self._of(source, question, subject)
            except ProviderUnavailable as error:
                _log.info("enquiry_unanswered", source=source.content.name, code=error.code)
                failures.append(error)
        raise _together(failures)

    async def query_all(
        self, question: Question[A], subject: Subject, *, may_miss: int = 0
    ) -> tuple[SourceResponse[A], ...]:
        """Ask every enabled source at once and return their answers in the sources' order.

        Raises as `query`, ProviderUnavailable when more than `may_miss` sources, or all of them,
        could not say.
        """
        sources = await self._able(question.capability)
        results = await asyncio.gather(
            *(self._of(source, question, subject) for source in sources), return_exceptions=True
        )
        responses = tuple(result for result in results if isinstance(result, SourceResponse))
        errors = [result for result in results if isinstance(result, BaseException)]
        failures = [error for error in errors if isinstance(error, ProviderUnavailable)]
        for error in errors:
            if not isinstance(error, ProviderUnavailable):
                raise error
        if not responses or len(failures) > may_miss:
            raise _together(failures)
        return responses

    async def _able(
        self, capability: Capability, only: str | None = None
    ) -> tuple[Agreed[DataSource], ...]:
        able = asked_in_order(await self._database.all_in_force(SOURCE), capability)
        suspended = await self._database.suspended(Suspendable.SOURCE)
        sources = tuple(
            source
            for source in able
            if only in (None, source.content.name) and source.content.name not in suspended
        )
        if not sources:
            enquiry_metrics.enquiry_ended(capability, "switched_off")
            raise ProviderUnavailable(capability, "switched_off", RETRY_AFTER_LIMIT)
        return sources

    async def _of(
        self, agreed: Agreed[DataSource], question: Question[A], subject: Subject
    ) -> SourceResponse[A]:
        """Return one source's answer; raises ProviderUnavailable when it is not conclusive."""
        source = agreed.content
        if not question.billable:
            source = source.model_copy(update={"cost": 0})
        breaker = self._breaker(source)
        attempt = self._attempt(source, agreed.ref, question, subject)
        begun = await self._begin(source, breaker, question, subject.purpose, attempt)
        if isinstance(begun, SourceResponse):
            return begun
        await asyncio.sleep(begun.wait.total_seconds())
        started = time.monotonic()
        failure: ProviderError
        try:
            with breaker.attempt():
                answer = await question.call(self._providers.of(source.name))
        except ProviderError as error:
            failure = error
        except Exception:
            await self._finish(source, begun, Ending("lost", "internal_error", 0, source.cost))
            raise
        else:
            assessment = question.assess(answer)
            ending = self._answered(source, answer, assessment, _milliseconds(started))
            await self._finish(source, begun, ending, counted_as=assessment.counted_as)
            if not assessment.is_conclusive:
                raise _inconclusive(source, assessment)
            return SourceResponse(source.name, answer, reused=False)
        await self._finish(source, begun, _failed(source, failure, _milliseconds(started)))
        raise _passed_on(source, failure)

    async def _begin(
        self,
        source: DataSource,
        breaker: Breaker,
        question: Question[A],
        purpose: Purpose | None,
        attempt: Attempt,
    ) -> Ask | SourceResponse[A]:
        """Return the right to ask or the answer that stands; waits for an equal question."""
        reuse = True
        pause = _FIRST_LOOK_SECONDS
        patience = time.monotonic() + _PATIENCE_SECONDS
        while True:
            wait = breaker.wait()
            begun = await self._look(source, attempt, purpose, may_ask=wait is None, reuse=reuse)
            match begun:
                case Ask():
                    self._used(source, begun.asked_today)
                    return begun
                case Known():
                    answer = _read(question, begun)
                    if answer is not None:
                        enquiry_metrics.enquiry_ended(source.name, "reused")
                        return SourceResponse(source.name, answer, reused=True)
                    reuse = False
                    continue
                case NotNow(why="exhausted"):
                    raise self._exhausted(source)
                case NotNow(why="not_asked"):
                    enquiry_metrics.enquiry_ended(source.name, "breaker_open")
                    raise NotSent(source.name, "breaker_open", wait)
                case NotNow(why="throttled"):
                    enquiry_metrics.enquiry_ended(source.name, "throttled")
                    raise NotSent(source.name, "throttled", begun.wait)
            if time.monotonic() > patience:
                raise ProviderUnavailable(source.name, "asked_already", _SOON)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _SLOWEST_LOOK_SECONDS)

    async def _look(
        self,
        source: DataSource,
        attempt: Attempt,
        purpose: Purpose | None,
        *,
        may_ask: bool,
        reuse: bool,
    ) -> Ask | Known | NotNow:
        async with self._database.autocommit() as tx:
            consent_id = await _consent(tx, source, attempt.applicant_id, purpose)
            allowed = replace(attempt, consent_id=consent_id)
            try:
                return await EnquiryRepository(tx).begin(allowed, may_ask=may_ask, reuse=reuse)
            except KeyringError:
                # Sealed by a key that is gone: as good as forgotten.
                return await EnquiryRepository(tx).begin(allowed, may_ask=may_ask, reuse=False)

    def _attempt(
        self, source: DataSource, ref: DefinitionRef, question: Question[A], subject: Subject
    ) -> Attempt:
        now = self._now()
        return Attempt(
            source=source.name,
            definition=str(ref),
            capability=question.capability,
            operation=question.operation,
            request_id=subject.request_id,
            applicant_id=subject.applicant_id,
            application_id=subject.application_id,
            consent_id=None,
            input=f"{question.operation}:{question.asked.model_dump_json()}",
            asked=masked(question.asked),
            at=now,
            business_date=business_date(now, source.zone),
            quota=source.daily_quota,
            currency=source.currency,
            lost_cost=source.cost,
            lease=self._lease,
            gap=source.gap,
            longest_turn=_LONGEST_TURN,
        )

    def _answered(
        self, source: DataSource, answer: BaseModel, assessment: Assessment, milliseconds: int
    ) -> Ending:
        match = assessment.verdict is Verdict.MATCH
        kept = assessment.is_conclusive and assessment.cacheable
        return Ending(
            outcome=assessment.verdict.value,
            code=assessment.code,
            milliseconds=milliseconds,
            cost=source.charge(reached=True, answered=True, match=match),
            answered=masked(answer),
            answer=answer.model_dump_json() if kept else None,
            valid_until=self._now() + source.valid_for(match=match) if kept else None,
        )

    async def _finish(
        self, source: DataSource, begun: Ask, ending: Ending, *, counted_as: str | None = None
    ) -> None:
        async with self._database.autocommit() as tx:
            await EnquiryRepository(tx).finish(begun.enquiry, ending)
        enquiry_metrics.enquiry_ended(source.name, counted_as or ending.outcome)
        enquiry_metrics.enquiry_cost(source.name, source.currency, ending.cost)

    def _exhausted(self, source: DataSource) -> ProviderUnavailable:
        enquiry_metrics.enquiry_ended(source.name, "exhausted")
        self._used(source, source.daily_quota or 0)
        now = self._now()
        _log.warning("enquiry_quota_exhausted", source=source.name, quota=source.daily_quota)
        wait = min(source.next_day(now) - now, RETRY_AFTER_LIMIT)
        return ProviderUnavailable(source.name, "quota_exhausted", wait)

    def _used(self, source: DataSource, asked: int) -> None:
        """Show how much of the day's quota is used."""
        if source.daily_quota is not None:
            share = asked / source.daily_quota if source.daily_quota else 1.0
            until = source.next_day(self._now())
            enquiry_metrics.quota_used(source.name, share, until, self._now)

    def _breaker(self, source: DataSource) -> Breaker:
        if source.name not in self._breakers:
            self._breakers[source.name] = Breaker(
                source.name, self._clock, enquiry_metrics.breaker_moved
            )
        return self._breakers[source.name]


async def _consent(
    tx: Transaction, source: DataSource, applicant_id: str | None, purpose: Purpose | None
) -> str | None:
    """Return the consent under which the source may be asked, None where none is needed.

    What the source needs and what the question is for are both looked at; the latter is recorded.
    """
    found: str | None = None
    for needed in {source.consent: None, purpose: None}:
        if needed is None:
            continue
        consent = None
        if applicant_id is not None:
            consent = await ConsentRepository(tx).in_force(applicant_id, needed)
        if consent is None:
            raise ConsentMissing(f"no consent to {needed} in force")
        found = consent.id
    return found


def _read(question: Question[A], known: Known) -> A | None:
    """Return a recorded answer, None if it is of a form that is no longer understood."""
    try:
        return question.answer.model_validate_json(known.answer)
    except ValidationError:
        return None


def _failed(source: DataSource, failure: ProviderError, milliseconds: int) -> Ending:
    reached = not isinstance(failure, NotSent) and failure.code != _NEVER_ARRIVED
    outcome: Outcome = "rejected" if isinstance(failure, ProviderRejected) else "unavailable"
    return Ending(
        outcome=outcome if reached else "unsent",
        code=failure.code,
        milliseconds=milliseconds,
        cost=source.charge(reached=reached, answered=False, match=False),
    )


def _passed_on(source: DataSource, failure: ProviderError) -> ProviderError:
    """Return a failure as callers see it, under the source's own name.

    A source that refuses us is as good as down: another one may answer.
    """
    if failure.code in REFUSES_US:
        _log.error("provider_refuses_us", source=source.name, code=failure.code)
        return ProviderUnavailable(source.name, failure.code)
    if isinstance(failure, ProviderRejected):
        return ProviderRejected(source.name, failure.code)
    wish = failure.retry_after if isinstance(failure, ProviderUnavailable) else None
    return ProviderUnavailable(source.name, failure.code, wish)


def _inconclusive(source: DataSource, assessment: Assessment) -> ProviderUnavailable:
    if assessment.code in _PASSING:
        return ProviderUnavailable(source.name, assessment.code or "no_answer")
    return CannotSay(source.name, assessment.code or "no_answer")


def _together(failures: list[ProviderUnavailable]) -> ProviderUnavailable:
    """Return the last failure with the soonest of the waits, none when one knows of none.

    It is final only when all are.
    """
    passing = [failure for failure in failures if not isinstance(failure, CannotSay)]
    if not passing:
        return failures[-1]
    failures = passing
    waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
    last = failures[-1]
    soonest = min(waits) if len(waits) == len(failures) else None
    return ProviderUnavailable(last.provider, last.code, soonest)


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
