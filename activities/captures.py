"""Sources that fetch an element in steps, behind one form; an adapter for each provider.

A capture is begun under the element's own id, so that a repeat begins nothing anew and a notice
finds its element even when the answer to `begin` was lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Protocol

from activities.element_checks import Finding
from domain import elements
from domain.elements import Element, ElementKind, RealName, Verdict
from providers import ecommerce, online_banking, operator_document
from providers.capture import Authorisation, Begun, CodeStatus, ReportState, ReportStatus
from providers.ecommerce import Ecommerce
from providers.errors import ProviderRejected, ProviderUnavailable
from providers.online_banking import OnlineBanking
from providers.operator_report import OperatorReport
from providers.registry import Providers
from providers.verdict import Verdict as Answered


class CaptureStep(StrEnum):
    """What a source says of a capture. `WRONG_CODE`: another one may be entered."""

    AWAITING_CODE = "awaiting_code"
    WRONG_CODE = "wrong_code"
    PENDING = "pending"
    DONE = "done"
    ENDED = "ended"


@dataclass(frozen=True, repr=False)
class CaptureCase:
    """One element to be captured, with what its source needs. Holds personal data.

    `reference` is the source's own name for the capture, None before it has given one.
    """

    element_id: str
    applicant_id: str
    consent_id: str
    data: Element
    real_name: RealName
    reference: str | None
    today: date


@dataclass(frozen=True)
class CaptureAnswer:
    """What a source said: `finding` comes with DONE and only then, `reason` with ENDED.

    `ask_again_after` is the source's wish while it is pending; `authorise_url` is its own page on
    which the applicant is to agree.
    """

    step: CaptureStep
    reference: str | None = None
    authorise_url: str | None = field(default=None, repr=False)
    finding: Finding | None = None
    reason: str | None = None
    ask_again_after: timedelta | None = None


class CaptureSource(Protocol):
    """A source. Being down is `ProviderUnavailable`, which is tried again, never an answer."""

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """Begin the capture of `case.element_id`; a repeat begins nothing and answers the same."""

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """Pass on the code that the applicant entered; one `request_id` is one try."""

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """Say how far the capture is."""


CaptureSources = Mapping[ElementKind, CaptureSource]


@dataclass(frozen=True)
class OperatorReports:
    """Reports of mobile accounts: a code is texted to the applicant, the report follows."""

    provider: OperatorReport

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin."""
        assert isinstance(case.data, elements.OperatorReport)  # noqa: S101 -- chosen by the kind
        begun = await self.provider.begin(
            capture_no=case.element_id,
            consent_id=case.consent_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            mobile=case.data.mobile,
        )
        return _not_begun("operator_report", begun) or CaptureAnswer(
            CaptureStep.AWAITING_CODE, reference=begun.reference
        )

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """See CaptureSource.confirm."""
        confirmed = await self.provider.confirm(
            request_id=request_id,
            capture_no=case.element_id,
            reference=case.reference or "",
            code=code,
        )
        match confirmed.status:
            case CodeStatus.ACCEPTED:
                return CaptureAnswer(CaptureStep.PENDING)
            case CodeStatus.EXPIRED:
                return CaptureAnswer(CaptureStep.ENDED, reason="code_expired")
            case CodeStatus.WRONG_CODE:
                if not confirmed.tries_left:
                    return CaptureAnswer(CaptureStep.ENDED, reason="too_many_codes")
                return CaptureAnswer(CaptureStep.WRONG_CODE)

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.poll."""
        state = await self.provider.report(
            capture_no=case.element_id, reference=case.reference or ""
        )
        if state.document is None:
            return _not_done(state)
        facts = operator_document.facts_of(state.document)
        reason = None
        if not facts.real_name:
            reason = "not_real_name"
        elif not facts.identity_matches:
            reason = "identity_mismatch"
        elif not facts.name_matches:
            reason = "name_mismatch"
        return _done("operator_report", reason, facts.model_dump(mode="json"))


@dataclass(frozen=True)
class BankingImports:
    """Credit-card statements: the applicant agrees on the bank's own page."""

    provider: OnlineBanking

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin."""
        assert isinstance(case.data, elements.OnlineBanking)  # noqa: S101 -- chosen by the kind
        begun = await self.provider.begin(
            capture_no=case.element_id,
            consent_id=case.consent_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            bank_code=case.data.bank_code,
        )
        return _not_begun("online_banking", begun) or _to_be_authorised(begun)

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """Refuse: this source sends no code."""
        raise ProviderRejected("online_banking", "no_code_expected")

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.poll."""
        state = await self.provider.report(
            capture_no=case.element_id, reference=case.reference or ""
        )
        if state.document is None:
            return _not_done(state)
        facts = online_banking.facts_of(state.document)
        return _done("online_banking", None, facts.model_dump(mode="json"))


@dataclass(frozen=True)
class EcommerceImports:
    """Orders at a platform: the applicant agrees on the platform's own page."""

    provider: Ecommerce

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin."""
        assert isinstance(case.data, elements.Ecommerce)  # noqa: S101 -- chosen by the kind
        begun = await self.provider.begin(
            capture_no=case.element_id,
            consent_id=case.consent_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            platform=case.data.platform,
        )
        return _not_begun("ecommerce", begun) or _to_be_authorised(begun)

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """Refuse: this source sends no code."""
        raise ProviderRejected("ecommerce", "no_code_expected")

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.poll."""
        state = await self.provider.report(
            capture_no=case.element_id, reference=case.reference or ""
        )
        if state.document is None:
            return _not_done(state)
        facts = ecommerce.facts_of(state.document)
        return _done("ecommerce", None, facts.model_dump(mode="json"))


def capture_sources(providers: Providers) -> CaptureSources:
    """Return the source of every captured kind."""
    return {
        ElementKind.OPERATOR_REPORT: OperatorReports(providers.operator_report),
        ElementKind.ONLINE_BANKING: BankingImports(providers.online_banking),
        ElementKind.ECOMMERCE: EcommerceImports(providers.ecommerce),
    }


def _not_begun(provider: str, begun: Begun) -> CaptureAnswer | None:
    if begun.verdict is Answered.UNAVAILABLE:
        raise ProviderUnavailable(provider, begun.reasons[0])
    if begun.verdict is Answered.MISMATCH:
        return _done(provider, begun.reasons[0], {"reasons": list(begun.reasons)})
    return None


def _to_be_authorised(begun: Authorisation) -> CaptureAnswer:
    return CaptureAnswer(
        CaptureStep.PENDING, reference=begun.reference, authorise_url=begun.authorise_url
    )


def _not_done(state: ReportState) -> CaptureAnswer:
    if state.status is ReportStatus.FAILED:
        return CaptureAnswer(CaptureStep.ENDED, reason=state.reason)
    wish = state.retry_after_seconds
    return CaptureAnswer(
        CaptureStep.PENDING, ask_again_after=timedelta(seconds=wish) if wish else None
    )


def _done(provider: str, reason: str | None, facts: Mapping[str, Any]) -> CaptureAnswer:
    verdict = Verdict.MATCH if reason is None else Verdict.MISMATCH
    return CaptureAnswer(CaptureStep.DONE, finding=Finding(provider, verdict, reason, facts))
