"""What a credit analysis asks of registers and of the other analyst, through the enquiry gateway.

The parties of a proposal are no applicants of ours: what is asked of them needs no consent that we
hold, the client who sent the proposal does.
"""

from datetime import datetime
from typing import Final, TypeVar

from providers.sources.company import CompanyRecord, CompanyRequest
from providers.sources.person import PersonRecord, PersonRequest
from pydantic import BaseModel, ConfigDict, Field

from activities.sources.enquiries import (
    Assessment,
    DataSourceGateway,
    Question,
    SourceResponse,
    Subject,
)
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.fields import unmasked
from domain.credit_analysis.parties import LegalPerson, NaturalPerson, PersonKind
from domain.credit_analysis.proposal import ProposalStatus
from domain.sources import Capability
from providers.credit_analysis.qitech import PROVIDER as QITECH
from providers.credit_analysis.qitech import Opinion
from providers.http.errors import ProviderUnavailable
from providers.http.verdict import Verdict
from providers.registry import Providers
from storage.credit_analysis.opinions import OpinionRow

Record = TypeVar("Record", CompanyRecord, PersonRecord)

_GOOD: Final = frozenset({AnalysisStatus.AUTOMATICALLY_APPROVED, AnalysisStatus.MANUALLY_APPROVED})


class OpinionAsked(BaseModel):
    """A proposal as it is given to the other analyst, under an id of ours."""

    model_config = ConfigDict(frozen=True)

    opinion_id: str
    kind: PersonKind
    document: str = Field(repr=False)


class OpinionRead(BaseModel):
    """Which opinion is read."""

    model_config = ConfigDict(frozen=True)

    opinion_id: str
    kind: PersonKind


class OpinionSaid(BaseModel):
    """What the other analyst says; both are None when the id is not known there."""

    model_config = ConfigDict(frozen=True)

    status: AnalysisStatus | None = None
    raw_status: str | None = None


class FeedbackGiven(BaseModel):
    """What became of a credit, as it is told to the analyst who had an opinion on it."""

    model_config = ConfigDict(frozen=True)

    opinion_id: str
    kind: PersonKind
    status: ProposalStatus
    event_date: datetime


class FeedbackTaken(BaseModel):
    """The analyst has taken note; there is nothing to be told."""

    model_config = ConfigDict(frozen=True)


async def look_up(
    gateway: DataSourceGateway, request_id: str, party: LegalPerson | NaturalPerson
) -> SourceResponse[CompanyRecord] | SourceResponse[PersonRecord] | str:
    """Return what a register says of a party, or the reason why the registers have no data yet.

    Raises ProviderUnavailable when no register could be asked, ProviderRejected when one will not
    look this party up.
    """
    silent: list[str] = []
    try:
        if isinstance(party, LegalPerson):
            return await gateway.query(
                _company(request_id, party, silent), Subject(request_id, None)
            )
        return await gateway.query(_person(request_id, party, silent), Subject(request_id, None))
    except ProviderUnavailable:
        if not silent:
            raise
    return silent[-1]


async def ask_for_opinion(gateway: DataSourceGateway, asked: OpinionRow, document: str) -> Opinion:
    """Have a proposal analysed once; raises as `QiTech.analyse`."""

    async def analyse(third: Providers) -> OpinionSaid:
        said = await third.qitech.analyse(asked.kind, asked.id, document)
        return OpinionSaid(status=said.status, raw_status=said.raw_status)

    question = Question(
        Capability.CREDIT_ANALYSIS,
        "create",
        OpinionAsked(opinion_id=asked.id, kind=asked.kind, document=document),
        OpinionSaid,
        analyse,
        _judge,
    )
    opinion = await _opinion(gateway, asked, question)
    if opinion is None:
        raise ProviderUnavailable(QITECH, "invalid_response")
    return opinion


