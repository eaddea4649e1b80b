"""What goes into and comes out of the Collections workflow."""

from datetime import date

from messages.base import Message


class StartCollections(Message):
    """Climb the ladder for a loan whose oldest unpaid instalment fell due on `oldest_due_on`."""

    loan_id: str
    applicant_id: str
    product: str
    episode: int
    oldest_due_on: date


class TakeStep(Message):
    """Take one step of the ladder, once."""

    loan_id: str
    episode: int
    action_id: str
    step: str
    business_date: date


class StepTaken(Message):
    """Whether a step was taken; it is not when the loan is no longer overdue."""

    taken: bool


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
