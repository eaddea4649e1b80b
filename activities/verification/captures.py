"""Sources that fetch an element in steps: an adapter for each kind."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from activities.sources.enquiries import Assessment, DataSourceGateway, Question, SourceResponse
from activities.verification.capture_steps import (
    TOO_MANY_CODES,
    CaptureAnswer,
    CaptureCase,
    CaptureSource,
    CaptureStep,
    done,
    fields_of,
    judge_code,
    not_begun,
)
from activities.verification.card_bindings import CardBindings
from domain.sources import Capability
from domain.verification import elements
from domain.verification.elements import ElementKind
from providers.http.errors import ProviderRejected
from providers.http.verdict import Verdict as Answered
from providers.registry import Providers
from providers.verification import ecommerce, online_banking, operator_document
from providers.verification.capture import (
    Authorisation,
    Begun,
    CodeEntry,
    CodeStatus,
    Confirmation,
    ReportQuery,
    ReportState,
    ReportStatus,
)
from providers.verification.ecommerce import EcommerceFacts, EcommerceRequest
from providers.verification.online_banking import BankingFacts, BankingRequest
from providers.verification.operator_document import OperatorFacts
from providers.verification.operator_report import OperatorReportRequest

CaptureSources = Mapping[ElementKind, CaptureSource]


class Reported(BaseModel):
    """How far a capture is. Of what was captured the facts go on, the document ends here."""

    model_config = ConfigDict(frozen=True)

    status: ReportStatus
    reason: str | None = None
    retry_after_seconds: int | None = None
    facts: OperatorFacts | BankingFacts | EcommerceFacts | None = None


@dataclass(frozen=True)
class OperatorReports:
    """Reports of mobile accounts: a code is texted to the applicant, the report follows."""

    gateway: DataSourceGateway

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin."""
        assert isinstance(case.data, elements.OperatorReport)  # noqa: S101 -- chosen by the kind
        request = OperatorReportRequest(
            capture_no=case.element_id,
            consent_id=case.consent_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            mobile=case.data.mobile,
        )
        question = Question(
            Capability.OPERATOR_REPORT,
            "begin",
            request,
            Begun,
            lambda third: third.operator_report.begin(**fields_of(request)),
        )
        response = await self.gateway.query(question, case.subject)
        return not_begun(response) or CaptureAnswer(
            CaptureStep.AWAITING_CODE, source=response.source, reference=response.answer.reference
        )

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """See CaptureSource.confirm."""
        entry = CodeEntry(capture_no=case.element_id, reference=case.reference or "", code=code)
        question = Question(
            Capability.OPERATOR_REPORT,
            "confirm",
            entry,
            Confirmation,
            lambda third: third.operator_report.confirm(request_id=request_id, **fields_of(entry)),
            judge_code,
            billable=False,
        )
        response = await self.gateway.query(
            question, replace(case.subject, request_id=request_id), only=case.source
        )
        match response.answer.status:
            case CodeStatus.ACCEPTED:
                return CaptureAnswer(CaptureStep.PENDING)
            case CodeStatus.EXPIRED:
                return CaptureAnswer(CaptureStep.ENDED, reason="code_expired")
            case CodeStatus.WRONG_CODE:
                if not response.answer.tries_left:
                    return CaptureAnswer(CaptureStep.ENDED, reason=TOO_MANY_CODES)
                return CaptureAnswer(CaptureStep.WRONG_CODE)

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.poll."""

        async def report(third: Providers) -> Reported:
            state = await third.operator_report.report(**fields_of(_query(case)))
            document = state.document
            return _report(
                state,
                operator_document.facts_of(document, case.emergency_mobiles) if document else None,
            )

        response = await self.gateway.query(
            _how_far(Capability.OPERATOR_REPORT, case, report), case.subject, only=case.source
        )
        facts = response.answer.facts
        reason = None
        if isinstance(facts, OperatorFacts):
            if not facts.real_name:
                reason = "not_real_name"
            elif not facts.identity_matches:
                reason = "identity_mismatch"
            elif not facts.name_matches:
                reason = "name_mismatch"
        return _progress(response, reason)


@dataclass(frozen=True)
class BankingImports:
    """Credit-card statements: the applicant agrees on the bank's own page."""

    gateway: DataSourceGateway

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin."""
        assert isinstance(case.data, elements.OnlineBanking)  # noqa: S101 -- chosen by the kind
        request = BankingRequest(
            capture_no=case.element_id,
            consent_id=case.consent_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            bank_code=case.data.bank_code,
        )
        question = Question(
            Capability.ONLINE_BANKING,
            "begin",
            request,
            Authorisation,
            lambda third: third.online_banking.begin(**fields_of(request)),
        )
        response = await self.gateway.query(question, case.subject)
        return not_begun(response) or _to_be_authorised(response)

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """Refuse: this source sends no code."""
        raise ProviderRejected("online_banking", "no_code_expected")

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.poll."""

        async def report(third: Providers) -> Reported:
            state = await third.online_banking.report(**fields_of(_query(case)))
            document = state.document
            return _report(state, online_banking.facts_of(document) if document else None)

        question = _how_far(Capability.ONLINE_BANKING, case, report)
        return _progress(await self.gateway.query(question, case.subject, only=case.source))


