"""An authorised data import of an element, in steps: the case, the responses, the form of a source.

A data import is begun under the element's own id, so that a repeat begins nothing anew and a notice
finds its element even when the response to `begin` was lost. Every step goes through the
gateway: any source of the capability may begin an import, the later steps are that source's alone
and are paid for with the beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from activities.sources.enquiries import SourceResponse, Subject
from activities.verification.element_checks import Finding
from domain.people.consents import Purpose
from domain.verification.elements import Element, RealName, Verdict
from providers.http.verdict import VerificationResponse
from providers.verification.data_import import CodeResponse, CodeStatus

TOO_MANY_CODES: Final = "too_many_codes"

Given = TypeVar("Given", bound=Element)
BegunT = TypeVar("BegunT", bound=VerificationResponse)


class DataImportStep(StrEnum):
    """What a source says of a data import. `WRONG_CODE`: another one may be entered."""

    AWAITING_CODE = "awaiting_code"
    WRONG_CODE = "wrong_code"
    PENDING = "pending"
    DONE = "done"
    ENDED = "ended"


@dataclass(frozen=True, repr=False)
class DataImportCase:
    """One element to be imported, with what its source needs. Holds personal data.

    `source` is where the data import was begun and `reference` that source's own name for it, None
    before. `emergency_mobiles` are those of the applicant's emergency contacts, None where they are
    not known or may not be compared with what is imported.
    """

    element_id: str
    application_id: str
    applicant_id: str
    consent_id: str
    purpose: Purpose
    data: Element
    real_name: RealName
    source: str | None
    reference: str | None
    today: date
    emergency_mobiles: frozenset[str] | None = field(default=None, repr=False)

    def given(self, kind: type[Given]) -> Given:
        """Return the element itself, of the form by which its source was chosen."""
        assert isinstance(self.data, kind)  # noqa: S101 -- as said
        return self.data

    @property
    def numbers(self) -> dict[str, str]:
        """Return our number of the data import and the source's own."""
        return {"capture_no": self.element_id, "reference": self.reference or ""}

    @property
    def subject(self) -> Subject:
        """Return whom the requests are for; the element is their business key."""
        return Subject(self.element_id, self.applicant_id, self.application_id, self.purpose)


@dataclass(frozen=True)
class DataImportResponse:
    """What a source said: `finding` comes with DONE and only then, `reason` with ENDED.

    `source` is who began it and `reference` their name for it. `ask_again_after` is their wish
    while it is pending; `authorise_url` is their own page on which the applicant is to agree.
    """

    step: DataImportStep
    source: str | None = None
    reference: str | None = None
    authorise_url: str | None = field(default=None, repr=False)
    finding: Finding | None = None
    reason: str | None = None
    ask_again_after: timedelta | None = None


class DataImportSource(Protocol):
    """What can be imported. No source at all is `ProviderUnavailable`: tried again."""

    async def begin(self, case: DataImportCase) -> DataImportResponse:
        """Begin the import of `case.element_id`; a repeat begins nothing and answers the same."""

    async def confirm(self, case: DataImportCase, code: str, request_id: str) -> DataImportResponse:
        """Pass on the code that the applicant entered; one `request_id` is one try."""

    async def poll(self, case: DataImportCase) -> DataImportResponse:
        """Say how far the data import is."""


def after_code(response: CodeResponse, *, accepted: DataImportResponse) -> DataImportResponse:
    """Return what a code came to: `accepted`, a wrong one with more to come, or the end."""
    match response.status:
        case CodeStatus.ACCEPTED:
            return accepted
        case CodeStatus.EXPIRED:
            return DataImportResponse(DataImportStep.ENDED, reason="code_expired")
        case CodeStatus.WRONG_CODE if response.may_try_again:
            return DataImportResponse(DataImportStep.WRONG_CODE)
    return DataImportResponse(DataImportStep.ENDED, reason=TOO_MANY_CODES)


def not_begun(response: SourceResponse[BegunT]) -> DataImportResponse | None:
    """Return the end of a data import that its source did not begin."""
    if response.answer.passed:
        return None
    reasons = list(response.answer.reasons)
    return done(response.source, reasons[0], {"reasons": reasons})


def done(provider: str, reason: str | None, facts: Mapping[str, Any]) -> DataImportResponse:
    """Return the verdict of a data import: a mismatch for `reason`, without one a match."""
    verdict = Verdict.MATCH if reason is None else Verdict.MISMATCH
    return DataImportResponse(
        DataImportStep.DONE, finding=Finding(provider, verdict, reason, facts)
    )
