"""What a credit analysis asks of registers and of QI Tech, through the data source gateway.

The parties of a proposal are no applicants of ours: what is asked of them needs no consent that we
hold, the client who sent the proposal does.
"""

from datetime import datetime

from activities.sources.enquiries import DataSourceGateway, SourceResponse, Subject
from domain.credit_analysis.fields import unmasked
from domain.credit_analysis.parties import LegalPerson, NaturalPerson
from domain.credit_analysis.proposal import ProposalStatus
from providers.credit_analysis.qitech import PROVIDER as QITECH
from providers.credit_analysis.qitech import (
    AnalyseProposal,
    ExternalAssessment,
    GiveFeedback,
    QiTechRequest,
    ReadAssessment,
)
from providers.http.errors import ProviderUnavailable
from providers.http.requests import SourceResponseT
from providers.sources.registers import (
    CompanyRecord,
    CompanyRequest,
    PersonRecord,
    PersonRequest,
)
from storage.credit_analysis.external_assessments import ExternalAssessmentRow


async def look_up(
    gateway: DataSourceGateway, request_id: str, party: LegalPerson | NaturalPerson
) -> SourceResponse[CompanyRecord] | SourceResponse[PersonRecord] | str:
    """Return what a register says of a party, or the reason why the registers have no data yet.

    Raises ProviderUnavailable when no register could be asked, ProviderRejected when one will not
    look this party up.
    """
    subject = Subject(request_id, None)
    try:
        if isinstance(party, LegalPerson):
            return await gateway.query(_company(party), subject)
        return await gateway.query(_person(party), subject)
    except ProviderUnavailable as error:
        # A register that answered without data is up, and to be waited for.
        if error.said is None:
            raise
        return error.said


async def request_assessment(
    gateway: DataSourceGateway, asked: ExternalAssessmentRow, document: str
) -> ExternalAssessment:
    """Have a proposal analysed once; raises as `DataSourceGateway.query`."""
    request = AnalyseProposal(assessment_id=asked.id, kind=asked.kind, document=document)
    external = (await _query(gateway, request)).external
    if external is None:
        raise ProviderUnavailable(QITECH, "invalid_response")
    return external


async def read_assessment(
    gateway: DataSourceGateway, asked: ExternalAssessmentRow
) -> ExternalAssessment | None:
    """Return what QI Tech says by now, None if the id is not known there; raises likewise."""
    request = ReadAssessment(assessment_id=asked.id, kind=asked.kind)
    return (await _query(gateway, request)).external


async def give_feedback(
    gateway: DataSourceGateway,
    asked: ExternalAssessmentRow,
    status: ProposalStatus,
    event_date: datetime,
) -> None:
    """Tell QI Tech what became of the credit; raises likewise."""
    await _query(
        gateway,
        GiveFeedback(assessment_id=asked.id, kind=asked.kind, status=status, event_date=event_date),
    )


async def _query(
    gateway: DataSourceGateway, request: QiTechRequest[SourceResponseT]
) -> SourceResponseT:
    """Ask the one analyst: ids, callbacks and feedback are theirs, nobody else can answer."""
    return (await gateway.query(request, Subject(request.assessment_id, None), only=QITECH)).answer


def _company(party: LegalPerson) -> CompanyRequest:
    return CompanyRequest(
        country="BR",
        registration_number=unmasked(party.document_number),
        legal_name=party.legal_name,
    )


def _person(party: NaturalPerson) -> PersonRequest:
    return PersonRequest(
        country="BR",
        document_number=unmasked(party.document_number),
        name=party.name,
        birth_date=party.birthdate,
    )
