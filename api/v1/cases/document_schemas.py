"""The case as one document, judgements of its documents, and files."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, EncodedBytes, Field, model_validator

from api.http.schemas import Body, Currency, MinorUnits, Reason, ResponseBody
from domain.applications.application import ApplicationState
from domain.applications.documents import MAX_EXTRAS, DocumentKind, DocumentVerdict
from domain.cases.cases import LogEntry, Stage
from domain.common.typed_text import Typed
from domain.decisioning.decision import Outcome
from domain.people.views import MaskedField, ViewKind, ViewPurpose
from domain.verification.elements import ElementKind, StandardBase64, Verdict
from services.cases.document import CaseDocument

FileContent = Annotated[bytes, EncodedBytes(encoder=StandardBase64), Field(min_length=64)]
"""A PDF or a picture in base64; its type is told by its content."""

SAMPLE_PDF: Final = (
    "JVBERi0xLjcKMSAwIG9iaiA8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+"
    "PiBlbmRvYmoKdHJhaWxlciA8PC9Sb290IDEgMCBSPj4KJSVFT0YK"
)
FileName = Annotated[Typed, Field(min_length=1, max_length=100)]


class UnmaskBody(Body):
    """What is to be shown in full, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"field": "mobile", "purpose": "call"}]}
    )

    field: MaskedField
    purpose: ViewPurpose


class UnmaskedResponse(ResponseBody):
    """Until when the document shows the field in full to who asked."""

    field: MaskedField
    purpose: ViewPurpose
    until: datetime


class JudgementBody(Body):
    """What is said of one document; asking for it again takes a reason for the applicant."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"document": "identity_card.front", "verdict": "accepted"}]}
    )

    document: DocumentKind = Field(description="not `extra`")
    verdict: DocumentVerdict
    reason: Reason | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.document is DocumentKind.EXTRA:
            raise ValueError("a further document is asked for by `extras`")
        if self.verdict is DocumentVerdict.AGAIN and self.reason is None:
            raise ValueError("say in `reason` what is wrong with the document")
        return self


class ExtraBody(Body):
    """A further document: its name, as the applicant is to read it, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "payslip of October", "reason": "income is not clear"}]
        }
    )

    name: FileName
    reason: Reason


class JudgementsCreate(Body):
    """Documents judged one by one, and further ones, in one go: the applicant is asked once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "judgements": [
                        {"document": "identity_card.front", "verdict": "accepted"},
                        {
                            "document": "identity_card.back",
                            "verdict": "again",
                            "reason": "the back is blurred",
                        },
                    ],
                    "extras": [{"name": "payslip of October", "reason": "income is not clear"}],
                }
            ]
        }
    )

    judgements: tuple[JudgementBody, ...] = Field(default=(), max_length=len(DocumentKind))
    extras: tuple[ExtraBody, ...] = Field(default=(), max_length=MAX_EXTRAS)

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        named = [one.document for one in self.judgements]
        if len(set(named)) < len(named):
            raise ValueError("judge each document once")
        if not named and not self.extras:
            raise ValueError("judge a document, or ask for a further one")
        return self


class JudgementMade(ResponseBody):
    """What was said of a document, without the words; `is_open` while it is asked for again.

    Answers of commands are kept for repeats, so they hold nothing that somebody typed.
    """

    id: str
    document: DocumentKind
    verdict: DocumentVerdict
    judged_by: str
    judged_at: datetime
    is_current: bool
    is_open: bool


class JudgementResponse(JudgementMade):
    """What was said of a document, and the name of an `extra` one."""

    name: str | None
    reason: str | None


class JudgementsMade(ResponseBody):
    """Everything that was said of the documents of a case, the oldest first."""

    items: list[JudgementMade]


class FileCreate(Body):
    """A file to be put into the case, of at most 10 MB."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "payslip of October", "content": SAMPLE_PDF}]}
    )

    name: FileName
    content: FileContent


class FileResponse(ResponseBody):
    """A file of a case; `judgement_id` says which request of a document it answers."""

    id: str
    judgement_id: str | None
    name: str
    media_type: str
    bytes: int
    added_by: str
    added_at: datetime


class FilePlaced(ResponseBody):
    """A file that was put into the case."""

    id: str


class CaseHead(ResponseBody):
    """The case and what is applied for."""

    id: str
    application_id: str
    stage: Stage
    queue: str
    product: str
    channel: str
    currency: Currency
    amount: MinorUnits
    instalments: int
    opened_at: datetime
    due_at: datetime
    claimed_until: datetime | None


class CasePerson(ResponseBody):
    """The person as verified; numbers are masked unless unmasked."""

    id: str
    customer_reference: str
    level: int
    labels: tuple[str, ...]
    name: str | None
    identity_number: str | None
    mobile: str | None
    bank_card: str | None


class CaseElement(ResponseBody):
    """An element: what the applicant gave, and what its source said."""

    kind: ElementKind
    element_id: str
    attempt: int
    verdict: Verdict
    reason: str | None
    reused: bool
    submitted_at: datetime
    verified_at: datetime | None
    provider: str | None
    facts: dict[str, Any] | None
    given: dict[str, Any]