async def read_opinion(gateway: DataSourceGateway, asked: OpinionRow) -> Opinion | None:
    """Return what the analyst says by now, None if the id is not known there; raises likewise."""

    async def read(third: Providers) -> OpinionSaid:
        said = await third.qitech.read(asked.kind, asked.id)
        if said is None:
            return OpinionSaid()
        return OpinionSaid(status=said.status, raw_status=said.raw_status)

    question = Question(
        Capability.CREDIT_ANALYSIS,
        "read",
        OpinionRead(opinion_id=asked.id, kind=asked.kind),
        OpinionSaid,
        read,
        _judge,
        billable=False,
    )
    return await _opinion(gateway, asked, question)


async def give_feedback(
    gateway: DataSourceGateway, asked: OpinionRow, status: ProposalStatus, event_date: datetime
) -> None:
    """Tell the analyst what became of the credit; raises as `QiTech.feed_back`."""

    async def tell(third: Providers) -> FeedbackTaken:
        await third.qitech.feed_back(asked.kind, asked.id, status, event_date)
        return FeedbackTaken()

    question = Question(
        Capability.CREDIT_ANALYSIS,
        "feedback",
        FeedbackGiven(opinion_id=asked.id, kind=asked.kind, status=status, event_date=event_date),
        FeedbackTaken,
        tell,
        _taken,
        billable=False,
    )
    await gateway.query(question, Subject(asked.id, None), only=QITECH)


async def _opinion(
    gateway: DataSourceGateway, asked: OpinionRow, question: Question[OpinionSaid]
) -> Opinion | None:
    """Ask the one analyst: ids, callbacks and feedback are theirs, nobody stands in for them."""
    told = await gateway.query(question, Subject(asked.id, None), only=QITECH)
    status, raw_status = told.answer.status, told.answer.raw_status
    return None if status is None or raw_status is None else Opinion(status, raw_status)


def _judge(said: OpinionSaid) -> Assessment:
    """Return what an opinion amounts to; it is told anew each time, for it may change."""
    if said.status is None or not said.status.is_final:
        return Assessment(Verdict.UNAVAILABLE, said.status, is_conclusive=True, cacheable=False)
    verdict = Verdict.MATCH if said.status in _GOOD else Verdict.MISMATCH
    return Assessment(verdict, said.status, is_conclusive=True, cacheable=False)


def _taken(_: FeedbackTaken) -> Assessment:
    """Return what feedback amounts to: it was taken, and says nothing of anybody."""
    return Assessment(Verdict.MATCH, None, is_conclusive=True, cacheable=False)


def _company(request_id: str, party: LegalPerson, silent: list[str]) -> Question[CompanyRecord]:
    request = CompanyRequest(
        country="BR",
        registration_number=unmasked(party.document_number),
        legal_name=party.legal_name,
    )

    async def check(third: Providers) -> CompanyRecord:
        return _noted(
            silent,
            await third.company.check(
                request_id=request_id,
                country=request.country,
                registration_number=request.registration_number,
                legal_name=request.legal_name,
            ),
        )

    return Question(Capability.COMPANY, "check", request, CompanyRecord, check)


def _person(request_id: str, party: NaturalPerson, silent: list[str]) -> Question[PersonRecord]:
    request = PersonRequest(
        country="BR",
        document_number=unmasked(party.document_number),
        name=party.name,
        birth_date=party.birthdate,
    )

    async def check(third: Providers) -> PersonRecord:
        return _noted(
            silent,
            await third.person.check(
                request_id=request_id,
                country=request.country,
                document_number=request.document_number,
                name=request.name,
                birth_date=request.birth_date,
            ),
        )

    return Question(Capability.PERSON, "check", request, PersonRecord, check)


def _noted(silent: list[str], answer: Record) -> Record:
    """Keep the reason of a register that answered without data: it is up, and to be waited for."""
    if answer.verdict is Verdict.UNAVAILABLE:
        silent.append(answer.reasons[0])
    return answer
