"""What an applicant is told of an application."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from domain.applications.application import Rejection, Supplement
from domain.common.reject_codes import RejectCodes
from domain.messaging.events import MessagePurpose
from domain.messaging.rendering import reference_of
from messages import ids
from messages.applications import Offer
from services.messaging.outbox import Notice, amount, instant
from storage.applications.applications import ApplicationRow

_BEFORE_THE_END: Final = timedelta(days=1)
"""So long before an offer ends its applicant is told."""


def offer_notices(application: ApplicationRow, offer: Offer) -> Iterator[Notice]:
    """Yield the approval, and that the offer ends: sent only if it is still open by then."""
    about = ids.application_workflow(application.id)
    said = {
        "application": reference_of(application.id),
        "amount": amount(offer.amount, offer.currency),
        "until": instant(offer.expires_at),
    }
    if offer.amount < application.amount:
        asked = amount(application.amount, application.currency)
        yield Notice(MessagePurpose.OFFER_LOWERED, offer.offer_id, about, said | {"asked": asked})
    else:
        yield Notice(MessagePurpose.APPLICATION_APPROVED, offer.offer_id, about, said)
    yield Notice(
        MessagePurpose.OFFER_ENDING,
        offer.offer_id,
        about,
        said,
        not_before=offer.expires_at - _BEFORE_THE_END,
        ends_at=offer.expires_at,
    )


def rejection_notice(
    application_id: str,
    rejection: Rejection,
    codes: RejectCodes,
    state_seq: int,
    *,
    is_locked: bool,
) -> Notice:
    """Return the rejection with what applicants are told of its reason, and until when it holds.

    One that is rejected again after an appeal is told again: `state_seq` tells them apart.
    `is_locked`: it only repeats an earlier one that still keeps the person away.
    """
    about = ids.application_workflow(application_id)
    key, on = f"{about}:rejected:{state_seq}", rejection.reapply_on
    said = {
        "application": reference_of(application_id),
        "reapply_on": None if on is None else on.isoformat(),
    }
    if is_locked:
        return Notice(MessagePurpose.APPLICANT_LOCKED, key, about, said)
    reason = {"reason": codes.category_of(rejection.code)}
    return Notice(MessagePurpose.APPLICATION_REJECTED, key, about, said | reason)


def supplement_notice(application_id: str, asked: Supplement) -> Notice:
    """Return what a reviewer asks to be provided again, and until when."""
    about = ids.application_workflow(application_id)
    return Notice(
        MessagePurpose.SUPPLEMENT_REQUESTED,
        f"{about}:supplement:{asked.round}",
        about,
        {
            "application": reference_of(application_id),
            "missing": len(asked.kinds),
            "until": instant(asked.due_at),
        },
        ends_at=asked.due_at,
    )
