"""Suspending: one person switches something off at once, and lifts that likewise."""

from collections.abc import Sequence

from domain.common.definitions import UnknownDefinition
from domain.common.suspensions import Suspendable, Suspended
from domain.people.authority import Action
from domain.people.principals import Principal
from services.people.authority import authorise
from services.people.handles import with_handles
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.suspensions import SuspensionRepository, SuspensionRow


async def authorise_suspension(
    database: Database, caller: Principal, kind: Suspendable, code: str
) -> None:
    """Raise `NotAuthorised` unless the caller may switch things off and on."""
    await authorise(database, caller, Action.SUSPEND, f"suspension:{kind}/{code}")


async def suspend(
    tx: Transaction, caller: Principal, kind: Suspendable, code: str, *, reason: str
) -> SuspensionRow:
    """Switch something off; who comes second gets the suspension that holds.

    Raises `UnknownDefinition` for a name that no definition has, where there are definitions of
    what is suspended: a slip of the pen would switch nothing off.
    """
    defined, definitions = kind.defined_as, DefinitionRepository(tx)
    if defined in tx.definitions.kinds and not await definitions.versions(defined, code):
        raise UnknownDefinition(f"there is no {kind} {code!r} to suspend")
    repository = SuspensionRepository(tx)
    row = await repository.suspend(kind, code, reason=reason, by=caller.actor)
    if row is not None:
        await _record(tx, caller, "suspended", row, reason)
        return row
    return (await repository.list_all(kind, code))[0]


async def lift(
    tx: Transaction, caller: Principal, kind: Suspendable, code: str, *, reason: str
) -> SuspensionRow:
    """Switch something on again; who comes second gets the suspension that was lifted.

    Raises `UnknownDefinition` for what was never suspended.
    """
    repository = SuspensionRepository(tx)
    row = await repository.lift(kind, code, reason=reason, by=caller.actor)
    if row is not None:
        await _record(tx, caller, "suspension_lifted", row, reason)
        return row
    former = await repository.list_all(kind, code)
    if not former:
        raise UnknownDefinition(f"{kind} {code!r} was never suspended")
    return former[0]


async def list_suspensions(tx: Transaction) -> list[SuspensionRow]:
    """Return everything that is suspended."""
    return await named_suspensions(tx, await SuspensionRepository(tx).list_open())


async def named_suspensions(tx: Transaction, rows: Sequence[SuspensionRow]) -> list[SuspensionRow]:
    """Return suspensions with the handles of the people who suspended and lifted."""
    return await with_handles(tx, rows, "suspended_by", "lifted_by")


async def refuse_suspended(tx: Transaction, kind: Suspendable, code: str) -> None:
    """Raise `Suspended` when something is switched off, which is known a second later at most."""
    if await SuspensionRepository(tx).is_suspended(kind, code):
        raise Suspended(f"the {kind} {code} is suspended for the time being")


async def _record(
    tx: Transaction, caller: Principal, action: str, row: SuspensionRow, reason: str
) -> None:
    subject = f"suspension:{row.kind}/{row.code}"
    await AuditRepository(tx).add_by(
        caller, action, subject, str(row.id), detail={"reason": reason}
    )
    await OutboxRepository(tx).add(
        subject, action, f"{subject}:{row.id}:{action}", {"kind": row.kind, "code": row.code}
    )
