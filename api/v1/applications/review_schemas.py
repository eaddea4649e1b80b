"""Reviews: applications that a person decides."""

from pydantic import ConfigDict, Field

from api.http.schemas import Body, MinorUnits, Reason
from domain.verification.elements import ElementKind


class ReviewBody(Body):
    """A reviewer's reason. It goes to the audit trail; personal data does not belong into it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "income and employer confirmed by phone"}]}
    )

    reason: Reason


class ApproveBody(ReviewBody):
    """An approval, of what was asked for or of less."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "income supports a lower amount", "amount": 600000}]
        }
    )

    amount: MinorUnits | None = Field(default=None, gt=0, strict=True)
    instalments: int | None = Field(default=None, gt=0, strict=True)


class RejectBody(ReviewBody):
    """A rejection; `code` is one of the table of reject codes, that of a reviewer if left out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "income not confirmed", "code": "R13"}]}
    )

    code: str | None = Field(default=None, pattern=r"^R[0-9]{2}$")


class SupplementBody(ReviewBody):
    """What an applicant is asked to provide again, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kinds": ["identity_card"], "reason": "the back cannot be read"}]
        }
    )

    kinds: tuple[ElementKind, ...] = Field(min_length=1, max_length=len(ElementKind))
