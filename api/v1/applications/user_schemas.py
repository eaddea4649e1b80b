"""The user centre: a person as a channel knows them, and what is stored about them."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field

from api.http.schemas import Body, Reason, ResponseBody
from api.v1.applications.schemas import ApplicationSummary
from api.v1.people.consent_schemas import ConsentResponse
from domain.common.calendar import Day
from domain.verification.elements import ElementKind, Verdict
from services.applications.users import ReusableVerification, UserDetails
from storage.people.devices import Platform

Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class CustomerTags(Body):
    """How one of the lender's people knows a person, to the end of the day `until`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "level": 5,
                    "labels": ["staff"],
                    "until": "2027-03-31",
                    "reason": "works for us since January",
                }
            ]
        }
    )

    level: int = Field(strict=True, ge=0, le=9)
    labels: tuple[Label, ...] = Field(default=(), max_length=20)
    until: Day
    reason: Reason


class CustomerTagsResponse(ResponseBody):
    """A person's level and labels, and until when they count."""

    id: str
    level: int
    labels: tuple[str, ...]
    until: date


class LevelChangeResponse(ResponseBody):
    """A level that a person was given: by a rule of a definition, or by somebody with a reason."""

    level: int
    labels: tuple[str, ...]
    source: Literal["rules", "person"]
    rule: str | None
    definition: str | None
    reason: str | None
    until: date | None
    changed_by: str
    changed_at: datetime


class VerifiedPersonResponse(ResponseBody):
    """What was verified of a person, masked; null where nothing is."""

    name: str | None
    identity_number: str | None
    mobile: str | None
    bank_card: str | None


class DeviceResponse(ResponseBody):
    """A device, and how many applications came from it."""

    device_id: str
    platform: Platform
    applications: int
    first_seen_at: datetime
    last_seen_at: datetime


class ReusableElementResponse(ResponseBody):
    """A verified element and the last business date on which it counts for a new application."""

    kind: ElementKind
    element_id: str
    application_id: str
    verdict: Verdict
    verified_at: datetime
    counts_until: date

    @classmethod
    def of(cls, verification: ReusableVerification) -> Self:
        """Return the answer for a verified element."""
        element = verification.element
        return cls(
            kind=element.kind,
            element_id=element.element_id,
            application_id=element.application_id,
            verdict=Verdict.MATCH,
            verified_at=element.verified_at,
            counts_until=verification.counts_until,
        )


class UserResponse(ResponseBody):
    """One person in one channel.

    `can_loan_time` is the first day on which a rejected person may apply again; null if they may.
    """

    id: str
    channel: str
    customer_reference: str
    created_at: datetime
    person: VerifiedPersonResponse
    level: int
    labels: tuple[str, ...]
    level_until: date | None
    can_loan_time: date | None
    devices: list[DeviceResponse]
    consents: list[ConsentResponse]
    elements: list[ReusableElementResponse]
    applications: list[ApplicationSummary]

    @classmethod
    def of(cls, user: UserDetails) -> Self:
        """Return the answer for a person."""
        applicant = user.applicant
        return cls(
            id=applicant.id,
            channel=applicant.channel,
            customer_reference=applicant.customer_reference,
            created_at=applicant.created_at,
            person=VerifiedPersonResponse.model_validate(user.person),
            level=applicant.level,
            labels=applicant.labels,
            level_until=applicant.level_until,
            can_loan_time=user.can_loan_time,
            devices=[DeviceResponse.model_validate(row) for row in user.devices],
            consents=[ConsentResponse.model_validate(row) for row in user.consents],
            elements=[ReusableElementResponse.of(one) for one in user.verifications],
            applications=[ApplicationSummary.model_validate(row) for row in user.applications],
        )
