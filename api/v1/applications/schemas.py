"""Applications and their elements."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.http.next_actions import NextAction
from api.http.schemas import Body, Currency, MinorUnits, ResponseBody, at_most
from api.v1.people.consent_schemas import ConsentCreate
from domain.applications.application import ApplicationState, Rejection, Waiting
from domain.common.definitions import Code
from domain.common.money import PositiveAmount
from domain.common.reject_codes import RejectCodes, RejectionCategory
from domain.common.typed_text import Typed
from domain.decisioning.decision import Outcome, RuleHit
from domain.people.consents import Purpose
from domain.products.products import MAX_CHOICE
from domain.verification.elements import Element, ElementKind, Verdict
from services.applications.applying import CreditRequest, Device
from storage.people.devices import Platform

CustomerReference = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="the channel's own opaque name of the customer, never a number of theirs",
    ),
]
Channel = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
ProductCode = Code


class DeviceCreate(Body):
    """The device that an application is made on; its id is an opaque one of the app's own."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"device_id": "f3b0c9a71d", "platform": "android"}]}
    )

    device_id: str = Field(pattern=r"^[A-Za-z0-9_-]{8,128}$")
    platform: Platform


class ApplicationCreate(Body):
    """What is applied for. `amount` is in minor units of the product's currency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "product": "cash",
                    "customer_reference": "customer-4711",
                    "amount": 1000000,
                    "instalments": 12,
                }
            ]
        }
    )

    product: ProductCode
    channel: Channel | None = Field(
        default=None, description="an applicant's is `app`, a partner's is its own"
    )
    customer_reference: CustomerReference
    amount: PositiveAmount
    instalments: int = Field(strict=True, ge=1, le=MAX_CHOICE)
    device: DeviceCreate | None = None
    consents: tuple[ConsentCreate, ...] = Field(
        default=(), max_length=len(Purpose), description="what the applicant agrees to with it"
    )

    def request(self) -> CreditRequest:
        """Return what is applied for."""
        device = self.device
        return CreditRequest(
            product=self.product,
            channel=self.channel,
            customer_reference=self.customer_reference,
            amount=self.amount,
            instalments=self.instalments,
            device=None if device is None else Device(device.device_id, device.platform),
            consents=tuple(consent.shown() for consent in self.consents),
        )


class ElementsCreate(Body):
    """Elements of an application, each kind once. They are verified side by side.

    With `submit` the application is decided at once when nothing is missing any more. Pictures are
    JPEG, PNG, WebP, HEIC or AVIF files in standard base64, of 64 pixels a side or more and 24
    million or less; what a file holds besides its picture is not kept.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "elements": [
                        {
                            "kind": "real_name",
                            "name": "张伟",
                            "identity_number": "11010519491231002X",
                        },
                        {"kind": "operator", "mobile": "13800138000"},
                    ]
                },
            ]
        }
    )

    elements: Annotated[tuple[Element, ...], at_most(len(ElementKind))] = Field(
        min_length=1, max_length=len(ElementKind)
    )
    submit: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _each_kind_once(self) -> Self:
        if len({element.kind for element in self.elements}) != len(self.elements):
            raise ValueError("give each kind of element once")
        return self


