"""What a decision may read: the sources asked side by side, and what their answers come to.

The bureaus decide, so a decision waits for them. Any other source that cannot say now, is switched
off, or may not be asked leaves its fact missing: a person then decides, as the policy says.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import structlog
from providers.sources.blacklist import BlacklistReport, BlacklistRequest
from providers.sources.bureau import BureauReport, BureauRequest
from providers.sources.fireeye_answers import ModelScore
from providers.sources.multi_lender import MultiLenderReport, MultiLenderRequest
from pydantic import BaseModel

from activities.common.refusals import known
from activities.sources.enquiries import (
    Assessment,
    DataSourceGateway,
    Question,
    SourceResponse,
    Subject,
    assess,
)
from domain.decisioning.bureau_merge import BureauFile, MergedBureaus, merge_bureaus
from domain.decisioning.decision import Facts, age_on
from domain.decisioning.policy import Lending
from domain.people.consents import ConsentMissing
from domain.sources import Capability
from domain.verification.elements import identity_birth_date
from providers.http.errors import ProviderError, ProviderUnavailable
from providers.http.verdict import Verdict
from providers.sources.fireeye_requests import ScoreQuery
from storage.people.applicants import Personal

A = TypeVar("A", bound=BaseModel)

_log = structlog.stdlib.get_logger(__name__)

_NO_FILE: Final = "no_file"
_NO_CONSENT: Final = "no_consent"
_NOT_VERIFIED: Final = "not_verified"
_NOT_WANTED: Final = "not_wanted"
_SWITCHED_OFF: Final = "switched_off"

_NOTHING_TRIED: Final = frozenset({"asked_already", "throttled"})
"""Codes that say nothing of a source: we kept ourselves from asking, for a few seconds."""

_MAY_PASS: Final = frozenset(
    {"connect_failed", "connection_lost", "server_error", "processing_error"}
)
_PAUSES: Final = (timedelta(seconds=0.2), timedelta(seconds=0.8))
_LONGEST_ASKING: Final = timedelta(seconds=6)
"""After this a question is not repeated: the last call has to end within the activity's time."""


@dataclass(frozen=True)
class Missing:
    """Why a fact is not known, as a code."""

    code: str


@dataclass(frozen=True, repr=False)
class Findings:
    """What the sources said of one applicant, by what they were asked for. Holds personal data."""

    identity_number: str
    asked: frozenset[Capability]
    bureaus: tuple[SourceResponse[BureauReport], ...]
    blacklist: SourceResponse[BlacklistReport] | Missing
    multi_lender: SourceResponse[MultiLenderReport] | Missing
    model_score: SourceResponse[ModelScore] | Missing

    def facts(self) -> Facts:
        """Return what the policy reads."""
        merged = self._merged()
        report, counts, score = self.blacklist, self.multi_lender, self.model_score
        return Facts(
            birth_date=identity_birth_date(self.identity_number),
            score=merged.score,
            blacklisted=merged.blacklisted,
            lenders_queried_30d=merged.lenders_queried_30d,
            listed=None if isinstance(report, Missing) else _listed(report.answer),
            lending=None if isinstance(counts, Missing) else _lending(counts.answer),
            model_score=None if isinstance(score, Missing) else score.answer.score,
            asked=self.asked,
        )

    def read(self, on: date) -> dict[str, Any]:
        """Return the facts for the record, with the age in place of the birth date."""
        facts, merged = self.facts(), self._merged()
        return {
            "age": age_on(facts.birth_date, on) if facts.birth_date else None,
            "score": facts.score,
            "blacklisted": facts.blacklisted,
            "lenders_queried_30d": facts.lenders_queried_30d,
            "overdue_history": merged.overdue_history,
            "score_spread": merged.score_spread,
            "bureaus": {
                one.source: {"verdict": one.answer.verdict, "reasons": list(one.answer.reasons)}
                for one in self.bureaus
            },
            "listed": None if facts.listed is None else list(facts.listed),
            "lending": None if facts.lending is None else facts.lending.model_dump(),
            "model_score": facts.model_score,
            "sources": self._sources(),
        }

    def _merged(self) -> MergedBureaus:
        files = {one.source: _file(one.answer) for one in self.bureaus}
        return merge_bureaus(files or {Capability.BUREAU: None})

    def _sources(self) -> dict[str, dict[str, str]]:
        """Return, of each source but the bureaus, who answered or why nobody did."""
        heard: dict[Capability, SourceResponse[Any] | Missing] = {
            Capability.BLACKLIST: self.blacklist,
            Capability.MULTI_LENDER: self.multi_lender,
            Capability.MODEL_SCORE: self.model_score,
        }
        return {
            capability: (
                {"missing": one.code} if isinstance(one, Missing) else {"source": one.source}
            )
            for capability, one in heard.items()
            if capability in self.asked
        }


