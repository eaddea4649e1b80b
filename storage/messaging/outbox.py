# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Messages to customers: written with what they tell of, sent by whoever claims them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Json

from domain.messaging.events import MessageChannel, MessagePurpose
from runtime.keyring import KeyringError
from storage.common.repository import TableRepository
from storage.common.rows import Cursor, RefName, Row


class MessageState(StrEnum):
    """`undeliverable`: no channel reached the customer; `cancelled`: it had become untrue."""

    OPEN = "open"
    SENT = "sent"
    CANCELLED = "cancelled"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True)
class MessageCreate:
    """A message about `subject` (`application:app_...`), sent once by its `event_key`.

    `said` are the values of the purpose's variables. It is sent from `not_before` on, and given up
    at `ends_at`.
    """

    id: str
    purpose: MessagePurpose
    event_key: str
    subject: str
    said: dict[str, Any]
    not_before: datetime | None
    ends_at: datetime


class CustomerMessageRow(Row):
    """A message, and what came of it.

    Who has been sent it reads a text of the digest `text_sha256`, in `language`, by `template`.
    `tried` are channels that refused the address.
    """

    id: str
    purpose: MessagePurpose
    event_key: str
    subject: str
    applicant_id: str
    channel: str
    said: Json[dict[str, Any]]
    state: MessageState
    ends_at: datetime
    attempts: int
    tried: tuple[MessageChannel, ...]
    via: MessageChannel | None
    language: str | None
    template: RefName | None
    text_sha256: str | None
    failure: str | None
    sent_again: str | None
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, repr=False)
class ClaimedMessage:
    """A message that is this sender's for a while, with where it may go. Holds personal data.

    `address` is where it went before; `is_untrue`: what it tells of is over; `is_unreadable`: an
    address cannot be decrypted, so none is here.
    """

    row: CustomerMessageRow
    address: str | None
    addresses: dict[MessageChannel, str]
    preferred_language: str | None
    is_untrue: bool
    is_unreadable: bool = False


@dataclass(frozen=True, repr=False)
class Prepared:
    """How a message is about to be sent: the same at each repeat. Holds an address."""

    id: str
    via: MessageChannel
    language: str
    template: str
    text_sha256: str
    address: str


@dataclass(frozen=True)
class Attempted:
    """What came of an attempt; `again_at` only for one that stays open."""

    id: str
    state: MessageState
    failure: str | None = None
    again_at: datetime | None = None
    refused_by: MessageChannel | None = None


_NAMES = ", ".join(f"claimed.{name}" for name in CustomerMessageRow.model_fields)


