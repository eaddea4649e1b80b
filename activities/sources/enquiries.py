"""The gateway to data sources: the one way from an activity to who knows something of people.

A request goes to the sources of its capability that are in force then, in their order
(`domain.sources`). Of each the gateway wants a consent where one is needed, the response that is on
record if it is still valid, and else a call within the source's quota, rate and breaker, with an
audit row for every attempt. A source that cannot say, cannot be asked or refuses us hands over to
the next; when all did, what was asked is unavailable, to be asked again later. It never becomes a
response.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic

import structlog
from pydantic import ValidationError

from activities.sources.masks import masked
from domain.common.calendar import business_date
from domain.common.definitions import Agreed, DefinitionRef
from domain.common.suspensions import Suspendable
from domain.people.consents import Purpose
from domain.people.identity_documents import DOCUMENT_NOT_SUPPORTED
from domain.sources import SOURCE, DataSource, asked_in_order
from providers.http.breaker import REFUSES_US, Breaker, Clock, NotSent
from providers.http.errors import ProviderError, ProviderRejected, ProviderUnavailable
from providers.http.requests import SourceRequest, SourceResponseT
from providers.http.transport import CONNECT_SECONDS, RETRY_AFTER_LIMIT
from providers.http.verdict import Assessment, Verdict
from providers.registry import Providers
from runtime import enquiry_metrics
from runtime.clock import utc_now
from runtime.keyring import KeyringError
from storage.database import Database
from storage.sources import Ask, Attempt, Completion, EnquiryRepository, Known, NotNow, Outcome

_log = structlog.stdlib.get_logger(__name__)

_MAX_SLOT_WAIT: Final = timedelta(seconds=2)
_MARGIN: Final = timedelta(seconds=5)
_USUAL_TIMEOUT_SECONDS: Final = 8.0
_MAX_SECONDS_FOR_EQUAL_QUERY: Final = 12.0
_MIN_POLL_SECONDS: Final = 0.02
_MAX_POLL_SECONDS: Final = 0.5
_SOON: Final = timedelta(seconds=2)
_NEVER_ARRIVED: Final = "connect_failed"
_TEMPORARY: Final = frozenset({"source_maintenance"})
"""Reasons of a source that cannot say now and will be able to."""


@dataclass(frozen=True)
class Subject:
    """Whom and what a request is for, by opaque ids.

    `request_id` is the business key of the request, by which a source knows a repeat. `purpose` is
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
class SourceResponse(Generic[SourceResponseT]):
    """An answer, the source it is from, and whether it was on record."""

    source: str
    answer: SourceResponseT = field(repr=False)
    reused: bool


