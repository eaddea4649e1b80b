"""What the sources have in common that the user must authorise and that take their time.

A capture is begun under a number that the caller chooses before the first call and never changes:
a repeat begins nothing anew, and a notice finds its capture even if the answer was lost. What the
source collected is asked for until it is done; a signed notice only says when to ask.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field, model_validator

from providers.http.client import ProviderClient
from providers.http.errors import ProviderUnavailable
from providers.http.transport import REPORT_LIMIT, RESPONSE_LIMIT
from providers.http.verdict import Answer, ReasonCode
from providers.http.wire import PersonalWire, Wire

ReportSource = Literal["operator_report", "online_banking", "ecommerce"]

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:.\-]{1,128}$")]
"""An opaque number of ours or of the source's."""

Minor = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
"""An amount in minor units of the currency beside it."""

SignedMinor = Annotated[int, Field(ge=-1_000_000_000_000, le=1_000_000_000_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Day = Annotated[date, Field(strict=False)]
Instant = Annotated[AwareDatetime, Field(strict=False)]
TriesLeft = Annotated[int, Field(ge=0, le=20)]


class Begun(Answer):
    """A match began the capture; the source's `reference` comes with it and only with it."""

    capture_no: Key
    reference: Key | None = None

    @model_validator(mode="after")
    def _a_match_has_a_reference(self) -> Self:
        if self.passed != (self.reference is not None):
            raise ValueError("a reference is given exactly when the capture began")
        return self


class Authorisation(Begun):
    """An import that began: the source's own page where the user signs in and agrees.

    What the user enters there never passes through us.
    """

    authorise_url: str | None = Field(default=None, pattern=r"^https://[^\s]{1,500}$", repr=False)

    @model_validator(mode="after")
    def _a_match_has_a_page(self) -> Self:
        if self.passed != (self.authorise_url is not None):
            raise ValueError("a page is given exactly when the import began")
        return self


class CodeStatus(StrEnum):
    """What became of a code from a text message. `WRONG_CODE` may be tried again."""

    ACCEPTED = "accepted"
    WRONG_CODE = "wrong_code"
    EXPIRED = "expired"


class Confirmation(Wire):
    """Whether the code was right; the tries that are left come with a wrong one."""

    capture_no: Key
    status: Annotated[CodeStatus, Field(strict=False)]
    tries_left: TriesLeft | None = None

    @model_validator(mode="after")
    def _a_wrong_code_leaves_tries(self) -> Self:
        if (self.status is CodeStatus.WRONG_CODE) != (self.tries_left is not None):
            raise ValueError("the tries left are given exactly with a wrong code")
        return self


class ReportStatus(StrEnum):
    """Where a capture stands. `DONE` and `FAILED` are final."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class ReportState(PersonalWire):
    """The source's view of a capture; a failed one, and no other, has a reason.

    `retry_after_seconds` is the source's wish for a pending one. Subclasses add the `document`.
    """

    capture_no: Key
    status: Annotated[ReportStatus, Field(strict=False)]
    reason: ReasonCode | None = None
    retry_after_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None

    @model_validator(mode="after")
    def _only_failures_have_reasons(self) -> Self:
        if (self.status is ReportStatus.FAILED) != (self.reason is not None):
            raise ValueError("a reason is given exactly when the capture failed")
        return self

    @property
    def final(self) -> bool:
        """Whether the status can no longer change."""
        return self.status is not ReportStatus.PENDING


class ReportNotice(Wire):
    """The callback body by which a source says that a capture has ended; ask for the report then.

    `event_id` marks repeats. It carries nothing of what was captured.
    """

    event_id: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")
    source: ReportSource
    capture_no: Key
    status: Literal["done", "failed"]
    reason: ReasonCode | None = None
    occurred_at: Instant

    @model_validator(mode="after")
    def _only_failures_have_reasons(self) -> Self:
        if (self.status == "failed") != (self.reason is not None):
            raise ValueError("a reason is given exactly when the capture failed")
        return self


class ReportQuery(Wire):
    """Which capture, as sent: our number and the source's."""

    capture_no: Key
    reference: Key


class CodeEntry(PersonalWire):
    """The code that the user received, as sent."""

    capture_no: Key
    reference: Key
    code: str = Field(pattern=r"^[0-9]{4,8}$")


Numbered = TypeVar("Numbered", bound=Begun | Confirmation | ReportState)


async def call_about(
    client: ProviderClient,
    source: ReportSource,
    operation: str,
    request: Wire,
    answer: type[Numbered],
    *,
    capture_no: str,
    request_id: str,
) -> Numbered:
    """Call and return the answer; one about another capture is ProviderUnavailable.

    What was collected may be larger than other answers.
    """
    limit = REPORT_LIMIT if issubclass(answer, ReportState) else RESPONSE_LIMIT
    result = await client.call(source, operation, request, answer, request_id, limit)
    if result.capture_no != capture_no:
        raise ProviderUnavailable(source, "invalid_response")
    return result


def completed_months(start: date, on: date) -> int:
    """Return the whole months from `start` to `on`, 0 if `start` lies later."""
    months = 12 * (on.year - start.year) + on.month - start.month - (on.day < start.day)
    return max(months, 0)
