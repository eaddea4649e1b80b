"""Reviewing: who may, before the process of an application is asked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from domain.people.authority import Action, NotAuthorised
from domain.people.principals import Principal
from messages.ids import application_workflow
from services.applications.finding import find_application
from services.cases.finding import skills_of
from services.people.authority import authority_of
from storage.common.audit import AuditRepository
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
    """Raise `NotAuthorised`, and audit it, for what neither the caller nor a colleague may do.

    Spares the process a word that cannot count. Raises `NotFound` too.
    """
    async with database.read() as tx:
        row = await find_application(tx, caller, application_id)
        found = await authority_of(
            tx,
            caller,
            _ACTIONS[act],
            row.amount,
            row.currency,
            product=row.product,
            skills=await skills_of(tx, caller.actor),
        )
    if found.allowed or (act == "approve" and found.colleagues_may):
        return
    async with database.transaction() as tx:
        await AuditRepository(tx).add_by(
            caller,
            _ACTIONS[act],
            application_workflow(row.id),
            "not_authorised",
            detail={"amount": row.amount, "currency": row.currency},
        )
    raise NotAuthorised(found.why)