class DataSourceGateway:
    """Queries third parties on behalf of activities; one a process.

    `now` gives business dates and the age of answers, `clock` (seconds) the breakers, `lease` is
    longer than any call may take. The rate limits of sources go by the database's clock.
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
        """Return for how long an attempt may be on its way: slot, call, and record of its end."""
        return _MAX_SLOT_WAIT + timedelta(seconds=CONNECT_SECONDS + timeout_seconds) + _MARGIN

    async def query(
        self, request: SourceRequest[SourceResponseT], subject: Subject, *, only: str | None = None
    ) -> SourceResponse[SourceResponseT]:
        """Return the first conclusive answer.

        `only` names the one source that can know, such as the one where an import was begun. Raises
        ConsentMissing before any call, ProviderRejected when a source refuses this request, and
        ProviderUnavailable when no source could say; its `retry_after` is when the first of them
        may be worth asking again, its `said` what the last one gave as its reason that answered.
        """
        failures: list[ProviderUnavailable] = []
        for source in await self._able(request, only):
            try:
                return await self._response_of(source, request, subject)
            except ProviderUnavailable as error:
                _log.info("enquiry_unanswered", source=source.content.name, code=error.code)
                failures.append(error)
        raise _together(failures)

    async def query_all(
        self, request: SourceRequest[SourceResponseT], subject: Subject, *, may_miss: int = 0
    ) -> tuple[SourceResponse[SourceResponseT], ...]:
        """Ask every enabled source at once and return their answers in the sources' order.

        Raises as `query`, ProviderUnavailable when more than `may_miss` sources, or all of them,
        could not say.
        """
        sources = await self._able(request)
        results = await asyncio.gather(
            *(self._response_of(source, request, subject) for source in sources),
            return_exceptions=True,
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
        self, request: SourceRequest[SourceResponseT], only: str | None = None
    ) -> tuple[Agreed[DataSource], ...]:
        """Return whom to ask; raises CannotSay when nobody at all knows the person's document."""
        capability = request.capability
        in_force = await self._database.all_in_force(SOURCE)
        able = [one for one in in_force if one.content.capability is capability]
        knowing = [one for one in able if one.content.knows(request.about)]
        if able and not knowing:
            enquiry_metrics.enquiry_ended(capability, DOCUMENT_NOT_SUPPORTED)
            raise CannotSay(capability, DOCUMENT_NOT_SUPPORTED, said=DOCUMENT_NOT_SUPPORTED)
        suspended = await self._database.suspended(Suspendable.SOURCE)
        sources = tuple(
            source
            for source in asked_in_order(knowing, capability)
            if only in (None, source.content.name) and source.content.name not in suspended
        )
        if not sources:
            enquiry_metrics.enquiry_ended(capability, "switched_off")
            raise ProviderUnavailable(capability, "switched_off", RETRY_AFTER_LIMIT)
        return sources

    async def _response_of(
        self,
        agreed: Agreed[DataSource],
        request: SourceRequest[SourceResponseT],
        subject: Subject,
    ) -> SourceResponse[SourceResponseT]:
        """Return one source's answer; raises ProviderUnavailable when it is not conclusive."""
        source = agreed.content
        if not request.billable:
            source = source.model_copy(update={"cost": 0})
        breaker = self._breaker(source)
        attempt = self._attempt(source, agreed.ref, request, subject)
        begun = await self._begin(source, breaker, request, attempt)
        if isinstance(begun, SourceResponse):
            return begun
        await asyncio.sleep(begun.wait.total_seconds())
        started = time.monotonic()
        failure: ProviderError
        try:
            with breaker.attempt():
                answer = await self._providers.call(
                    request, request_id=subject.request_id, source=source.name
                )
        except ProviderError as error:
            failure = error
        except Exception:
            await self._finish(source, begun, Completion("lost", "internal_error", 0, source.cost))
            raise
        else:
            assessment = answer.assessment
            ending = self._answered(source, answer, assessment, _milliseconds(started))
            await self._finish(source, begun, ending, counted_as=assessment.counted_as)
            if not assessment.is_conclusive:
                raise _inconclusive(source, assessment)
            return SourceResponse(source.name, answer, reused=False)
        await self._finish(source, begun, _failed(source, failure, _milliseconds(started)))
        raise _as_of_source(source, failure)

    async def _begin(
        self,
        source: DataSource,
        breaker: Breaker,
        request: SourceRequest[SourceResponseT],
        attempt: Attempt,
    ) -> Ask | SourceResponse[SourceResponseT]:
        """Return the right to ask or the answer on record; waits for an equal request."""
        reuse = True
        pause = _MIN_POLL_SECONDS
        deadline = time.monotonic() + _MAX_SECONDS_FOR_EQUAL_QUERY
        while True:
            wait = breaker.wait()
            begun = await self._look(attempt, may_ask=wait is None, reuse=reuse)
            match begun:
                case Ask():
                    self._used(source, begun.asked_today)
                    return begun
                case Known():
                    answer = _read(request, begun)
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
            if time.monotonic() > deadline:
                raise ProviderUnavailable(source.name, "asked_already", _SOON)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_POLL_SECONDS)

    async def _look(
        self,
        attempt: Attempt,
        *,
        may_ask: bool,
        reuse: bool,
    ) -> Ask | Known | NotNow:
        async with self._database.autocommit() as tx:
            try:
                return await EnquiryRepository(tx).begin(attempt, may_ask=may_ask, reuse=reuse)
            except KeyringError:
                # Encrypted by a key that is gone: as good as forgotten.
                return await EnquiryRepository(tx).begin(attempt, may_ask=may_ask, reuse=False)

    def _attempt(
        self,
        source: DataSource,
        ref: DefinitionRef,
        request: SourceRequest[SourceResponseT],
        subject: Subject,
    ) -> Attempt:
        now = self._now()
        return Attempt(
            source=source.name,
            definition=str(ref),
            capability=request.capability,
            operation=request.operation,
            request_id=subject.request_id,
            applicant_id=subject.applicant_id,
            application_id=subject.application_id,
            # What the source needs and what the request is for: the latter is recorded.
            purposes=tuple(
                dict.fromkeys(one for one in (source.consent, subject.purpose) if one is not None)
            ),
            input=f"{request.operation}:{request.model_dump_json()}",
            asked=masked(request),
            at=now,
            business_date=business_date(now, source.zone),
            quota=source.daily_quota,
            currency=source.currency,
            lost_cost=source.cost,
            lease=self._lease,
            gap=source.gap,
            max_slot_wait=_MAX_SLOT_WAIT,
        )

    def _answered(
        self,
        source: DataSource,
        answer: SourceResponseT,
        assessment: Assessment,
        milliseconds: int,
    ) -> Completion:
        match = assessment.verdict is Verdict.MATCH
        cached = assessment.is_conclusive and assessment.cacheable
        return Completion(
            outcome=assessment.verdict.value,
            code=assessment.code,
            milliseconds=milliseconds,
            cost=source.charge(reached=True, answered=True, match=match),
            answered=masked(answer),
            answer=answer.model_dump_json() if cached else None,
            valid_until=self._now() + source.valid_for(match=match) if cached else None,
        )

    async def _finish(
        self, source: DataSource, begun: Ask, ending: Completion, *, counted_as: str | None = None
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


def _read(request: SourceRequest[SourceResponseT], known: Known) -> SourceResponseT | None:
    """Return a recorded answer, None if it is of a form that is no longer understood."""
    try:
        return request.response_type().model_validate_json(known.answer)
    except ValidationError:
        return None


def _failed(source: DataSource, failure: ProviderError, milliseconds: int) -> Completion:
    reached = not isinstance(failure, NotSent) and failure.code != _NEVER_ARRIVED
    outcome: Outcome = "rejected" if isinstance(failure, ProviderRejected) else "unavailable"
    return Completion(
        outcome=outcome if reached else "unsent",
        code=failure.code,
        milliseconds=milliseconds,
        cost=source.charge(reached=reached, answered=False, match=False),
    )


def _as_of_source(source: DataSource, failure: ProviderError) -> ProviderError:
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
    code = assessment.code or "no_answer"
    error = ProviderUnavailable if code in _TEMPORARY else CannotSay
    return error(source.name, code, said=code)


def _together(failures: list[ProviderUnavailable]) -> ProviderUnavailable:
    """Return the last failure with the soonest of the waits, none when one knows of none.

    It is final only when all are.
    """
    temporary = [failure for failure in failures if not isinstance(failure, CannotSay)]
    if not temporary:
        return failures[-1]
    said = next((failure.said for failure in reversed(failures) if failure.said), None)
    waits = [failure.retry_after for failure in temporary if failure.retry_after is not None]
    last = temporary[-1]
    soonest = min(waits) if len(waits) == len(temporary) else None
    return ProviderUnavailable(last.provider, last.code, soonest, said)


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
