"""Reviews: applications that a person decides."""

from datetime import datetime

from pydantic import ConfigDict, Field

from api.http.schemas import Body, Currency, MinorUnits, Reason, ResponseBody
from domain.verification.elements import ElementKind


class ReviewBody(Body):
    """A reviewer's reason. It goes to the audit trail; personal data does not belong into it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "income and employer confirmed by phone"}]}
    )

    reason: Reason


class SupplementBody(ReviewBody):
    """What an applicant is asked to provide again, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kinds": ["identity_card"], "reason": "the back cannot be read"}]
        }
    )

    kinds: tuple[ElementKind, ...] = Field(min_length=1, max_length=len(ElementKind))


class ReviewResponse(ResponseBody):
    """An open task, the one due first at the head of the queue.

    `assigned_to` asked for a supplement that has come.
    """

    application_id: str
    product: str
    channel: str
    currency: Currency
    amount: MinorUnits
    instalments: int
    opened_at: datetime
    due_at: datetime
    assigned_to: str | None