@dataclass(frozen=True, repr=False)
class Inquiry:
    """Asks about one applicant for one application. Holds personal data."""

    gateway: DataSourceGateway
    subject: Subject
    personal: Personal

    async def ask(self, wanted: Sequence[Capability]) -> Findings:
        """Ask for everything that is `wanted`, all at once.

        Raises ProviderUnavailable while a bureau cannot say, or when a question could not be put
        just now; ProviderRejected when a bureau refuses this one.
        """
        asked = frozenset(wanted)
        bureau = self._bureau() if Capability.BUREAU in asked else None
        bureaus = asyncio.create_task(self._bureaus(bureau))
        blacklist = asyncio.create_task(self._fact(asked, self._blacklist()))
        multi_lender = asyncio.create_task(self._fact(asked, self._multi_lender()))
        model_score = asyncio.create_task(self._fact(asked, self._model_score()))
        # A call that is on its way is never given up because another one failed: its answer is paid
        # for, and stands for the next attempt.
        await asyncio.gather(bureaus, blacklist, multi_lender, model_score, return_exceptions=True)
        return Findings(
            known(self.personal.identity_number, "identity number"),
            asked,
            bureaus.result(),
            blacklist.result(),
            multi_lender.result(),
            model_score.result(),
        )

    async def _bureaus(
        self, question: Question[BureauReport] | None
    ) -> tuple[SourceResponse[BureauReport], ...]:
        """Ask every bureau at once; a decision waits until all of them have answered.

        An applicant who took the consent back since submitting leaves them unasked: their facts
        are missing then, and a person decides.
        """
        if question is None:
            return ()
        try:
            return await self.gateway.query_all(question, self.subject)
        except ConsentMissing:
            return ()
        except ProviderUnavailable as error:
            if error.code != _SWITCHED_OFF:
                raise
            return ()

    async def _fact(
        self, asked: frozenset[Capability], question: Question[A] | None
    ) -> SourceResponse[A] | Missing:
        """Ask for one fact; it is missing when the question cannot be put or is not answered."""
        if question is None:
            return Missing(_NOT_VERIFIED)
        if question.capability not in asked:
            return Missing(_NOT_WANTED)
        try:
            return await _patiently(lambda: self.gateway.query(question, self.subject))
        except ConsentMissing:
            return Missing(_NO_CONSENT)
        except ProviderError as error:
            if error.code in _NOTHING_TRIED:
                raise
            _log.warning("fact_missing", capability=question.capability, code=error.code)
            return Missing(error.code)

    def _bureau(self) -> Question[BureauReport]:
        request = BureauRequest(
            name=known(self.personal.name, "name"),
            identity_number=known(self.personal.identity_number, "identity number"),
            mobile=known(self.personal.mobile, "mobile"),
        )
        return Question(
            Capability.BUREAU,
            "score",
            request,
            BureauReport,
            lambda third: third.bureau.score(
                request_id=self.subject.request_id,
                name=request.name,
                identity_number=request.identity_number,
                mobile=request.mobile,
            ),
            _judged_report,
        )

    def _blacklist(self) -> Question[BlacklistReport] | None:
        name, identity_number, mobile = self._person()
        if name is None or identity_number is None or mobile is None:
            return None
        return Question(
            Capability.BLACKLIST,
            "check",
            BlacklistRequest(name=name, identity_number=identity_number, mobile=mobile),
            BlacklistReport,
            lambda third: third.blacklist.check(
                request_id=self.subject.request_id,
                name=name,
                identity_number=identity_number,
                mobile=mobile,
            ),
        )

    def _multi_lender(self) -> Question[MultiLenderReport] | None:
        name, identity_number, mobile = self._person()
        if name is None or identity_number is None or mobile is None:
            return None
        return Question(
            Capability.MULTI_LENDER,
            "query",
            MultiLenderRequest(name=name, identity_number=identity_number, mobile=mobile),
            MultiLenderReport,
            lambda third: third.multi_lender.query(
                request_id=self.subject.request_id,
                name=name,
                identity_number=identity_number,
                mobile=mobile,
            ),
        )

    def _model_score(self) -> Question[ModelScore] | None:
        """Return the question, None unless all three that a score belongs to are verified."""
        card_number = self.personal.bank_card
        _, identity_number, mobile = self._person()
        if card_number is None or identity_number is None or mobile is None:
            return None
        query = ScoreQuery(card_number=card_number, identity_number=identity_number, mobile=mobile)
        return Question(
            Capability.MODEL_SCORE,
            "model_score",
            query,
            ModelScore,
            lambda third: third.fireeye.model_score(
                request_id=self.subject.request_id, query=query
            ),
            _judged_score,
        )

    def _person(self) -> tuple[str | None, str | None, str | None]:
        return self.personal.name, self.personal.identity_number, self.personal.mobile


async def _patiently(ask: Callable[[], Awaitable[SourceResponse[A]]]) -> SourceResponse[A]:
    """Ask again, at most twice, what may pass; raises as the last time."""
    started = time.monotonic()
    for pause in _PAUSES:
        try:
            return await ask()
        except ProviderUnavailable as error:
            elapsed = timedelta(seconds=time.monotonic() - started)
            wish = error.retry_after or pause
            if error.code not in _MAY_PASS or wish > pause or elapsed > _LONGEST_ASKING:
                raise
        await asyncio.sleep(pause.total_seconds())
    return await ask()


def _judged_report(report: BureauReport) -> Assessment:
    """Return what a report amounts to.

    A person without a file will not get one by asking again; anything else may pass.
    """
    judged = assess(report)
    return replace(judged, is_conclusive=True) if _NO_FILE in report.reasons else judged


def _judged_score(score: ModelScore) -> Assessment:
    """Return what a score amounts to: that somebody is not known is an answer, and billed."""
    if score.found:
        return Assessment(Verdict.MATCH, None, is_conclusive=True)
    return Assessment(Verdict.MISMATCH, "not_found", is_conclusive=True)


def _file(report: BureauReport) -> BureauFile | None:
    """Return what a bureau knows, None without a file or with another person's."""
    return BureauFile.model_validate(report.model_dump()) if report.passed else None


def _listed(report: BlacklistReport) -> tuple[str, ...] | None:
    """Return the kinds of entry, None if the lists know the number as another person's."""
    return tuple(sorted(set(report.categories))) if report.passed else None


def _lending(report: MultiLenderReport) -> Lending | None:
    """Return the counts, None if they are another person's."""
    return Lending.model_validate(report.facts()) if report.passed else None
