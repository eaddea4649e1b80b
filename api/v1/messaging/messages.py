"""Messages to customers: what was sent, what could not be, and sending one again."""

from typing import Annotated

from fastapi import Query

from api.http.calls import Called, Commanded
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.messaging.schemas import ContactBody, ContactResponse, MessageResponse, ResendBody
from domain.messaging.events import MessagePurpose
from services.messaging.reading import list_messages, messages_of, send_again, set_contact
from storage.messaging.outbox import MessageState

router = authorised_router("/messages", "messages")
of_users = authorised_router("/users", "messages")


@router.get("", summary="Messages to customers, the newest first")
async def listed(
    call: Called,
    page: Paged,
    state: Annotated[
        MessageState | None,
        Query(description="`open`: the customer has not got it, also where no channel could"),
    ] = None,
    purpose: Annotated[MessagePurpose | None, Query()] = None,
) -> Page[MessageResponse]:
    """Return a page; `state=open` also lists what no channel could deliver."""
    async with call.database.read() as tx:
        shown = await list_messages(tx, page.after, page.limit, state=state, purpose=purpose)
    return Page(
        items=[MessageResponse.of(one) for one in shown],
        next=page.next_cursor([one.row for one in shown], "created_at"),
    )


@router.post("/{message_id}/resend", summary="Send a message once more")
async def resend(message_id: str, body: ResendBody, call: Commanded) -> MessageResponse:
    """Send it on purpose, as it is written now. 409 `message_not_sent` while it still waits."""
    async with call.database.transaction() as tx:
        again = await send_again(tx, call.caller, call.command, message_id, body.reason)
    return MessageResponse.of(again)


@of_users.get("/{applicant_id}/messages", summary="What a person was told")
async def of_user(applicant_id: str, call: Called, page: Paged) -> Page[MessageResponse]:
    """Return a page, the newest first; staff also see what was not sent."""
    async with call.database.read() as tx:
        shown = await messages_of(tx, call.caller, applicant_id, page.after, page.limit)
    return Page(
        items=[MessageResponse.of(one) for one in shown],
        next=page.next_cursor([one.row for one in shown], "created_at"),
    )


@of_users.put("/{applicant_id}/contact", summary="Say where a person is reached")
async def contact(applicant_id: str, body: ContactBody, call: Commanded) -> ContactResponse:
    """Set language, e-mail address and push token of messages; the mobile is the verified one."""
    async with call.database.transaction() as tx:
        stored = await set_contact(tx, call.caller, applicant_id, body.addresses())
    return ContactResponse(
        language=stored.language, email=stored.email, push_token=stored.push_token
    )
