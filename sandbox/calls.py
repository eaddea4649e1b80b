"""A call of a provider's operation, and what comes of it."""

from dataclasses import dataclass

from sandbox.book import Book
from sandbox.faults import NO_FAULT, Fault
from sandbox.replies import Reply


@dataclass(frozen=True)
class Call:
    """Where a call is worked on: the book, the fault that strikes it, the caller's number of it."""

    book: Book
    fault: Fault = NO_FAULT
    request_id: str = ""


@dataclass(frozen=True)
class Done:
    """A call's reply, whether it is lost on its way, and what goes on in the background.

    That is an order that settles by itself, a data import that runs to its end, or the callback, by
    its event id, of a data import that has ended.
    """

    reply: Reply
    response_lost: bool = False
    settles: str | None = None
    finishes: str | None = None
    announces: str | None = None
