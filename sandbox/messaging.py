"""The message gateways (SMS, e-mail, push): each number is worked on once.

A push token that begins with `gone` belongs to an app that was removed; nothing reaches an e-mail
address at `nowhere.example`.
"""

from sandbox import wire
from sandbox.book import Row
from sandbox.calls import Call
from sandbox.clock import now
from sandbox.masking import tail
from sandbox.replies import RefusalError, Reply


def send_sms(call: Call, request: wire.Message) -> Reply:
    """Accept an SMS once; raises RefusalError for another content under its id."""
    new = _accept(call, request, "sms", request.mobile, template=request.template)
    if new and "link" in request.variables:
        # The one who plays the recipient has to get at it.
        link = {"message_id": request.message_id, "link": request.variables["link"]}
        call.book.insert("message_links", link)
    return _accepted(request)


def send_email(call: Call, request: wire.Email) -> Reply:
    """Accept an e-mail once; raises RefusalError for an address that does not exist."""
    if request.address.endswith("@nowhere.example"):
        raise RefusalError(422, "address_refused")
    _accept(call, request, "email", request.address, title=request.subject)
    return _accepted(request)


def send_push(call: Call, request: wire.Push) -> Reply:
    """Accept a push once; raises RefusalError for a token that is not registered any more."""
    if request.token.startswith("gone"):
        raise RefusalError(410, "unregistered")
    _accept(call, request, "push", request.token, title=request.title)
    return _accepted(request)


def find(call: Call, request: wire.MessageQuery) -> Reply:
    """Return whether a message was accepted."""
    query = "SELECT message_id FROM messages WHERE message_id = ?"
    known = call.book.one(query, request.message_id)
    return {"message_id": request.message_id, "found": known is not None}


def _accept(
    call: Call,
    request: wire.Message | wire.Email | wire.Push,
    channel: str,
    recipient: str,
    *,
    template: str = "",
    title: str = "",
) -> bool:
    def accepted() -> Row:
        return {
            "channel": channel,
            "template": template,
            "title": title,
            "mobile": tail(recipient),
            "accepted_at": now().isoformat(),
        }

    key = {"message_id": request.message_id}
    _, new = call.book.once("messages", key, request, "message_conflict", accepted)
    return new


def _accepted(request: wire.Message | wire.Email | wire.Push) -> Reply:
    return {"message_id": request.message_id, "status": "accepted"}
