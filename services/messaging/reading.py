"""What customers were told, as they and the lender's people see it, and telling them once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.common.errors import DomainError, NotFound
from domain.common.masking import masked_number
from domain.messaging.events import MessageChannel, MessagePurpose
from domain.people.principals import Principal
from runtime.clock import utc_now
from services.common.commands import Command
from services.messaging.outbox import TOLD_WITHIN
from services.people.ownership import find_applicant, require_id
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.messaging.contact_addresses import ContactAddresses, ContactAddressRepository
from storage.messaging.outbox import CustomerMessageRepository, CustomerMessageRow, MessageState


class MessageNotSent(DomainError):
    """A message is sent again only after it was sent, or given up: one that is open goes out."""


@dataclass(frozen=True)
class ShownMessage:
    """A message, and where it was sent, masked; None before it is."""

    row: CustomerMessageRow
    address: str | None


async def list_messages(
    tx: Transaction,
    after: Cursor | None,
    limit: int,
    *,
    state: MessageState | None,
    purpose: MessagePurpose | None,
) -> list[ShownMessage]:
    """Return a page of messages, the newest first.

    `open` are those that the customer has not got: what waits, and what could not be delivered.
    """
    is_open = state is MessageState.OPEN
    rows = await CustomerMessageRepository(tx).page(
        after, limit, unsent=is_open, state=None if is_open else state, purpose=purpose
    )
    return await _shown(tx, rows)


async def messages_of(
    tx: Transaction, caller: Principal, applicant_id: str, after: Cursor | None, limit: int
) -> list[ShownMessage]:
    """Return a page of what a customer was sent, the newest first; raises `NotFound`."""
    applicant = await find_applicant(tx, caller, applicant_id)
    state = None if caller.is_staff else MessageState.SENT
    rows = await CustomerMessageRepository(tx).page(
        after, limit, applicant_id=applicant.id, state=state
    )
    return await _shown(tx, rows)


async def send_again(
    tx: Transaction, caller: Principal, command: Command, message_id: str, reason: str
) -> ShownMessage:
    """Write a message to the outbox once more, on purpose; the same command does it once.

    It is written anew: by the template in force and to where the customer is reached now. Raises
    `NotFound`, and `MessageNotSent` for one that still waits.
    """
    require_id(message_id, "msg", "message")
    messages = CustomerMessageRepository(tx)
    earlier = await messages.for_update(message_id)
    if earlier is None:
        raise NotFound("message")
    if earlier.state is MessageState.OPEN:
        raise MessageNotSent("The message waits to be sent, or is being sent.")
    again_id = command.new_id("msg", message_id)
    if await messages.add_again(again_id, earlier, utc_now() + TOLD_WITHIN):
        await AuditRepository(tx).add_by(
            caller,
            "send_message_again",
            earlier.subject,
            detail={"message": earlier.id, "again": again_id, "reason": reason},
            key=f"message:{again_id}",
        )
    row = await messages.get(again_id)
    if row is None:
        raise NotFound("message")
    return ShownMessage(row, None)


async def set_contact(
    tx: Transaction, caller: Principal, applicant_id: str, given: ContactAddresses
) -> ContactAddresses:
    """Store where a customer is reached besides the mobile, in place of what was there.

    Returns it masked. Raises `NotFound`.
    """
    applicant = await find_applicant(tx, caller, applicant_id)
    await ContactAddressRepository(tx).set(applicant.id, given)
    await AuditRepository(tx).add_by(
        caller,
        "set_contact",
        applicant.id,
        detail={
            "language": given.language,
            "email": given.email is not None,
            "push_token": given.push_token is not None,
        },
    )
    return ContactAddresses(
        language=given.language,
        email=None if given.email is None else masked_address(MessageChannel.EMAIL, given.email),
        push_token=None if given.push_token is None else _APP,
    )


_APP: Final = "app"


def masked_address(channel: MessageChannel, address: str) -> str:
    """Return where a message goes as its owner recognises it: `*******1234`, `l***@example.com`."""
    match channel:
        case MessageChannel.SMS:
            return masked_number(address, head=0, tail=4)
        case MessageChannel.EMAIL:
            name, _, host = address.rpartition("@")
            return f"{name[:1]}***@{host}"
        case MessageChannel.PUSH:
            return _APP


async def _shown(tx: Transaction, rows: Sequence[CustomerMessageRow]) -> list[ShownMessage]:
    addresses = await CustomerMessageRepository(tx).addresses_of([row.id for row in rows])
    return [
        ShownMessage(
            row,
            masked_address(row.via, addresses[row.id]) if row.via and row.id in addresses else None,
        )
        for row in rows
    ]
