"""Callbacks of third parties: proved by a signature, stored once, and never believed.

A callback changes nothing by itself. It names what has changed; whoever calls these functions then
notifies the process that waits for it, which queries. A repeat is answered alike: the process is
notified again, for the first call may not have reached it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from domain.common.errors import DomainError
from providers.http.signature import HEADER, SignatureInvalid, verify_signature
from runtime.clock import utc_now
from services.common.strict_json import parse_strictly, without_mark
from storage.common.callbacks import CallbackRepository
from storage.common.repository import Transaction

_log = structlog.stdlib.get_logger(__name__)

_MAX_VALUES: Final = 4_096
"""So many values a notice may hold, which has a few dozen."""

NoticeT = TypeVar("NoticeT", bound=BaseModel)


class CallbackRefused(DomainError):
    """A callback is not proved to be from whom it says it is."""

    code = "signature_invalid"


class UnknownOrder(DomainError):
    """A callback is about something that was never asked for."""


class InvalidNotice(DomainError):
    """A callback's body does not have the agreed form; `complaints` as pydantic lists them."""

    code = "validation_failed"

    def __init__(self, complaints: list[dict[str, Any]]) -> None:
        super().__init__("the notice has invalid fields")
        self.complaints = complaints


@dataclass(frozen=True)
class Recipient:
    """The process that waits, and the name of what it waits for: an order, a data import."""

    workflow_id: str
    reference: str


@dataclass(frozen=True)
class StoredCallback:
    """A stored callback; `is_repeat` when its event came before."""

    event_id: str
    is_repeat: bool
    recipient: Recipient


class CallbackSender(ABC, Generic[NoticeT]):
    """A third party that calls back: how it signs, what its notices are, and what they are about.

    `header` is where its signature comes.
    """

    header: str
    notice: type[NoticeT]

    @abstractmethod
    def verify(self, body: bytes, signature: str | None, now: datetime) -> None:
        """Raise `SignatureInvalid` unless `signature` signs exactly `body`."""

    @abstractmethod
    def event_id_of(self, notice: NoticeT) -> str:
        """Return what makes two deliveries one event."""

    @abstractmethod
    async def recipient_of(self, tx: Transaction, notice: NoticeT) -> Recipient:
        """Return who waits for it; raises `UnknownOrder`."""

    async def learn(self, tx: Transaction, notice: NoticeT) -> None:
        """Record what a new notice says besides; by default nothing."""
        del tx, notice


class SharedSecretSender(CallbackSender[NoticeT]):
    """A third party that signs in our own form, by a secret that it shares with us."""

    header = HEADER

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def verify(self, body: bytes, signature: str | None, now: datetime) -> None:
        """Verify our own form of signature."""
        verify_signature(self._secret, signature, body, now)


def read_notice(sender: CallbackSender[NoticeT], body: bytes, signature: str | None) -> NoticeT:
    """Return the notice in `body`, before the database is asked for anything.

    Raises `CallbackRefused`, `InvalidJson` and `InvalidNotice`.
    """
    try:
        sender.verify(body, signature, utc_now())
    except SignatureInvalid as error:
        _log.warning("callback_refused", reason=error.code)
        raise CallbackRefused(f"The signature is {error.code}.") from None
    parse_strictly(body, _MAX_VALUES)
    try:
        return sender.notice.model_validate_json(without_mark(body))
    except ValidationError as error:
        raise InvalidNotice([dict(item) for item in error.errors()]) from None


async def store_notice(
    tx: Transaction, sender: CallbackSender[NoticeT], notice: NoticeT
) -> StoredCallback:
    """Store a notice once by its event, and return whom to notify; raises `UnknownOrder`.

    It is stored as read, not as sent: fields that nobody agreed on may hold anything.
    """
    recipient = await sender.recipient_of(tx, notice)
    event_id = sender.event_id_of(notice)
    is_new = await CallbackRepository(tx).store(
        event_id, recipient.reference, notice.model_dump_json().encode()
    )
    if is_new:
        await sender.learn(tx, notice)
    return StoredCallback(event_id, not is_new, recipient)
