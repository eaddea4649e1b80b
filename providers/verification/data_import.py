"""What the sources have in common that the user must authorise and that take their time.

An import is begun under a number that the caller chooses before the first call and never changes:
a repeat begins nothing anew, and a notice finds its import even if the answer was lost. What the
source collected is asked for until it is done; a signed notice only says when to ask.
"""

from abc import abstractmethod
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import AwareDatetime, Field, SerializeAsAny, model_validator

from domain.sources import Capability
from providers.http.requests import SourceRequest, SourceResponseT
from providers.http.transport import REPORT_LIMIT
from providers.http.verdict import (
    AssessableResponse,
    Assessment,
    Verdict,
    VerificationResponse,
)
from providers.http.wire import (
    UNSPECIFIED,
    CodeText,
    EventNotice,
    PersonalReceived,
    Received,
    read_code,
    state_of,
)

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:.\-]{1,128}$")]
"""An opaque number of ours or of the source's."""

Minor = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
"""An amount in minor units of the currency beside it."""

SignedMinor = Annotated[int, Field(ge=-1_000_000_000_000, le=1_000_000_000_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Day = date
Instant = AwareDatetime

DocumentT = TypeVar("DocumentT", bound=PersonalReceived)


class Begun(VerificationResponse):
    """A match began the data import; the source's `reference` comes with it."""

    given_with_match: ClassVar[tuple[str, ...]] = ("reference",)

    capture_no: Key
    reference: Key | None = None


class Authorisation(Begun):
    """An import that began: the source's own page where the user signs in and agrees.

    What the user enters there never passes through us.
    """

    given_with_match = ("reference", "authorise_url")

    authorise_url: str | None = Field(default=None, pattern=r"^https://[^\s]{1,500}$", repr=False)


class CodeStatus(StrEnum):
    """What became of a code from a text message. `WRONG_CODE` may be tried again."""

    ACCEPTED = "accepted"
    WRONG_CODE = "wrong_code"
    EXPIRED = "expired"


class CodeResponse(AssessableResponse):
    """Whether the code was right, and after a wrong one the attempts that are left if it tells.

    A status that is not known is no response: whether the code was taken is asked again.
    """

    status: CodeStatus
    tries_left: Annotated[int, Field(ge=0)] | None = None

    @property
    def may_try_again(self) -> bool:
        """Whether another code may be entered; who does not tell how many are left allows it."""
        return self.status is CodeStatus.WRONG_CODE and self.tries_left != 0

    @property
    def assessment(self) -> Assessment:
        """Conclusive in any case, and never the answer to another code."""
        if self.status is CodeStatus.ACCEPTED:
            return Assessment(Verdict.MATCH, None, is_conclusive=True, cacheable=False)
        code = "code_expired" if self.status is CodeStatus.EXPIRED else "wrong_code"
        return Assessment(Verdict.MISMATCH, code, is_conclusive=True, cacheable=False)


class Confirmation(CodeResponse):
    """What became of a data import's code."""

    capture_no: Key


class ReportStatus(StrEnum):
    """Where a data import stands. `DONE` and `FAILED` are final."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class ReportState(PersonalReceived, Generic[DocumentT]):
    """The source's view of a data import, as it answers.

    A status that is not known is not final. A failed one, and no other, has a reason; a done one,
    and no other, the document. `retry_after_seconds` is the source's wish for a pending one.
    """

    capture_no: Key
    status: Annotated[ReportStatus, state_of(ReportStatus, ReportStatus.PENDING)]
    reason: CodeText | None = None
    retry_after_seconds: Annotated[int, Field(ge=0)] | None = None
    document: DocumentT | None = None

    @model_validator(mode="before")
    @classmethod
    def _each_end_has_its_field(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        said = data.get("status")
        reason = read_code(data.get("reason")) or UNSPECIFIED
        return data | {
            "reason": reason if said == ReportStatus.FAILED else None,
            "document": data.get("document") if said == ReportStatus.DONE else None,
        }

    @model_validator(mode="after")
    def _a_done_one_has_its_document(self) -> Self:
        if self.status is ReportStatus.DONE and self.document is None:
            raise ValueError("a data import that is done has a document")
        return self


class ImportedFacts(Received):
    """What goes on of a document: aggregates without personal data."""

    @property
    def mismatch(self) -> str | None:
        """The code of why the account is not the applicant's, None if nothing speaks against it."""
        return None


class Report(AssessableResponse):
    """How far a data import is; `facts` come when it is done and only then."""

    status: ReportStatus
    reason: CodeText | None
    retry_after_seconds: int | None
    facts: SerializeAsAny[ImportedFacts] | None

    @property
    def final(self) -> bool:
        """Whether the status can no longer change."""
        return self.status is not ReportStatus.PENDING

    @property
    def assessment(self) -> Assessment:
        """Conclusive in any case, and never the answer to the next time's question."""
        verdict = Verdict.MATCH if self.status is ReportStatus.DONE else Verdict.UNAVAILABLE
        return Assessment(verdict, self.reason, is_conclusive=True, cacheable=False)


class ReportNotice(EventNotice):
    """The callback body by which a source says that an import has ended; ask for the report then.

    It carries nothing of what was imported, and what else it says is not believed.
    """

    source: CodeText | None = None
    capture_no: Key
    status: CodeText | None = None
    reason: CodeText | None = None


class DataImportRequest(SourceRequest[SourceResponseT], Generic[SourceResponseT]):
    """A step of the data import under our own number."""

    echoed = ("capture_no",)

    capture_no: Key


class BeginRequest(DataImportRequest[SourceResponseT], Generic[SourceResponseT]):
    """Begin a data import for a person, by a consent; a repeat begins nothing new."""

    operation = "begin"

    consent_id: Key
    name: str
    identity_number: str


class CodeEntry(DataImportRequest[Confirmation]):
    """Hand back the code that the user received.

    Each try has a request id of its own; a repeat is no new try.
    """

    capability = Capability.OPERATOR_REPORT
    operation = "confirm"
    billable = False

    reference: Key
    code: str = Field(pattern=r"^[0-9]{4,8}$")


class ReportQuery(DataImportRequest[Report]):
    """Ask how far a data import is; `reference` is the source's own number.

    The document ends here: only its facts are handed on.
    """

    operation = "report"
    billable = False
    response_limit = REPORT_LIMIT
    state: ClassVar[type[ReportState[Any]]]

    reference: Key

    def read(self, content: bytes) -> Report | None:
        """Return how far the data import is, with the facts of a document that came."""
        state = self.state.model_validate_json(content)
        if state.capture_no != self.capture_no:
            return None
        return Report(
            status=state.status,
            reason=state.reason,
            retry_after_seconds=state.retry_after_seconds,
            facts=None if state.document is None else self.facts_of(state.document),
        )

    @abstractmethod
    def facts_of(self, document: Any) -> ImportedFacts:
        """Return the facts of a document of this source's form."""


def completed_months(start: date, on: date) -> int:
    """Return the whole months from `start` to `on`, 0 if `start` lies later."""
    months = 12 * (on.year - start.year) + on.month - start.month - (on.day < start.day)
    return max(months, 0)
