"""Sources that fetch an element in steps: an adapter for each kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from activities.sources.enquiries import DataSourceGateway, SourceResponse
from activities.verification.card_bindings import CardBindings
from activities.verification.data_import_steps import (
    DataImportCase,
    DataImportResponse,
    DataImportSource,
    DataImportStep,
    after_code,
    done,
    not_begun,
)
from domain.verification import elements
from domain.verification.elements import ElementKind
from providers.http.errors import ProviderRejected
from providers.verification.bank_flows import FlowsReportQuery, FlowsRequest
from providers.verification.bureau_report import BureauReportQuery, BureauReportRequest
from providers.verification.data_import import (
    Authorisation,
    BeginRequest,
    CodeEntry,
    Report,
    ReportQuery,
    ReportStatus,
)
from providers.verification.ecommerce import EcommerceReportQuery, EcommerceRequest
from providers.verification.online_banking import BankingReportQuery, BankingRequest
from providers.verification.operator_report import OperatorReportQuery, OperatorReportRequest

DataImportSources = Mapping[ElementKind, DataImportSource]


@dataclass(frozen=True)
class OperatorReports:
    """Reports of mobile accounts: a code is texted to the applicant, the report follows."""

    gateway: DataSourceGateway

    async def begin(self, case: DataImportCase) -> DataImportResponse:
        """See DataImportSource.begin."""
        mobile = case.given(elements.OperatorReport).mobile
        request = OperatorReportRequest(**_whose(case), mobile=mobile)
        response = await self.gateway.query(request, case.subject)
        return not_begun(response) or DataImportResponse(
            DataImportStep.AWAITING_CODE,
            source=response.source,
            reference=response.answer.reference,
        )

    async def confirm(self, case: DataImportCase, code: str, request_id: str) -> DataImportResponse:
        """See DataImportSource.confirm."""
        subject = replace(case.subject, request_id=request_id)
        request = CodeEntry(**case.numbers, code=code)
        response = await self.gateway.query(request, subject, only=case.source)
        return after_code(response.answer, accepted=DataImportResponse(DataImportStep.PENDING))

    async def poll(self, case: DataImportCase) -> DataImportResponse:
        """See DataImportSource.poll."""
        query = OperatorReportQuery(**case.numbers, emergency_mobiles=case.emergency_mobiles)
        return await _polled(self.gateway, query, case)


@dataclass(frozen=True)
class AuthorisedImports:
    """Accounts elsewhere: the applicant agrees on the page of whoever holds the account.

    `request` makes the request that opens an import, `report` is the one that asks for it.
    """

    gateway: DataSourceGateway
    request: Callable[[DataImportCase], BeginRequest[Authorisation]]
    report: type[ReportQuery]

    async def begin(self, case: DataImportCase) -> DataImportResponse:
        """See DataImportSource.begin."""
        response = await self.gateway.query(self.request(case), case.subject)
        return not_begun(response) or DataImportResponse(
            DataImportStep.PENDING,
            source=response.source,
            reference=response.answer.reference,
            authorise_url=response.answer.authorise_url,
        )

    async def confirm(self, case: DataImportCase, code: str, request_id: str) -> DataImportResponse:
        """Refuse: these sources send no code."""
        raise ProviderRejected(self.report.provider, "no_code_expected")

    async def poll(self, case: DataImportCase) -> DataImportResponse:
        """See DataImportSource.poll."""
        return await _polled(self.gateway, self.report(**case.numbers), case)


def data_import_sources(gateway: DataSourceGateway) -> DataImportSources:
    """Return the source of every kind that can be imported."""
    return {
        ElementKind.OPERATOR_REPORT: OperatorReports(gateway),
        ElementKind.ONLINE_BANKING: AuthorisedImports(gateway, _statements, BankingReportQuery),
        ElementKind.ECOMMERCE: AuthorisedImports(gateway, _orders, EcommerceReportQuery),
        ElementKind.BANK_FLOWS: AuthorisedImports(gateway, _account, FlowsReportQuery),
        ElementKind.BUREAU_REPORT: AuthorisedImports(gateway, _file, BureauReportQuery),
        ElementKind.BANK_CARD: CardBindings(gateway),
    }


def _statements(case: DataImportCase) -> BankingRequest:
    return BankingRequest(**_whose(case), bank_code=case.given(elements.OnlineBanking).bank_code)


def _orders(case: DataImportCase) -> EcommerceRequest:
    return EcommerceRequest(**_whose(case), platform=case.given(elements.Ecommerce).platform)


def _account(case: DataImportCase) -> FlowsRequest:
    given = case.given(elements.BankFlows)
    return FlowsRequest(**_whose(case), bank_code=given.bank_code, months=given.months)


def _file(case: DataImportCase) -> BureauReportRequest:
    bureau = case.given(elements.BureauReport).bureau
    return BureauReportRequest(**_whose(case), bureau=bureau)


def _whose(case: DataImportCase) -> dict[str, str]:
    """Return what every request has that begins the data import of a person's account."""
    return {
        "capture_no": case.element_id,
        "consent_id": case.consent_id,
        "name": case.real_name.name,
        "identity_number": case.real_name.identity_number,
    }


async def _polled(
    gateway: DataSourceGateway, query: ReportQuery, case: DataImportCase
) -> DataImportResponse:
    """Return how far a data import is; a finished one is a verdict on whose account it is."""
    response: SourceResponse[Report] = await gateway.query(query, case.subject, only=case.source)
    report = response.answer
    if report.facts is not None:
        return done(response.source, report.facts.mismatch, report.facts.model_dump(mode="json"))
    if report.status is ReportStatus.FAILED:
        return DataImportResponse(DataImportStep.ENDED, reason=report.reason)
    wish = report.retry_after_seconds
    return DataImportResponse(
        DataImportStep.PENDING, ask_again_after=timedelta(seconds=wish) if wish else None
    )
