"""Sending what is in the outbox of messages, each once.

A sender claims some messages for a time, writes how each is going to be sent, sends, and writes
what came of it. Dead at any point, its claim ends and the next sender goes on: the message that was
prepared is sent as it was prepared, under the same id, after the gateway was asked whether it has
it. So a customer is told once, by one channel, in one wording.
"""

import asyncio
import hashlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import structlog

from domain.common.errors import DomainError
from domain.common.zones import zone_of
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.events import HOME_LANGUAGE, HOME_ZONE, MARKETING, MessageChannel
from domain.messaging.templates import MESSAGE_TEMPLATE, MessageTemplate, Rendered
from providers.http.client import Client
from providers.http.errors import WRONG_ADDRESS, ProviderRejected, ProviderUnavailable
from providers.messaging import (
    EmailQuery,
    EmailRequest,
    MessageQuery,
    MessageRequest,
    PushQuery,
    PushRequest,
)
from runtime.clock import utc_now
from runtime.failpoints import failpoint
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.messaging.outbox import (
    Attempted,
    ClaimedMessage,
    CustomerMessageRepository,
    MessageState,
    Prepared,
)

TOGETHER: Final = 50
"""So many messages are claimed and sent at once."""

PAUSE_SECONDS: Final = 5.0
"""So often a sender looks. Soon enough for a customer; what a credit tells goes out together."""

LEASE: Final = timedelta(minutes=1)
"""Longer than any attempt takes: nobody else sends what a living sender has."""

NO_ADDRESS: Final = "no_address"
"""There is no channel by which the customer can be reached yet."""

_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_TAKEN: Final = "message_conflict"
_OUR_FAULT: Final = WRONG_ADDRESS | {"unauthorized", "http_401", "http_403"}
"""Refusals that say nothing of the message: our side is set up wrongly, and will be mended."""

_PASSING: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, repr=False)
class _Ready:
    """A message as it goes out. Holds personal data."""

    claimed: ClaimedMessage
    template: MessageTemplate
    prepared: Prepared
    rendered: Rendered


@dataclass(frozen=True)
class MessageSender:
    """Sends messages; any number of senders may work at once."""

    database: Database
    providers: Client

    async def send_due(self, limit: int = TOGETHER) -> int:
        """Send what is due, at most `limit`; return how many messages were looked at."""
        now = utc_now()
        async with self.database.transaction() as tx:
            claimed = await CustomerMessageRepository(tx).claim(limit, LEASE)
            if not claimed:
                return 0
            over, ready = await _prepared(tx, claimed, now)
            if ready:
                await CustomerMessageRepository(tx).prepare([one.prepared for one in ready])
            if over:
                await CustomerMessageRepository(tx).record(over)
        await failpoint("send_messages.before_send")
        came = await asyncio.gather(
            *(self._attempt(one, now) for one in ready), return_exceptions=True
        )
        attempted = [_outcome(one, result, now) for one, result in zip(ready, came, strict=True)]
        await failpoint("send_messages.after_send")
        if attempted:
            async with self.database.transaction() as tx:
                await CustomerMessageRepository(tx).record(attempted)
        return len(claimed)

    async def keep_sending(self, pause_seconds: float = PAUSE_SECONDS) -> None:
        """Send what becomes due, until cancelled; what goes wrong is logged and tried again."""
        while True:
            try:
                looked_at = await self.send_due()
            except _PASSING as error:
                _log.warning("messages_not_sent", error_type=type(error).__name__)
                looked_at = 0
            except Exception as error:  # noqa: BLE001 -- a sender that ends is not started again
                # The type and the place only: an error's text may hold what a message says.
                _log.error(
                    "messages_not_sent", error_type=type(error).__name__, at=_place_of(error)
                )
                looked_at = 0
            if looked_at < TOGETHER:
                await asyncio.sleep(pause_seconds)

    async def _attempt(self, ready: _Ready, now: datetime) -> Attempted:
        row, via = ready.claimed.row, ready.prepared.via
        number = f"{row.id}-{via}"
        try:
            if row.attempts > 1 and await self._is_taken(via, number):
                return Attempted(row.id, MessageState.SENT)
            await self.providers.call(_request(ready, number), request_id=number)
        except ProviderUnavailable as error:
            return _later(ready.claimed, error.code, now, error.retry_after)
        except ProviderRejected as error:
            if error.code == _TAKEN:
                # Something went out under the id: by another channel it would go out twice.
                return Attempted(row.id, MessageState.UNDELIVERABLE, error.code)
            _log.warning("message_refused", channel=via, code=error.code)
            if error.code in _OUR_FAULT:
                return _later(ready.claimed, error.code, now)
            return Attempted(row.id, MessageState.OPEN, error.code, again_at=now, refused_by=via)
        return Attempted(row.id, MessageState.SENT)

    async def _is_taken(self, via: MessageChannel, number: str) -> bool:
        query: MessageQuery | EmailQuery | PushQuery
        match via:
            case MessageChannel.SMS:
                query = MessageQuery(message_id=number)
            case MessageChannel.EMAIL:
                query = EmailQuery(message_id=number)
            case MessageChannel.PUSH:
                query = PushQuery(message_id=number)
        return (await self.providers.call(query, request_id=number)).found


