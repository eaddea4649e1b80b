"""One effect for a request id: the first answer is kept and given to every repeat."""

import json
from collections.abc import Callable

from pydantic import BaseModel

from sandbox.book import Book
from sandbox.payments import fingerprint
from sandbox.refusal import RefusalError

Reply = dict[str, object]


def once(book: Book, key: str, request: BaseModel, work: Callable[[], Reply]) -> Reply:
    """Return the kept reply of `key`, or work and keep it; to be called in a transaction.

    Raises RefusalError 409 `request_conflict` if the key is taken by another content.
    """
    content = fingerprint(request)
    known = book.one("SELECT * FROM replies WHERE request_key = ?", key)
    if known is None:
        reply = work()
        entry = {"request_key": key, "fingerprint": content, "reply": json.dumps(reply)}
        book.insert("replies", entry)
        return reply
    if known["fingerprint"] != content:
        raise RefusalError(409, "request_conflict")
    kept: Reply = json.loads(str(known["reply"]))
    return kept