class CustomerMessageRepository(TableRepository[CustomerMessageRow]):
    """The outbox of messages."""

    table = "customer_messages"
    row = CustomerMessageRow

    async def add_all(self, messages: Sequence[MessageCreate]) -> int:
        """Record messages, each once by its key; return how many are new."""
        added: int = await self._connection.fetchval(
            "with added as (insert into customer_messages"
            " (id, purpose, event_key, subject, applicant_id, said, next_attempt_at, ends_at)"
            " select new.id, new.purpose, new.event_key, new.subject, customer_of(new.subject),"
            " new.said, coalesce(new.not_before, now()), new.ends_at"
            " from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[],"
            " $6::timestamptz[], $7::timestamptz[])"
            " as new (id, purpose, event_key, subject, said, not_before, ends_at)"
            " on conflict (event_key) do nothing returning 1) select count(*) from added",
            [one.id for one in messages],
            [one.purpose for one in messages],
            [one.event_key for one in messages],
            [one.subject for one in messages],
            [json.dumps(one.said) for one in messages],
            [one.not_before for one in messages],
            [one.ends_at for one in messages],
        )
        return added

    async def add_again(
        self, message_id: str, earlier: CustomerMessageRow, ends_at: datetime
    ) -> bool:
        """Record a message once more, to be sent by itself; False if `message_id` is recorded."""
        return await self._changed(
            "insert into customer_messages (id, purpose, event_key, subject, applicant_id, said,"
            " next_attempt_at, ends_at, sent_again) select $1, purpose, 'again:' || $1, subject,"
            " applicant_id, said, now(), $3, id from customer_messages where id = $2"
            " on conflict do nothing",
            message_id,
            earlier.id,
            ends_at,
        )

    async def claim(self, limit: int, lease: timedelta) -> list[ClaimedMessage]:
        """Take messages that are due from other senders for the time of `lease`.

        What one that died had claimed is due again when its lease ends.
        """
        records = await self._connection.fetch(
            "with due as (select id from customer_messages"
            " where state = 'open' and next_attempt_at <= now()"
            " order by next_attempt_at limit $1 for update skip locked),"
            " claimed as (update customer_messages as message set attempts = attempts + 1,"
            " next_attempt_at = now() + $2 from due where message.id = due.id returning message.*)"
            f" select {_NAMES}, claimed.address_enc, person.mobile_enc, contact.email_enc,"
            " contact.push_token_enc, contact.language as preferred_language,"
            " claimed.purpose = 'offer_ending' and not exists (select 1 from offers"
            " where offers.application_id = split_part(claimed.subject, ':', 2)"
            " and offers.state = 'open') as is_untrue"
            " from claimed join applicants as person on person.id = claimed.applicant_id"
            " left join contact_addresses as contact"
            " on contact.applicant_id = claimed.applicant_id order by claimed.created_at",
            limit,
            lease,
        )
        return [self._readable(dict(record)) for record in records]

    async def prepare(self, prepared: Sequence[Prepared]) -> None:
        """Write how messages are sent, before they are."""
        await self._connection.execute(
            "update customer_messages as message set via = new.via, language = new.language,"
            " template = new.template, text_sha256 = new.text_sha256, address_enc = new.address"
            " from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])"
            " as new (id, via, language, template, text_sha256, address)"
            " where message.id = new.id and message.state = 'open'",
            [one.id for one in prepared],
            [one.via for one in prepared],
            [one.language for one in prepared],
            [one.template for one in prepared],
            [one.text_sha256 for one in prepared],
            [self._encrypt("customer_messages.address", one.id, one.address) for one in prepared],
        )

    async def record(self, attempted: Sequence[Attempted]) -> None:
        """Write what came of attempts; a message that is over stays as it is.

        A channel that refused the address is not tried again, and what was prepared for it is
        forgotten.
        """
        await self._connection.execute(
            "update customer_messages as message set state = new.state, failure = new.failure,"
            " next_attempt_at = new.again_at,"
            " sent_at = case when new.state = 'sent' then now() end,"
            " tried = case when new.refused_by is null then tried"
            " else array_append(tried, new.refused_by) end,"
            " via = case when new.refused_by is null then via end,"
            " address_enc = case when new.refused_by is null then address_enc end"
            " from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])"
            " as new (id, state, failure, again_at, refused_by)"
            " where message.id = new.id and message.state = 'open'",
            [one.id for one in attempted],
            [one.state for one in attempted],
            [one.failure for one in attempted],
            [one.again_at for one in attempted],
            [one.refused_by for one in attempted],
        )

    async def page(
        self,
        after: Cursor | None,
        limit: int,
        *,
        unsent: bool = False,
        state: MessageState | None = None,
        purpose: MessagePurpose | None = None,
        applicant_id: str | None = None,
        subject: str | None = None,
    ) -> list[CustomerMessageRow]:
        """Return messages, the newest first; `unsent`: those that the customer has not got."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            where=("state in ('open', 'undeliverable')",) if unsent else (),
            filters={
                "state = {}": state,
                "purpose = {}": purpose,
                "applicant_id = {}": applicant_id,
                "subject = {}": subject,
            },
        )

    async def addresses_of(self, message_ids: Sequence[str]) -> dict[str, str]:
        """Return by id where messages were sent."""
        return {
            record["id"]: self._decrypt(
                "customer_messages.address", record["id"], record["address_enc"]
            )
            for record in await self._connection.fetch(
                "select id, address_enc from customer_messages"
                " where id = any($1) and address_enc is not null",
                list(message_ids),
            )
        }

    def _readable(self, record: dict[str, Any]) -> ClaimedMessage:
        """Return a message; one whose address cannot be decrypted holds up no other."""
        try:
            return self._claimed(record)
        except KeyringError:
            return ClaimedMessage(
                row=CustomerMessageRow.model_validate(record),
                address=None,
                addresses={},
                preferred_language=record["preferred_language"],
                is_untrue=record["is_untrue"],
                is_unreadable=True,
            )

    def _claimed(self, record: dict[str, Any]) -> ClaimedMessage:
        row = CustomerMessageRow.model_validate(record)
        found = {
            MessageChannel.SMS: self._decrypt_if_any(
                "applicants.mobile", row.applicant_id, record["mobile_enc"]
            ),
            MessageChannel.EMAIL: self._decrypt_if_any(
                "contact_addresses.email", row.applicant_id, record["email_enc"]
            ),
            MessageChannel.PUSH: self._decrypt_if_any(
                "contact_addresses.push_token", row.applicant_id, record["push_token_enc"]
            ),
        }
        return ClaimedMessage(
            row=row,
            address=self._decrypt_if_any(
                "customer_messages.address", row.id, record["address_enc"]
            ),
            addresses={channel: one for channel, one in found.items() if one is not None},
            preferred_language=record["preferred_language"],
            is_untrue=record["is_untrue"],
        )