def _place_of(error: Exception) -> list[str]:
    return [f"{one.name}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)]


def _outcome(ready: _Ready, came: Attempted | BaseException, now: datetime) -> Attempted:
    """Return what came of an attempt; one that failed unexpectedly is made again later."""
    if isinstance(came, Attempted):
        return came
    if not isinstance(came, Exception):
        raise came
    _log.error(
        "message_not_sent",
        purpose=ready.claimed.row.purpose,
        error_type=type(came).__name__,
        at=_place_of(came),
    )
    return _later(ready.claimed, "not_sent", now)


async def _prepared(
    tx: Transaction, claimed: Sequence[ClaimedMessage], now: datetime
) -> tuple[list[Attempted], list[_Ready]]:
    """Return what is not sent now, and what is, as it goes out."""
    over: list[Attempted] = []
    ready: list[_Ready] = []
    for one in claimed:
        if one.is_untrue:
            over.append(Attempted(one.row.id, MessageState.CANCELLED, "no_longer_true"))
        elif now >= one.row.ends_at:
            failure = one.row.failure or "too_late"
            over.append(Attempted(one.row.id, MessageState.UNDELIVERABLE, failure))
        elif one.is_unreadable:
            _log.error("message_unreadable", purpose=one.row.purpose)
            over.append(_later(one, "unreadable", now))
        elif (quiet_until := await _quiet_until(tx, one, now)) is not None:
            over.append(
                Attempted(one.row.id, MessageState.OPEN, "quiet_hours", again_at=quiet_until)
            )
        else:
            way = await _way_of(tx, one, now)
            if isinstance(way, _Ready):
                ready.append(way)
            else:
                over.append(way)
    return over, ready


async def _way_of(tx: Transaction, one: ClaimedMessage, now: datetime) -> _Ready | Attempted:
    """Return a message as it goes out, or why it does not.

    One that cannot be written waits by itself: a template that is wrong holds up no other.
    """
    try:
        ready = await _ready(tx, one)
    except (DomainError, KeyError, ValueError) as error:
        _log.error("message_not_written", purpose=one.row.purpose, error_type=type(error).__name__)
        return _later(one, "not_written", now)
    if ready is not None:
        return ready
    if one.row.tried:
        return Attempted(one.row.id, MessageState.UNDELIVERABLE, one.row.failure)
    return _later(one, NO_ADDRESS, now)


async def _quiet_until(tx: Transaction, one: ClaimedMessage, now: datetime) -> datetime | None:
    if one.row.purpose not in MARKETING:
        return None
    limits = await DefinitionRepository(tx).in_force(CONTACT_LIMITS, HOME_LIMITS)
    return limits.content.not_before(now, zone_of(HOME_ZONE))


async def _ready(tx: Transaction, one: ClaimedMessage) -> _Ready | None:
    """Return a message as it goes out: as prepared before, or by what is in force now."""
    row = one.row
    if row.via and row.language and row.template and row.text_sha256 and one.address:
        agreed = await DefinitionRepository(tx).of_ref(MESSAGE_TEMPLATE, row.template)
        rendered = agreed.content.render(row.via, row.language, row.said)
        prepared = Prepared(
            row.id, row.via, row.language, row.template, row.text_sha256, one.address
        )
        return _Ready(one, agreed.content, prepared, rendered)
    agreed = await DefinitionRepository(tx).in_force(MESSAGE_TEMPLATE, row.purpose)
    for via in agreed.content.channels:
        address = one.addresses.get(via)
        if address is None or via in row.tried:
            continue
        rendered = agreed.content.render(via, one.preferred_language or HOME_LANGUAGE, row.said)
        sha256 = hashlib.sha256(f"{rendered.title}\n{rendered.text}".encode()).hexdigest()
        prepared = Prepared(row.id, via, rendered.language, str(agreed.ref), sha256, address)
        return _Ready(one, agreed.content, prepared, rendered)
    return None


def _request(ready: _Ready, number: str) -> MessageRequest | EmailRequest | PushRequest:
    rendered, address = ready.rendered, ready.prepared.address
    match ready.prepared.via:
        case MessageChannel.SMS:
            return MessageRequest(
                message_id=number,
                mobile=address,
                template=ready.template.by_sms.provider_template,
                variables=rendered.variables,
            )
        case MessageChannel.EMAIL:
            return EmailRequest(
                message_id=number, address=address, subject=rendered.title, body=rendered.text
            )
        case MessageChannel.PUSH:
            return PushRequest(
                message_id=number, token=address, title=rendered.title, body=rendered.text
            )


def _later(
    one: ClaimedMessage, failure: str, now: datetime, wished: timedelta | None = None
) -> Attempted:
    pause: Any = _FIRST_PAUSE * 2 ** min(one.row.attempts - 1, 12)
    return Attempted(
        one.row.id,
        MessageState.OPEN,
        failure,
        again_at=now + max(min(pause, _LONGEST_PAUSE), wished or timedelta()),
    )
