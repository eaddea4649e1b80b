"""What is said about elements between the application's process, its activities and the API."""

from datetime import date, datetime, timedelta
from typing import Final

from pydantic import Field

from domain.applications.application import ApplicationState, Supplement, Waiting
from domain.verification.elements import ElementKind, Verdict
from messages.base import Message

NOT_ALLOWED: Final = "not_allowed"
"""The reason of an element that nobody may be asked about: its consent was withdrawn."""

REFUSED_BY_SOURCE: Final = "refused_by_source"
"""The reason of an element whose source would not take the question."""


class ElementOutcome(Message):
    """What became of one element.

    `pending` while its source cannot be reached or takes its time, `awaiting_code` until the
    applicant enters the code that the source sent, `unavailable` when the source gave no answer.
    """

    element_id: str
    kind: ElementKind
    verdict: Verdict
    reason: str | None = None


class VerifyElement(Message):
    """Ask the third party behind an element."""

    application_id: str
    element_id: str
    kind: ElementKind


class VerifyElements(Message):
    """Ask about elements of one application, at most one of a kind."""

    elements: tuple[VerifyElement, ...] = Field(min_length=1)


class VerifiedElements(Message):
    """What came of those elements that did not fail and were not slow."""

    outcomes: tuple[ElementOutcome, ...]


class StartDataImport(Message):
    """Have a source begin to fetch an element; `workflow_id` is signalled when it is done."""

    application_id: str
    element_id: str
    kind: ElementKind
    workflow_id: str
    at: datetime


class ConfirmDataImport(Message):
    """Pass a code on that the applicant entered; the code itself is in the database only."""

    application_id: str
    element_id: str
    kind: ElementKind
    code_id: str


class PollDataImport(Message):
    """Ask a source whether it is done."""

    application_id: str
    element_id: str
    kind: ElementKind


class EndDataImport(Message):
    """Give an import up: its source has not answered in its time, or may not be asked any more."""

    application_id: str
    element_id: str
    kind: ElementKind
    reason: str


class DataImportProgress(ElementOutcome):
    """How far a data import is that was `begun_at` an instant.

    `ask_again_after` is the source's wish while it is pending.
    """

    begun_at: datetime
    ask_again_after: timedelta | None = None


class ConfirmElement(Message):
    """The applicant entered the code that the source of an element sent; it is on record."""

    element_id: str
    code_id: str


class ElementSettled(Message):
    """An update on a data import: its source is to be asked. `event_id` is the callback's."""

    element_id: str
    event_id: str


class ReusedElement(Message):
    """An element that was verified for an earlier application and counts for this one."""

    kind: ElementKind
    element_id: str


class ReuseElements(Message):
    """Let what the person had verified before count, at its validity on the business date `on`."""

    application_id: str
    kinds: tuple[ElementKind, ...]
    on: date
    at: datetime


class ReusedElements(Message):
    """What counts from before."""

    elements: tuple[ReusedElement, ...]


class RemindApplicant(Message):
    """Remind an applicant of what is missing; `number` counts the reminders of an application.

    It is asked for `at` that instant, for somebody who lives in `zone`.
    """

    application_id: str
    message_id: str
    number: int
    missing: tuple[ElementKind, ...]
    at: datetime
    zone: str


class ApplicantReminded(Message):
    """What came of a reminder: in quiet hours nothing, it may be asked for anew `not_before`."""

    not_before: datetime | None = None


class SupplementRequest(Message):
    """A reviewer asks for elements to be provided again."""

    kinds: tuple[ElementKind, ...]
    reason: str = ""
    reviewer: str = "reviewer"


class RecordSupplement(Message):
    """Write a reviewer's request and the state that follows from it."""

    application_id: str
    supplement: Supplement
    state: ApplicationState
    waiting: Waiting
    state_seq: int
    at: datetime
    business_date: date


class ResumeReview(Message):
    """Write that a supplement is complete and its review goes on."""

    application_id: str
    round: int
    state: ApplicationState
    waiting: Waiting
    state_seq: int
    at: datetime
