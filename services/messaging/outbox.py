"""Telling a customer of something: one call, in the transaction of what happened.

    await tell(tx, Notice(MessagePurpose.MONEY_SENT, f"{aggregate}:disbursed", aggregate, said))

Whoever sends it comes later (`services.messaging.sending`): a message exists if and only if what it
tells of is recorded, and a key is told once.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from domain.messaging.events import NOTICES, MessagePurpose
from domain.messaging.rendering import check_said
from messages.ids import derived_id
from runtime.clock import utc_now
from storage.common.repository import Transaction
from storage.messaging.outbox import CustomerMessageRepository, MessageCreate

TOLD_WITHIN: Final = timedelta(days=7)
"""A message that nobody could deliver so long is given up: it would confuse more than tell."""


@dataclass(frozen=True)
class Notice:
    """What a customer is told, once by `key`.

    `about` is what it concerns: `application:app_...`, `drawdown:dra_...`, `loan:loa_...` or
    `applicant:per_...`. `said` are the values of the purpose's variables: `money(...)`,
    ISO dates, counts, references (`domain.messaging.events.VARIABLES`). It is sent from
    `not_before` on, and no more after `ends_at`.
    """

    purpose: MessagePurpose
    key: str
    about: str
    said: dict[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None
    ends_at: datetime | None = None


async def tell(tx: Transaction, *notices: Notice) -> int:
    """Write notices to the outbox of messages by one statement; return how many are new.

    Raises ValueError for a value that is missing or of another type, and for a purpose that is no
    notice.
    """
    return await CustomerMessageRepository(tx).add_all([_row(one) for one in notices])


def amount(minor: int, currency: str) -> dict[str, Any]:
    """Return an amount in minor units as a message says it."""
    return {"amount": minor, "currency": currency}


def instant(at: datetime) -> str:
    """Return an instant as a message says it."""
    return at.astimezone(UTC).isoformat()


def _row(notice: Notice) -> MessageCreate:
    if notice.purpose not in NOTICES:
        raise ValueError(f"{notice.purpose} is sent by its process")
    check_said(notice.purpose, notice.said)
    begins = notice.not_before or utc_now()
    return MessageCreate(
        id=derived_id("msg", notice.purpose, notice.key),
        purpose=notice.purpose,
        event_key=f"{notice.key}:{notice.purpose}",
        subject=notice.about,
        said=notice.said,
        not_before=notice.not_before,
        ends_at=notice.ends_at or begins + TOLD_WITHIN,
    )
