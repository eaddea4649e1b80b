"""Appeals: an applicant asks that a person looks at an automated rejection.

A right of the applicant where only a program decided (PIPL article 24, GDPR article 22).
"""

from datetime import datetime, timedelta

from domain.applications.application import ApplicationState, ElementRecord, Rejection
from domain.common.data import Data
from domain.common.errors import DomainError
from domain.common.reject_codes import RejectCodes


class AppealRefused(DomainError):
    """An application was not rejected by a program, or it is too late, or was appealed before."""


class Appeal(Data):
    """How a process goes on that an appeal begins anew.

    `state_seq` is that of the last state on record, `elements` what the rejected one knew.
    """

    state_seq: int
    elements: tuple[ElementRecord, ...]
    supplement_rounds: int
    review_due_at: datetime


def check_may_appeal(
    state: ApplicationState,
    rejection: Rejection | None,
    rejected_at: datetime,
    now: datetime,
    codes: RejectCodes,
    *,
    by_person: bool,
) -> None:
    """Raise `AppealRefused`, in words for the applicant, unless a rejection can be appealed now.

    `by_person` says that a reviewer rejected.
    """
    if state is not ApplicationState.REJECTED or rejection is None:
        raise AppealRefused(f"The application is {state}: only a rejection can be appealed.")
    if by_person:
        raise AppealRefused("A person has looked at this application and rejected it.")
    if not codes.may_appeal(rejection.code):
        raise AppealRefused(
            "This rejection cannot be appealed. Apply again when its reason is gone."
        )
    until = rejected_at + timedelta(days=codes.appeal_days)
    if now >= until:
        raise AppealRefused(f"An appeal was possible until {until:%Y-%m-%d %H:%M} UTC.")
