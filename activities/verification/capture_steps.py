"""What it is to capture an element in steps: the case, the answers, the form of a source.

A capture is begun under the element's own id, so that a repeat begins nothing anew and a notice
finds its element even when the answer to `begin` was lost. Every step goes through the
gateway: any source of the capability may begin a capture, the later steps are that source's alone
and are paid for with the beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from pydantic import BaseModel

from activities.sources.enquiries import Assessment, SourceResponse, Subject
from activities.verification.element_checks import Finding
from domain.people.consents import Purpose
from domain.verification.elements import Element, RealName, Verdict
from providers.http.verdict import Verdict as Answered
from providers.verification.capture import CodeStatus, Confirmation
from providers.verification.card_binding import Binding

TOO_MANY_CODES: Final = "too_many_codes"


class CaptureStep(StrEnum):
    """What a source says of a capture. `WRONG_CODE`: another one may be entered."""

    AWAITING_CODE = "awaiting_code"
    WRONG_CODE = "wrong_code"
    PENDING = "pending"
    DONE = "done"
    ENDED = "ended"


@dataclass(frozen=True, repr=False)
class CaptureCase:
    """One element to be captured, with what its source needs. Holds personal data.

    `source` is where the capture was begun and `reference` that source's own name for it, None
    before. `emergency_mobiles` are those of the applicant's emergency contacts, None where they are
    not known or may not be compared with what is captured.
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

    @property
    def subject(self) -> Subject:
        """Return whom the enquiry is for; the element is its business key."""
        return Subject(self.element_id, self.applicant_id, self.application_id, self.purpose)


@dataclass(frozen=True)
class CaptureAnswer:
    """What a source said: `finding` comes with DONE and only then, `reason` with ENDED.

    `source` is who began it and `reference` their name for it. `ask_again_after` is their wish
    while it is pending; `authorise_url` is their own page on which the applicant is to agree.
    """

    step: CaptureStep
    source: str | None = None
    reference: str | None = None
    authorise_url: str | None = field(default=None, repr=False)
    finding: Finding | None = None
    reason: str | None = None
    ask_again_after: timedelta | None = None


class CaptureSource(Protocol):
    """What can be captured. No source at all is `ProviderUnavailable`: tried again, no answer."""

    async def begin(self, case: CaptureCase) -> CaptureAnswer:
        """Begin the capture of `case.element_id`; a repeat begins nothing and answers the same."""

    async def confirm(self, case: CaptureCase, code: str, request_id: str) -> CaptureAnswer:
        """Pass on the code that the applicant entered; one `request_id` is one try."""

    async def poll(self, case: CaptureCase) -> CaptureAnswer:
        """Say how far the capture is."""


def fields_of(request: BaseModel) -> dict[str, Any]:
    """Return what a request holds, by the names under which a provider takes it."""
    return {name: getattr(request, name) for name in type(request).model_fields}


def judge_code(answer: Confirmation | Binding) -> Assessment:
    """Return what a code came to: an answer in any case, and never one for another code."""
    if answer.status is CodeStatus.ACCEPTED:
        return Assessment(Answered.MATCH, None, is_conclusive=True, cacheable=False)
    code = "code_expired" if answer.status is CodeStatus.EXPIRED else "wrong_code"
    return Assessment(Answered.MISMATCH, code, is_conclusive=True, cacheable=False)


def not_begun(told: SourceResponse[Any]) -> CaptureAnswer | None:
    """Return the end of a capture that its source did not begin."""
    if told.answer.passed:
        return None
    reasons = list(told.answer.reasons)
    return done(told.source, reasons[0], {"reasons": reasons})


def done(provider: str, reason: str | None, facts: Mapping[str, Any]) -> CaptureAnswer:
    """Return the verdict of a capture: a mismatch for `reason`, without one a match."""
    verdict = Verdict.MATCH if reason is None else Verdict.MISMATCH
    return CaptureAnswer(CaptureStep.DONE, finding=Finding(provider, verdict, reason, facts))
