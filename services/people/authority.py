"""Asking the authority matrix before something is decided."""

from collections.abc import Collection

from domain.people.authority import (
    AUTHORITY_MATRIX,
    STANDARD,
    Action,
    Authority,
    NotAuthorised,
    may,
)
from domain.people.principals import Principal
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository


async def authority_of(
    tx: Transaction,
    caller: Principal,
    action: Action,
    amount: int | None,
    currency: str = "",
    *,
    product: str = "",
    skills: Collection[str] = (),
) -> Authority:
    """Return what the matrix in force says about an action of the caller in their role."""
    matrix = await DefinitionRepository(tx).in_force(AUTHORITY_MATRIX, STANDARD)
    return may(
        matrix.content, {caller.role}, action, amount, currency, product=product, skills=skills
    )


async def authorise(
    database: Database,
    caller: Principal,
    action: Action,
    subject: str,
    *,
    amount: int | None = None,
    currency: str = "",
    has_second_person: bool = False,
) -> None:
    """Raise `NotAuthorised`, and record it in the audit, unless the caller may decide.

    `subject` is what it is decided about, as in the audit; `amount` is in minor units of
    `currency`. Whoever needs a second person may not, unless what is decided always has one.
    """
    async with database.read() as tx:
        found = await authority_of(tx, caller, action, amount, currency)
    if found.allowed and (has_second_person or not found.second_person_needed):
        return
    why = f"{found.why}, with a second person" if found.second_person_needed else found.why
    async with database.transaction() as tx:
        await AuditRepository(tx).add_by(
            caller,
            action,
            subject,
            "not_authorised",
            detail={"amount": amount, "currency": currency} if amount is not None else None,
        )
    raise NotAuthorised(why)
