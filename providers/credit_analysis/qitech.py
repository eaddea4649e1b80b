"""QI Tech's credit analysis on its own wire format: ask, read, feed back, and its webhooks.

Facts are those of the published documents. The key travels raw in `Authorization`. An analysis is
named by an id of ours, so that asking again cannot make a second one: after 409 or a response that
was lost the analysis is read, and only one that is not there is posted again.
"""

import hashlib
import hmac
import json
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final, Generic, Self

import httpx
import structlog
from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.errors import InvalidProposal
from domain.credit_analysis.fields import DocumentRules
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import ProposalStatus
from domain.sources import Capability
from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.requests import SourceRequest, SourceResponseT
from providers.http.signature import SignatureInvalid
from providers.http.transport import (
    CONNECT_SECONDS,
    OnCall,
    RawResponse,
    check_request_id,
    exchange,
    raise_if_unavailable,
    reported,
)
from providers.http.verdict import AssessableResponse, Assessment, Verdict

PROVIDER: Final = "qitech"
SIGNATURE: Final = "Signature"

_NAMES: Final[Mapping[str, AnalysisStatus]] = MappingProxyType(
    {status.value: status for status in AnalysisStatus}
    # One page of the documents misspells it in an example of a response.
    | {"automatically_challenge": AnalysisStatus.AUTOMATICALLY_CHALLENGED}
)
_APPROVALS: Final = frozenset(
    {AnalysisStatus.AUTOMATICALLY_APPROVED, AnalysisStatus.MANUALLY_APPROVED}
)
_FIRST_EVENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_EVENT: Final = datetime(2200, 1, 1, tzinfo=UTC)
_LOST: Final = frozenset({"timeout", "connection_lost", "server_error", "invalid_response"})
"""Failures after which the analysis may have been taken on all the same."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class ExternalAssessment:
    """What they say. `raw_status` is as they wrote it, and may be one that we do not know."""

    status: AnalysisStatus
    raw_status: str


class _Response(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    analysis_status: str = Field(pattern=r"^[a-z_]{1,64}$")


class QiTechNotice(BaseModel):
    """A webhook's body. The id has come under these names; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    assessment_id: str = Field(
        pattern=r"^[A-Za-z0-9_\-]{1,64}$",
        validation_alias=AliasChoices(
            *(f"credit_proposal_{kind.value}_id" for kind in PersonKind),
            *(f"{kind.value}_id" for kind in PersonKind),
            "id",
        ),
    )
    analysis_status: str = Field(pattern=r"^[a-z_]{1,64}$")
    event_date: Annotated[AwareDatetime, Field(ge=_FIRST_EVENT, lt=_LAST_EVENT)]

    @property
    def event_key(self) -> str:
        """What makes two deliveries one event: whose, which status, when."""
        at = self.event_date.astimezone(UTC).isoformat()
        said = f"{self.assessment_id}\n{self.analysis_status}\n{at}"
        return f"qitech-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


class ExternalAssessmentResponse(AssessableResponse):
    """What they say; both are None when the id is not known there."""

    status: AnalysisStatus | None = None
    raw_status: str | None = None

    @classmethod
    def of(cls, external: ExternalAssessment | None) -> Self:
        """Return what an assessment, or the lack of one, comes to."""
        if external is None:
            return cls()
        return cls(status=external.status, raw_status=external.raw_status)

    @property
    def external(self) -> ExternalAssessment | None:
        """The assessment, None if the id is not known there."""
        if self.status is None or self.raw_status is None:
            return None
        return ExternalAssessment(self.status, self.raw_status)

    @property
    def assessment(self) -> Assessment:
        """Conclusive in any case, and read anew each time, for it may change."""
        verdict = Verdict.UNAVAILABLE
        if self.status is not None and self.status.is_final:
            verdict = Verdict.MATCH if self.status in _APPROVALS else Verdict.MISMATCH
        return Assessment(verdict, self.status, is_conclusive=True, cacheable=False)


class FeedbackTaken(AssessableResponse):
    """They have taken note; there is nothing more to say."""

    @property
    def assessment(self) -> Assessment:
        """It was taken, which says nothing of anybody."""
        return Assessment(Verdict.MATCH, None, is_conclusive=True, cacheable=False)


class QiTechRequest(SourceRequest[SourceResponseT], Generic[SourceResponseT]):
    """One of the three things to do with an analysis, which is named by an id of ours."""

    capability = Capability.CREDIT_ANALYSIS
    provider = PROVIDER

    assessment_id: str
    kind: PersonKind

    @abstractmethod
    async def carried_out(self, client: "QiTechClient") -> SourceResponseT:
        """Have `client` do it and return what came of it."""


class AnalyseProposal(QiTechRequest[ExternalAssessmentResponse]):
    """Have a proposal analysed, once."""

    operation = "create"

    document: str

    async def carried_out(self, client: "QiTechClient") -> ExternalAssessmentResponse:
        """See QiTechClient.analyse."""
        made = await client.analyse(self.kind, self.assessment_id, self.document)
        return ExternalAssessmentResponse.of(made)


class ReadAssessment(QiTechRequest[ExternalAssessmentResponse]):
    """Read what they say by now."""

    operation = "read"
    billable = False

    async def carried_out(self, client: "QiTechClient") -> ExternalAssessmentResponse:
        """See QiTechClient.read."""
        return ExternalAssessmentResponse.of(await client.read(self.kind, self.assessment_id))


