"""What goes into and comes out of the Collections workflow."""

from datetime import date, datetime

from domain.collections import CollectionsLadder, ContactChannel
from domain.common.definitions import Agreed, DefinitionRef
from messages.base import Message


class StartCollections(Message):
    """Climb the loan's ladder; its oldest unpaid instalment fell due on `oldest_due_on`.

    `zone` is where the loan's business dates are.
    """

    loan_id: str
    applicant_id: str
    product: str
    zone: str
    ladder: Agreed[CollectionsLadder]
    episode: int
    oldest_due_on: date


class TakeStep(Message):
    """Take one step of a ladder, once; a message is sent by its `template`.

    It is asked for `at` that instant, for `zone`.
    """

    loan_id: str
    episode: int
    action_id: str
    step: str
    channel: ContactChannel
    template: str | None
    ladder: DefinitionRef
    business_date: date
    at: datetime
    zone: str


class StepTaken(Message):
    """Whether a step was taken; it is not when the loan is no longer overdue.

    Nor in quiet hours: it may be asked for anew `not_before`.
    """

    taken: bool
    not_before: datetime | None = None


class CloseEpisode(Message):
    """Cancel the open tasks of an episode that ended."""

    loan_id: str
    episode: int


class CollectionsResult(Message):
    """How an episode ended."""

    loan_id: str
    episode: int
    cured: bool
    steps: int
