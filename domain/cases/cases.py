"""A case: something that a person has to look at, in a queue, with one owner at a time.

Reviews of applications are the first kind. The owner holds a claim that ends by itself, so that
nothing waits for somebody who went home.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.common.data import Data
from domain.common.errors import DomainError, FieldError, TryLater

SYSTEM: Final = "system"
"""The actor of what no person does."""


class CaseKind(StrEnum):
    """What a case is about."""

    REVIEW = "review"


class Stage(StrEnum):
    """A case that needs two people has an initial and a final stage."""

    INITIAL = "initial"
    FINAL = "final"


class CaseState(StrEnum):
    """A case is open until it has its outcome."""

    OPEN = "open"
    CLOSED = "closed"


class CaseOutcome(StrEnum):
    """How a case ended; an abandoned one ended because its subject did."""

    APPROVED = "approved"
    REJECTED = "rejected"
    ABANDONED = "abandoned"


class LogEntry(StrEnum):
    """What the worklog of a case says was done."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    CLAIMED = "claimed"
    RELEASED = "released"
    NOTE = "note"
    CALL = "call"
    PASSED_ON = "passed_on"
    ESCALATED = "escalated"
    PAUSED = "paused"
    RESUMED = "resumed"
    CLOSED = "closed"


class CallResult(StrEnum):
    """What came of a telephone call."""

    VERIFIED = "verified"
    MISMATCH = "mismatch"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"
    BUSY = "busy"


class CaseClosed(DomainError):
    """The case has its outcome already."""


class CaseClaimed(DomainError):
    """Somebody else works on the case."""


class ClaimNeeded(DomainError):
    """The case has to be claimed first, or the claim has run out."""


class CaseWaits(DomainError):
    """The case waits for its applicant: there is nothing to do until something comes."""


class SecondReviewerNeeded(DomainError):
    """The final stage takes somebody else than the initial one, and a person who is known."""


class CallsExhausted(DomainError):
    """Somebody was called as often as may be."""


class CallTooSoon(TryLater):
    """The last call was a short while ago."""


class UnknownScript(FieldError):
    """A call names a script that the strategy does not have."""


class Claim(Data):
    """Who works on a case, until when."""

    holder: str
    until: datetime

    def is_live(self, at: datetime) -> bool:
        """Say whether the claim still counts; at its very end it does not."""
        return at < self.until


def check_free(claim: Claim | None, person: str, at: datetime) -> None:
    """Raise `CaseClaimed` while somebody else than `person` holds the case."""
    if claim is not None and claim.is_live(at) and claim.holder != person:
        raise CaseClaimed(f"somebody else works on this case until {claim.until:%H:%M} UTC")


def check_held(claim: Claim | None, person: str, at: datetime) -> None:
    """Raise unless `person` holds the case now."""
    check_free(claim, person, at)
    if claim is None or not claim.is_live(at):
        raise ClaimNeeded("claim the case first; a claim that is not renewed runs out")


def due_after_pause(due_at: datetime, paused_at: datetime, resumed_at: datetime) -> datetime:
    """Return when a case is due after a pause: later by as long as it waited."""
    return due_at + max(resumed_at - paused_at, timedelta())


def check_may_call(
    earlier: int, last_at: datetime | None, at: datetime, most: int, pause: timedelta
) -> None:
    """Raise unless somebody may be called again after `earlier` calls, the last at `last_at`."""
    if earlier >= most:
        raise CallsExhausted(f"called {earlier} times, which is the limit")
    if last_at is not None and at < last_at + pause:
        raise CallTooSoon(
            f"the next call is possible from {last_at + pause:%Y-%m-%d %H:%M} UTC on",
            retry_after=last_at + pause - at,
        )