class GiveFeedback(QiTechRequest[FeedbackTaken]):
    """Report what became of the credit."""

    operation = "feedback"
    billable = False

    status: ProposalStatus
    event_date: datetime

    async def carried_out(self, client: "QiTechClient") -> FeedbackTaken:
        """See QiTechClient.feed_back."""
        await client.feed_back(self.kind, self.assessment_id, self.status, self.event_date)
        return FeedbackTaken()


def status_of(raw_status: str) -> AnalysisStatus:
    """Return what a status of theirs means; one that is not known counts as pending."""
    known = _NAMES.get(raw_status)
    if known is None:
        _log.error("unknown_analysis_status", raw_status=raw_status)
        return AnalysisStatus.PENDING
    return known


def webhook_signature(key: str, endpoint: str, method: str, body: bytes) -> str:
    """Return the hexadecimal HMAC-SHA1 of endpoint, method and raw body.

    SHA-1 is theirs to choose; as a MAC it is not broken.
    """
    message = endpoint.encode() + method.encode() + body
    return hmac.new(key.encode(), message, hashlib.sha1).hexdigest()


def verify_webhook(key: str, endpoint: str, method: str, body: bytes, header: str | None) -> None:
    """Raise SignatureInvalid unless `header` signs exactly this; compared in constant time."""
    if not key or not header:
        raise SignatureInvalid("missing")
    wanted = webhook_signature(key, endpoint, method, body)
    if not hmac.compare_digest(wanted.encode(), header.strip().lower().encode()):
        raise SignatureInvalid("wrong")


class QiTechClient:
    """QI Tech's credit analysis over HTTP. `base_url` ends in `/credit_analysis`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        api_key: SecretStr,
        timeout_seconds: float,
        on_call: OnCall | None = None,
        *,
        allow_alphanumeric_cnpj: bool = False,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._deadline = CONNECT_SECONDS + timeout_seconds
        self._on_call = on_call
        # Their mask is of digits; their own examples have wrong check digits.
        self._rules = DocumentRules(
            check_digits=False, allow_alphanumeric_cnpj=allow_alphanumeric_cnpj
        )

    async def call(
        self, request: QiTechRequest[SourceResponseT], *, request_id: str
    ) -> SourceResponseT:
        """Carry a request out; it knows its own id.

        Raises ProviderUnavailable, and ProviderRejected where they will not take it.
        """
        check_request_id(request_id)
        return await request.carried_out(self)

    async def analyse(
        self, kind: PersonKind, assessment_id: str, document: str
    ) -> ExternalAssessment:
        """Have a proposal analysed under an id of ours, once."""
        body = self._relayed(kind, assessment_id, document)
        try:
            raw = await self._call("create", "POST", kind, assessment_id, body, in_path=False)
        except ProviderUnavailable as error:
            if error.code not in _LOST:
                raise
        else:
            if raw.status != 409:
                return assessment_in(raw)
        known = await self.read(kind, assessment_id)
        if known is not None:
            return known
        return assessment_in(
            await self._call("create", "POST", kind, assessment_id, body, in_path=False)
        )

    async def read(self, kind: PersonKind, assessment_id: str) -> ExternalAssessment | None:
        """Return what they say by now, None if they know no such id."""
        raw = await self._call("read", "GET", kind, assessment_id)
        return None if raw.status == 404 else assessment_in(raw)

    async def feed_back(
        self, kind: PersonKind, assessment_id: str, status: ProposalStatus, event_date: datetime
    ) -> None:
        """Report what became of the credit."""
        report = {
            "credit_proposal_status": status.value,
            "event_date": event_date.isoformat(timespec="seconds"),
        }
        raw = await self._call("feedback", "PUT", kind, assessment_id, json.dumps(report).encode())
        if not raw.succeeded:
            raise ProviderRejected(PROVIDER, f"http_{raw.status}")

    def _relayed(self, kind: PersonKind, assessment_id: str, document: str) -> bytes:
        """Return the proposal under our id; ProviderRejected where they have no form for it.

        An address of the net is left out where it is of IPv6: their documents know IPv4 alone.
        """
        relayed = json.dumps(json.loads(document) | {"id": assessment_id}, ensure_ascii=False)
        with suppress(InvalidProposal):
            proposal = read_proposal(kind, relayed, self._rules)
            source = proposal.source
            unknown = {"source": {"ip"}} if source and ":" in (source.ip or "") else None
            return proposal.model_dump_json(exclude_unset=True, exclude=unknown).encode()
        raise ProviderRejected(PROVIDER, "unsupported_document")

    async def _call(
        self,
        operation: str,
        method: str,
        kind: PersonKind,
        assessment_id: str,
        body: bytes | None = None,
        *,
        in_path: bool = True,
    ) -> RawResponse:
        check_request_id(assessment_id)
        url = f"{self._base_url}/{kind.value}" + (f"/{assessment_id}" if in_path else "")
        headers = {
            "Authorization": self._api_key.get_secret_value(),
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        request = self._http.build_request(method, url, content=body, headers=headers)
        with reported(_log, self._on_call, PROVIDER, operation, assessment_id):
            raw = await exchange(self._http, PROVIDER, self._deadline, request)
            raise_if_unavailable(PROVIDER, raw)
            return raw


def assessment_in(raw: RawResponse) -> ExternalAssessment:
    """Return what a response says; raises ProviderRejected or, unreadable, ProviderUnavailable."""
    if not raw.succeeded:
        raise ProviderRejected(PROVIDER, f"http_{raw.status}")
    with suppress(ValidationError):
        said = _Response.model_validate_json(raw.content).analysis_status
        return ExternalAssessment(status_of(said), said)
    raise ProviderUnavailable(PROVIDER, "invalid_response")
