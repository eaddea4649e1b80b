"""What goes into and comes out of the CreditApplication workflow."""

from datetime import date, datetime
from decimal import Decimal

from domain.applications.appeals import Appeal
from domain.applications.application import (
    ApplicationState,
    ElementRecord,
    Rejection,
    Supplement,
    Waiting,
)
from domain.decisioning.decision import Decision
from domain.products.products import AgreedProduct
from domain.verification.elements import ElementKind
from messages.base import Message
from messages.verification import ElementOutcome, ReusedElement


class StartApplication(Message):
    """Begin an application whose row is recorded already. `amount` is in minor units.

    `product` is what is applied for, as it is in force then. `reused` is what the applicant had
    verified before and still counts. With an `appeal` it goes on where a rejection ended it.
    """

    application_id: str
    applicant_id: str
    product: AgreedProduct
    channel: str
    currency: str
    amount: int
    instalments: int
    reused: tuple[ReusedElement, ...] = ()
    appeal: Appeal | None = None


class ProvidedElement(Message):
    """An element that the API stored."""

    element_id: str
    kind: ElementKind


class ProvideElements(Message):
    """Elements given together are verified side by side.

    `submit` asks for the decision as soon as what was asked for is there.
    """

    elements: tuple[ProvidedElement, ...]
    submit: bool = False


class AssessApplication(Message):
    """Fetch the score and decide by the policy, once per application and attempt."""

    application_id: str
    decided_at: datetime
    business_date: date


class Offer(Message):
    """What a lender offers after approval. Amounts in minor units, rates percent a year."""

    offer_id: str
    currency: str
    amount: int
    instalments: int
    annual_rate: Decimal
    penalty_annual_rate: Decimal
    mode: str
    expires_at: datetime


class ReviewCommand(Message):
    """A reviewer's word on an application.

    `reviewer` is a person of the staff by id or handle. An approval may be of a lower `amount`
    (minor units) or fewer `instalments` than asked for; a rejection may name its `code` of the
    table of reject codes. The defaults let `temporal workflow signal --name approve` work without
    an input.
    """

    reviewer: str = "reviewer"
    reason: str = ""
    amount: int | None = None
    instalments: int | None = None
    code: str | None = None


class RecordReview(Message):
    """Judge a reviewer's word and write what follows from it.

    `in_review` says whether the process waits for one; `number` counts the words that it was given.
    `offer` is what an approval offers, of all that was asked for; `state_seq` is that of the state
    which follows from a word that counts.
    """

    application_id: str
    approve: bool
    in_review: bool
    number: int
    command: ReviewCommand
    at: datetime
    business_date: date
    offer: Offer | None
    state_seq: int


class RecordedReview(Message):
    """What a reviewer's word led to: an `offer`, a `rejection`, or a second person's turn.

    The second person has until `due_at`.
    """

    offer: Offer | None = None
    rejection: Rejection | None = None
    due_at: datetime | None = None


class EscalateReview(Message):
    """Leave a review that was due at `due_at` to senior people."""

    application_id: str
    due_at: datetime
    at: datetime


class ReviewDue(Message):
    """When a review is due that was not late after all; None once it was left to others."""

    due_at: datetime | None


class RecordState(Message):
    """Write an application's state to the database; a rejected one's with its `reject_code`."""

    application_id: str
    state: ApplicationState
    waiting: Waiting
    state_seq: int
    at: datetime
    business_date: date
    reject_code: str | None = None


class RecordedState(Message):
    """What was written: of a rejection also from when the person may apply again."""

    rejection: Rejection | None = None


class RecordDecision(Message):
    """Write the automatic decision and what follows from it in one transaction."""

    application_id: str
    decision: Decision
    state: ApplicationState
    waiting: Waiting
    state_seq: int
    at: datetime
    review_due_at: datetime | None
    offer: Offer | None


class OpenLine(Message):
    """Record the acceptance of an offer, open the line that follows from it, and start it."""

    application_id: str
    applicant_id: str
    offer: Offer
    line_id: str
    opened_at: datetime
    expires_at: datetime
    state_seq: int


class ApplicationView(Message):
    """An application as its commands answer it."""

    application_id: str
    state: ApplicationState
    waiting: Waiting
    state_seq: int
    offer_id: str | None = None
    line_id: str | None = None
    rejection: Rejection | None = None


class ElementOutcomes(Message):
    """The answer to `provide_elements`: each outcome, and where the application stands now."""

    outcomes: tuple[ElementOutcome, ...]
    application: ApplicationView


class ApplicationSnapshot(Message):
    """Everything the process remembers, for live debugging."""

    view: ApplicationView
    elements: tuple[ElementRecord, ...]
    supplement: Supplement | None = None
