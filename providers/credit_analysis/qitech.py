"""QI Tech's credit analysis on its own wire format: ask, read, feed back, and its webhooks.

Facts are those of the published documents. The key travels raw in `Authorization`. An analysis is
named by an id of ours, so that asking again cannot make a second one: after 409 or an answer that
was lost the analysis is read, and only one that is not there is posted again.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final, Protocol

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
from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.signature import SignatureInvalid
from providers.http.transport import (
    CONNECT_SECONDS,
    OnCall,
    RawAnswer,
    check_request_id,
    exchange,
    raise_if_unavailable,
    reported,
)

PROVIDER: Final = "qitech"
SIGNATURE: Final = "Signature"

_NAMES: Final[Mapping[str, AnalysisStatus]] = MappingProxyType(
    {status.value: status for status in AnalysisStatus}
    # One page of the documents misspells it in an example of an answer.
    | {"automatically_challenge": AnalysisStatus.AUTOMATICALLY_CHALLENGED}
)
_FIRST_EVENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_EVENT: Final = datetime(2200, 1, 1, tzinfo=UTC)
_LOST: Final = frozenset({"timeout", "connection_lost", "server_error", "invalid_response"})
"""Failures after which the analysis may have been taken on all the same."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Opinion:
    """What they say. `raw_status` is their word, which may be one that nobody has told us of."""

    status: AnalysisStatus
    raw_status: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    analysis_status: str = Field(pattern=r"^[a-z_]{1,64}$")


class QiTechNotice(BaseModel):
    """A webhook's body. The id has come under three names; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    opinion_id: str = Field(
        pattern=r"^[A-Za-z0-9_\-]{1,64}$",
        validation_alias=AliasChoices("legal_person_id", "natural_person_id", "id"),
    )
    analysis_status: str = Field(pattern=r"^[a-z_]{1,64}$")
    event_date: Annotated[AwareDatetime, Field(ge=_FIRST_EVENT, lt=_LAST_EVENT)]

    @property
    def event_key(self) -> str:
        """What makes two deliveries one event: whose, which status, when."""
        at = self.event_date.astimezone(UTC).isoformat()
        said = f"{self.opinion_id}\n{self.analysis_status}\n{at}"
        return f"qitech-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


class QiTech(Protocol):
    """The credit analysis of QI Tech."""

    async def analyse(self, kind: PersonKind, opinion_id: str, document: str) -> Opinion:
        """Have a proposal analysed under an id of ours, once.

        Raises ProviderUnavailable, and ProviderRejected where they will not take the proposal.
        """

    async def read(self, kind: PersonKind, opinion_id: str) -> Opinion | None:
        """Return what they say by now, None if they know no such id; raises as `analyse`."""

    async def feed_back(
        self, kind: PersonKind, opinion_id: str, status: ProposalStatus, event_date: datetime
    ) -> None:
        """Report what became of the credit; raises as `analyse`."""


def status_of(raw_status: str) -> AnalysisStatus:
    """Return what a word of theirs means; one that is not known counts as pending."""
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


class HttpQiTech:
    """QiTech over HTTP. `base_url` ends in `/credit_analysis`."""

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

    async def analyse(self, kind: PersonKind, opinion_id: str, document: str) -> Opinion:
        """See QiTech.analyse."""
        body = self._relayed(kind, opinion_id, document)
        try:
            raw = await self._call("create", "POST", kind, opinion_id, body, in_path=False)
        except ProviderUnavailable as error:
            if error.code not in _LOST:
                raise
        else:
            if raw.status != 409:
                return opinion_in(raw)
        known = await self.read(kind, opinion_id)
        if known is not None:
            return known
        return opinion_in(await self._call("create", "POST", kind, opinion_id, body, in_path=False))

    async def read(self, kind: PersonKind, opinion_id: str) -> Opinion | None:
        """See QiTech.read."""
        raw = await self._call("read", "GET", kind, opinion_id)
        return None if raw.status == 404 else opinion_in(raw)

    async def feed_back(
        self, kind: PersonKind, opinion_id: str, status: ProposalStatus, event_date: datetime
    ) -> None:
        """See QiTech.feed_back."""
        report = {
            "credit_proposal_status": status.value,
            "event_date": event_date.isoformat(timespec="seconds"),
        }
        raw = await self._call("feedback", "PUT", kind, opinion_id, json.dumps(report).encode())
        if not raw.succeeded:
            raise ProviderRejected(PROVIDER, f"http_{raw.status}")

    def _relayed(self, kind: PersonKind, opinion_id: str, document: str) -> bytes:
        """Return the proposal under our id; ProviderRejected where they have no form for it."""
        relayed = json.dumps(json.loads(document) | {"id": opinion_id}, ensure_ascii=False)
        with suppress(InvalidProposal):
            read_proposal(kind, relayed, self._rules)
            return relayed.encode()
        raise ProviderRejected(PROVIDER, "unsupported_document")

    async def _call(
        self,
        operation: str,
        method: str,
        kind: PersonKind,
        opinion_id: str,
        body: bytes | None = None,
        *,
        in_path: bool = True,
    ) -> RawAnswer:
        check_request_id(opinion_id)
        url = f"{self._base_url}/{kind.value}" + (f"/{opinion_id}" if in_path else "")
        headers = {
            "Authorization": self._api_key.get_secret_value(),
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        request = self._http.build_request(method, url, content=body, headers=headers)
        with reported(_log, self._on_call, PROVIDER, operation, opinion_id):
            raw = await exchange(self._http, PROVIDER, self._deadline, request)
            raise_if_unavailable(PROVIDER, raw)
            return raw


def opinion_in(raw: RawAnswer) -> Opinion:
    """Return what an answer says; raises ProviderRejected, or ProviderUnavailable if unreadable."""
    if not raw.succeeded:
        raise ProviderRejected(PROVIDER, f"http_{raw.status}")
    with suppress(ValidationError):
        said = _Answer.model_validate_json(raw.content).analysis_status
        return Opinion(status_of(said), said)
    raise ProviderUnavailable(PROVIDER, "invalid_response")