class AppealBody(Body):
    """Why the applicant wants a person to look at the rejection, in the applicant's own words.

    It is stored encrypted and shown to whoever reviews the application.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "the overdue loan was paid back in March"}]}
    )

    reason: Typed = Field(min_length=1, max_length=2000)


class RejectionResponse(ResponseBody):
    """Why credit was refused, by category, and the first day on which to apply again."""

    category: RejectionCategory
    reapply_on: date | None


class ApplicationStatus(ResponseBody):
    """Where an application stands and whose move it is. `state_seq` counts its states."""

    id: str
    state: ApplicationState
    waiting: Waiting
    state_seq: int
    offer_id: str | None = None
    line_id: str | None = None
    rejection: RejectionResponse | None = None


class ApplicationSummary(ResponseBody):
    """An application in a list."""

    id: str
    applicant_id: str
    product: str
    channel: str
    currency: Currency
    amount: MinorUnits
    instalments: int
    state: ApplicationState
    waiting: Waiting
    created_at: datetime
    changed_at: datetime


class ElementResponse(ResponseBody):
    """Where one kind of element stands; nothing of what was sent is shown again.

    A `reused` one was verified for an earlier application. `counts_until` is the last business date
    on which a match counts for a new one. `authorise_url` is the page of the source on which the
    applicant is to agree. `facts` (what the source measured or counted: scores, thresholds, sums,
    nothing that tells who it is about) and `provider` (the source) are for staff only and null to
    everybody else.
    """

    kind: ElementKind
    element_id: str
    attempt: int
    verdict: Verdict
    reason: str | None
    reused: bool
    submitted_at: datetime
    verified_at: datetime | None
    counts_until: date | None
    authorise_url: str | None = None
    facts: dict[str, Any] | None = None
    provider: str | None = None


class SupplementResponse(ResponseBody):
    """What a reviewer asks to be provided again, until when."""

    round: int
    kinds: tuple[ElementKind, ...]
    due_at: datetime


class DecisionResponse(ResponseBody):
    """A decision as staff see it: every rule's hit and what it read."""

    stage: str
    outcome: Outcome
    policy_version: str
    score: int | None
    reject_code: str | None
    rules: tuple[RuleHit, ...]
    decided_by: str
    decided_at: datetime


class PictureResponse(ResponseBody):
    """A picture that was given, by its field (`front`, `frames.3`); never the picture itself.

    `width` and `height` are in pixels, before it is turned upright.
    """

    kind: ElementKind
    element_id: str
    attempt: int
    place: str
    media_type: Literal["image/jpeg", "image/png", "image/webp"]
    width: int
    height: int
    bytes: int


class OfferResponse(ResponseBody):
    """What is offered after approval. Rates are percent a year."""

    id: str
    application_id: str
    state: Literal["open", "accepted", "lapsed"]
    currency: Currency
    amount: MinorUnits
    instalments: int
    annual_rate: Decimal
    penalty_annual_rate: Decimal
    mode: Literal["single_batch", "revolving"]
    expires_at: datetime


class ApplicationResponse(ApplicationSummary):
    """One application. `pictures` and `decisions` are for staff only and null to everybody else."""

    decision: Literal["approved", "rejected", "in_review"] | None
    elements: list[ElementResponse]
    missing: list[ElementKind] = Field(description="asked for and not provided yet")
    optional: list[ElementKind] = Field(description="taken and never waited for")
    supplement: SupplementResponse | None
    offer: OfferResponse | None
    line_id: str | None
    rejection: RejectionResponse | None
    pictures: list[PictureResponse] | None = Field(description="of every attempt")
    decisions: list[DecisionResponse] | None
    next_actions: list[NextAction] = Field(description="what the caller may do now")


class ElementsResponse(ResponseBody):
    """What became of the elements of one request.

    `pending`: the source cannot be reached or takes its time. `awaiting_code`: it sent the
    applicant a code to be entered.
    """

    application: ApplicationStatus
    elements: list[ElementResponse]


def rejection_answer(rejection: Rejection | None, codes: RejectCodes) -> RejectionResponse | None:
    """Return what an applicant sees of a rejection."""
    if rejection is None:
        return None
    return RejectionResponse(
        category=codes.category_of(rejection.code), reapply_on=rejection.reapply_on
    )


def decision_category(
    state: ApplicationState,
) -> Literal["approved", "rejected", "in_review"] | None:
    """Return what was decided so far, in the words for everybody."""
    match state:
        case ApplicationState.OFFERED | ApplicationState.ACCEPTED:
            return "approved"
        case ApplicationState.REJECTED:
            return "rejected"
        case ApplicationState.IN_REVIEW:
            return "in_review"
    return None