@dataclass(frozen=True)
class EcommerceImports:
    """Orders at a platform: the applicant agrees on the platform's own page."""

    gateway: DataSourceGateway

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.begin."""
        assert isinstance(case.data, elements.Ecommerce)  # noqa: S101 -- chosen by the kind
        request = EcommerceRequest(
            capture_no=case.element_id,
            consent_id=case.consent_id,
            name=case.real_name.name,
            identity_number=case.real_name.identity_number,
            platform=case.data.platform,
        )
        question = Question(
            Capability.ECOMMERCE,
            "begin",
            request,
            Authorisation,
            lambda third: third.ecommerce.begin(**fields_of(request)),
        )
        response = await self.gateway.query(question, case.subject)
        return not_begun(response) or _to_be_authorised(response)

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """Refuse: this source sends no code."""
        raise ProviderRejected("ecommerce", "no_code_expected")

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """See CaptureSource.poll."""

        async def report(third: Providers) -> Reported:
            state = await third.ecommerce.report(**fields_of(_query(case)))
            document = state.document
            return _report(state, ecommerce.facts_of(document) if document else None)

        question = _how_far(Capability.ECOMMERCE, case, report)
        return _progress(await self.gateway.query(question, case.subject, only=case.source))


def capture_sources(gateway: DataSourceGateway) -> CaptureSources:
    """Return the source of every kind that can be captured."""
    return {
        ElementKind.OPERATOR_REPORT: OperatorReports(gateway),
        ElementKind.ONLINE_BANKING: BankingImports(gateway),
        ElementKind.ECOMMERCE: EcommerceImports(gateway),
        ElementKind.BANK_CARD: CardBindings(gateway),
    }


def _query(case: CaptureCase) -> ReportQuery:
    return ReportQuery(capture_no=case.element_id, reference=case.reference or "")


def _how_far(
    capability: Capability, case: CaptureCase, report: Callable[[Providers], Awaitable[Reported]]
) -> Question[Reported]:
    return Question(
        capability, "report", _query(case), Reported, report, _judge_report, billable=False
    )


def _judge_report(answer: Reported) -> Assessment:
    """Return how far a capture is: an answer in any case, and never the next time's."""
    found = answer.status is ReportStatus.DONE
    verdict = Answered.MATCH if found else Answered.UNAVAILABLE
    return Assessment(verdict, answer.reason, is_conclusive=True, cacheable=False)


def _report(
    state: ReportState, facts: OperatorFacts | BankingFacts | EcommerceFacts | None
) -> Reported:
    return Reported(
        status=state.status,
        reason=state.reason,
        retry_after_seconds=state.retry_after_seconds,
        facts=facts,
    )


def _to_be_authorised(response: SourceResponse[Authorisation]) -> CaptureAnswer:
    return CaptureAnswer(
        CaptureStep.PENDING,
        source=response.source,
        reference=response.answer.reference,
        authorise_url=response.answer.authorise_url,
    )


def _progress(response: SourceResponse[Reported], reason: str | None = None) -> CaptureAnswer:
    """Return how far a capture is; a finished one is a mismatch for `reason`, else a match."""
    reported = response.answer
    if reported.facts is not None:
        return done(response.source, reason, reported.facts.model_dump(mode="json"))
    if reported.status is ReportStatus.FAILED:
        return CaptureAnswer(CaptureStep.ENDED, reason=reported.reason)
    wish = reported.retry_after_seconds
    return CaptureAnswer(
        CaptureStep.PENDING, ask_again_after=timedelta(seconds=wish) if wish else None
    )
