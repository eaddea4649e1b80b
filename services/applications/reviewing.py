"""Reviewing: who may, the queue, and what a process no longer records because it has ended."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from domain.people.authority import Action
from domain.people.principals import Principal
from messages.ids import application_workflow
from services.applications.finding import find_application
from services.people.authority import authorise
from services.people.handles import with_handles
from storage.applications.reviews import ReviewRepository, ReviewRow
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.database import Database

ReviewDecision = Literal["approve", "reject"]
ReviewAct = Literal["approve", "reject", "supplement"]

_ACTIONS: Final[Mapping[ReviewAct, Action]] = MappingProxyType(
    {
        "approve": Action.APPROVE_APPLICATION,
        "reject": Action.REJECT_APPLICATION,
        "supplement": Action.REQUEST_SUPPLEMENT,
    }
)


async def authorise_review(
    database: Database, caller: Principal, application_id: str, act: ReviewAct
) -> None:
    """Raise `NotAuthorised` unless the caller may do this with what is applied for.

    Raises `NotFound` too.
    """
    async with database.read() as tx:
        row = await find_application(tx, caller, application_id)
    await authorise(
        database,
        caller,
        _ACTIONS[act],
        application_workflow(row.id),
        amount=row.amount,
        currency=row.currency,
    )


async def list_open_reviews(
    tx: Transaction,
    after: Cursor | None,
    limit: int,
    *,
    channel: str | None = None,
    product: str | None = None,
    assigned_to: str | None = None,
) -> list[ReviewRow]:
    """Return a page of the open tasks, the one due first at its head, with people's handles.

    `assigned_to` is such a handle.
    """
    rows = await ReviewRepository(tx).queue(
        after, limit, channel=channel, product=product, assigned_to=assigned_to
    )
    return await with_handles(tx, rows, "assigned_to")
