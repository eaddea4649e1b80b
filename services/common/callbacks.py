"""Callbacks of third parties: proved by a signature, kept once, and never believed.

A callback changes nothing by itself. It names what has news; whoever calls these functions then
wakes the process that waits for it, which asks. A repeat is answered alike: the process is woken
again, for the first call may not have reached it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from domain.common.errors import DomainError
from providers.http.signature import SignatureInvalid
from runtime.clock import utc_now
from services.common.strict_json import parse_strictly
from storage.common.callbacks import CallbackRepository
from storage.common.repository import Transaction

_log = structlog.stdlib.get_logger(__name__)

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
    """The process that waits, and the name of what it waits for: an order, a capture."""

    workflow_id: str
    reference: str


@dataclass(frozen=True)
class KeptCallback:
    """A callback on record; `is_repeat` when its event came before."""

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

    def kept(self, notice: NoticeT, body: bytes) -> bytes:
        """Return what is kept of a notice: by default the body as it was sent."""
        del notice
        return body

    async def learn(self, tx: Transaction, notice: NoticeT) -> None:
        """Record what a new notice says besides; by default nothing."""
        del tx, notice


def read_notice(sender: CallbackSender[NoticeT], body: bytes, signature: str | None) -> NoticeT:
    """Return the notice in `body`, before anything is asked of the record.

    Raises `CallbackRefused`, `InvalidJson` and `InvalidNotice`.
    """
    try:
        sender.verify(body, signature, utc_now())
    except SignatureInvalid as error:
        _log.warning("callback_refused", reason=error.code)
        raise CallbackRefused(f"The signature is {error.code}.") from None
    parse_strictly(body)
    try:
        return sender.notice.model_validate_json(body)
    except ValidationError as error:
        raise InvalidNotice([dict(item) for item in error.errors()]) from None


async def keep_notice(
    tx: Transaction, sender: CallbackSender[NoticeT], notice: NoticeT, body: bytes
) -> KeptCallback:
    """Keep a notice once by its event, and return whom to wake; raises `UnknownOrder`."""
    recipient = await sender.recipient_of(tx, notice)
    event_id = sender.event_id_of(notice)
    is_new = await CallbackRepository(tx).store(
        event_id, recipient.reference, sender.kept(notice, body)
    )
    if is_new:
        await sender.learn(tx, notice)
    return KeptCallback(event_id, not is_new, recipient)
