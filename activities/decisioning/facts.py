"""What a decision may read: the sources asked side by side, and what their answers come to.

The bureaus decide, so a decision waits for them. Any other source that cannot say now, is switched
off, or may not be asked leaves its fact missing: a person then decides, as the policy says.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import structlog

from activities.common.refusals import known
from activities.decisioning.fact_set import source_facts
from activities.sources.enquiries import DataSourceGateway, SourceResponse, Subject
from domain.decisioning.bureau_merge import BureauFile, MergedBureaus, merge_bureaus
from domain.decisioning.decision import Facts, Lending
from domain.people.consents import ConsentMissing
from domain.people.identity_documents import DOCUMENT_NOT_SUPPORTED, birth_date_in
from domain.sources import Capability
from providers.http.errors import ProviderError, ProviderUnavailable
from providers.http.requests import SourceRequest, SourceResponseT
from providers.sources.credit_history import (
    BlacklistReport,
    BlacklistRequest,
    BureauReport,
    BureauRequest,
    MultiLenderReport,
    MultiLenderRequest,
)
from providers.sources.fireeye_requests import ScoreQuery
from providers.sources.fireeye_responses import ModelScore
from storage.people.applicants import Personal

_log = structlog.stdlib.get_logger(__name__)

_NO_CONSENT: Final = "no_consent"
_NOT_VERIFIED: Final = "not_verified"
_NOT_WANTED: Final = "not_wanted"
_NOBODY_TO_ASK: Final = frozenset({"switched_off", DOCUMENT_NOT_SUPPORTED})
"""Codes of a capability for which there is no source, or none for the person's document."""

_NOTHING_TRIED: Final = frozenset({"asked_already", "throttled"})
"""Codes that say nothing of a source: we kept ourselves from asking, for a few seconds."""

_MAY_PASS: Final = frozenset(
    {"connect_failed", "connection_lost", "server_error", "processing_error"}
)
_PAUSES: Final = (timedelta(seconds=0.2), timedelta(seconds=0.8))
_MAX_TIME_TO_REPEAT: Final = timedelta(seconds=6)
"""After this a request is not repeated: the last call has to end within the activity's time."""


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

    def facts(self, on: date) -> Facts:
        """Return what the policy reads on a business date."""
        merged = self._merged()
        report, counts, score = self.blacklist, self.multi_lender, self.model_score
        return Facts(
            birth_date=birth_date_in(self.identity_number, on),
            score=merged.score,
            blacklisted=merged.blacklisted,
            lenders_queried_30d=merged.lenders_queried_30d,
            listed=None if isinstance(report, Missing) else _listed(report.answer),
            lending=None if isinstance(counts, Missing) else _lending(counts.answer),
            model_score=None if isinstance(score, Missing) else score.answer.score,
            asked=self.asked,
        )

    def fact_set(self, on: date) -> dict[str, Any]:
        """Return the same by the names of the catalogue."""
        merged = self._merged()
        return source_facts(self.facts(on), merged.overdue_history, merged.score_spread)

    def read(self) -> dict[str, Any]:
        """Return who answered, for the record."""
        return {
            "bureaus": {
                one.source: {"verdict": one.answer.verdict, "reasons": list(one.answer.reasons)}
                for one in self.bureaus
            },
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

        Raises ProviderUnavailable while a bureau cannot say, or when a request could not be made
        just now; ProviderRejected when a bureau refuses this one.
        """
        asked = frozenset(wanted)
        who = self._three_factors()
        bureau = self._bureau() if Capability.BUREAU in asked else None
        bureaus = asyncio.create_task(self._bureaus(bureau))
        blacklist = asyncio.create_task(self._fact(asked, BlacklistRequest(**who) if who else None))
        multi_lender = asyncio.create_task(
            self._fact(asked, MultiLenderRequest(**who) if who else None)
        )
        model_score = asyncio.create_task(self._fact(asked, self._model_score()))
        # A call that is on its way is never given up because another one failed: what it
        # returns is paid for, and is valid for the next attempt.
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
        self, request: BureauRequest | None
    ) -> tuple[SourceResponse[BureauReport], ...]:
        """Ask every bureau at once; a decision waits until all of them have answered.

        An applicant who took the consent back since submitting leaves them unasked: their facts
        are missing then, and a person decides.
        """
        if request is None:
            return ()
        try:
            return await self.gateway.query_all(request, self.subject)
        except ConsentMissing:
            return ()
        except ProviderUnavailable as error:
            if error.code not in _NOBODY_TO_ASK:
                raise
            return ()

    async def _fact(
        self, asked: frozenset[Capability], request: SourceRequest[SourceResponseT] | None
    ) -> SourceResponse[SourceResponseT] | Missing:
        """Ask for one fact; it is missing when the request cannot be made or is not answered."""
        if request is None:
            return Missing(_NOT_VERIFIED)
        if request.capability not in asked:
            return Missing(_NOT_WANTED)
        try:
            return await self._repeated(request)
        except ConsentMissing:
            return Missing(_NO_CONSENT)
        except ProviderError as error:
            if error.code in _NOTHING_TRIED:
                raise
            _log.warning("fact_missing", capability=request.capability, code=error.code)
            return Missing(error.code)

    async def _repeated(
        self, request: SourceRequest[SourceResponseT]
    ) -> SourceResponse[SourceResponseT]:
        """Ask again, at most twice, where a failure may pass; raises as the last time."""
        started = time.monotonic()
        for pause in _PAUSES:
            try:
                return await self.gateway.query(request, self.subject)
            except ProviderUnavailable as error:
                elapsed = timedelta(seconds=time.monotonic() - started)
                wish = error.retry_after or pause
                if error.code not in _MAY_PASS or wish > pause or elapsed > _MAX_TIME_TO_REPEAT:
                    raise
            await asyncio.sleep(pause.total_seconds())
        return await self.gateway.query(request, self.subject)

    def _bureau(self) -> BureauRequest:
        """Return the request; raises PersonalDataMissing for an applicant who is not verified."""
        return BureauRequest(
            name=known(self.personal.name, "name"),
            identity_number=known(self.personal.identity_number, "identity number"),
            mobile=known(self.personal.mobile, "mobile"),
        )

    def _three_factors(self) -> dict[str, str] | None:
        """Return by what a person is looked up, None unless all of it is verified."""
        of = self.personal
        if of.name is None or of.identity_number is None or of.mobile is None:
            return None
        return {"name": of.name, "identity_number": of.identity_number, "mobile": of.mobile}

    def _model_score(self) -> ScoreQuery | None:
        """Return the request, None unless all three that a score belongs to are verified."""
        of = self.personal
        if of.bank_card is None or of.identity_number is None or of.mobile is None:
            return None
        return ScoreQuery(
            card_number=of.bank_card, identity_number=of.identity_number, mobile=of.mobile
        )


def _file(report: BureauReport) -> BureauFile | None:
    """Return what a bureau knows, None without a file or with another person's."""
    return BureauFile.model_validate(report.model_dump()) if report.passed else None


def _listed(report: BlacklistReport) -> tuple[str, ...] | None:
    """Return the kinds of entry, None if the lists know the number as another person's."""
    return tuple(sorted(set(report.categories))) if report.passed else None


def _lending(report: MultiLenderReport) -> Lending | None:
    """Return the counts, None if they are another person's."""
    return Lending.model_validate(report.facts()) if report.passed else None