class CasePicture(ResponseBody):
    """A picture; `href` is for this reader alone, and while the case is theirs."""

    kind: ElementKind
    attempt: int
    place: str
    width: int
    height: int
    href: str


class CaseDecision(ResponseBody):
    """A decision with every figure that it read and every rule's answer."""

    stage: str
    attempt: int
    outcome: Outcome
    policy_version: str
    score: int | None
    facts: dict[str, Any]
    rules: list[dict[str, Any]]
    reject_code: str | None
    decided_by: str
    decided_at: datetime


class CaseSupplement(ResponseBody):
    """A round of elements that were asked for again."""

    round: int
    kinds: tuple[ElementKind, ...]
    reason: str
    requested_by: str
    requested_at: datetime
    due_at: datetime
    completed_at: datetime | None


class CaseApplication(ResponseBody):
    """Another application of the person."""

    id: str
    channel: str
    product: str
    currency: Currency
    amount: MinorUnits
    instalments: int
    state: ApplicationState
    reject_code: str | None
    created_at: datetime


class CaseLoan(ResponseBody):
    """A loan of the person."""

    id: str
    channel: str
    product: str
    currency: Currency
    principal: MinorUnits
    principal_outstanding: MinorUnits
    state: str
    disbursed_on: date
    settled_on: date | None
    past_due_from: date | None


class CaseDevice(ResponseBody):
    """A device that the person applied with."""

    device_id: str
    platform: str
    applications: int
    first_seen_at: datetime
    last_seen_at: datetime


class CaseLink(ResponseBody):
    """How many other people share a trait with the person."""

    trait: str
    people: int


class CaseEvent(ResponseBody):
    """Something that was done to the application."""

    recorded_at: datetime
    actor: str
    role: str
    action: str
    outcome: str
    detail: dict[str, Any]


class CaseLogEntry(ResponseBody):
    """An entry of the worklog: a note, a call, a claim."""

    at: datetime
    actor: str
    entry: LogEntry
    detail: dict[str, Any]
    text: str | None


class CaseDocumentResponse(ResponseBody):
    """The case as one document. `unmasked` says what is shown in full and until when."""

    case: CaseHead
    person: CasePerson
    unmasked: dict[MaskedField, datetime]
    elements: list[CaseElement]
    pictures: list[CasePicture]
    documents: list[JudgementResponse]
    files: list[FileResponse]
    decisions: list[CaseDecision]
    supplements: list[CaseSupplement]
    applications: list[CaseApplication]
    loans: list[CaseLoan]
    devices: list[CaseDevice]
    links: list[CaseLink]
    timeline: list[CaseEvent]
    worklog: list[CaseLogEntry]

    @classmethod
    def of(cls, found: CaseDocument) -> Self:
        """Return the answer for a case."""
        case, person = found.opened.case, found.person
        return cls(
            case=CaseHead.model_validate({**dict(case), "application_id": case.subject}),
            person=CasePerson.model_validate({**dict(found.applicant), **vars(person)}),
            unmasked=dict(found.unmasked),
            elements=[
                CaseElement.model_validate(
                    {
                        **dict(one.progress.status),
                        "verdict": one.progress.verdict,
                        "facts": one.progress.facts,
                        "provider": one.progress.provider,
                        "given": one.given,
                    }
                )
                for one in found.elements
            ],
            pictures=[
                CasePicture.model_validate(
                    {
                        **dict(one.picture),
                        "href": f"/v1/cases/{case.id}/pictures/{one.name}",
                    }
                )
                for one in found.pictures
            ],
            documents=[JudgementResponse.model_validate(row) for row in found.judgements],
            files=[FileResponse.model_validate(row) for row in found.files],
            decisions=[
                CaseDecision.model_validate(
                    {
                        **dict(row),
                        "rules": [rule.model_dump(mode="json") for rule in row.rules],
                    }
                )
                for row in found.decisions
            ],
            supplements=[CaseSupplement.model_validate(row) for row in found.supplements],
            applications=[CaseApplication.model_validate(row) for row in found.applications],
            loans=[CaseLoan.model_validate(row) for row in found.loans],
            devices=[CaseDevice.model_validate(row) for row in found.devices],
            links=[CaseLink.model_validate(row) for row in found.links],
            timeline=[CaseEvent.model_validate(row) for row in found.timeline],
            worklog=[CaseLogEntry.model_validate(row) for row in found.worklog],
        )


class ViewResponse(ResponseBody):
    """One look at a person's data."""

    viewer: str
    role: str
    case_id: str
    kind: ViewKind
    item: str | None
    purpose: ViewPurpose | None
    viewed_at: datetime
    until: datetime | None


class ViewsResponse(ResponseBody):
    """Looks at a person's data, the newest first; `next` is the `before` of the following part."""

    items: list[ViewResponse]
    next: str | None
