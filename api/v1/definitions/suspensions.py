"""Suspensions: switch something off at once, lift that, see what is off."""

from api.http.auth import Caller
from api.http.idempotency import Keyed
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.schemas import Page
from api.http.services import Using
from api.v1.definitions.schemas import Because, SuspendableName, SuspensionAnswer
from domain.common.suspensions import Suspendable
from services.definitions import suspending

router = authorised_router("/suspensions", "definitions")


@router.get("", summary="What is suspended")
async def list_suspensions(caller: Caller, services: Using) -> Page[SuspensionAnswer]:
    """Return everything that is switched off now."""
    async with services.database.read() as tx:
        rows = await suspending.list_suspensions(tx)
    return Page(items=[SuspensionAnswer.of(row) for row in rows], next=None)


@router.post("/{kind}/{code}", status_code=201, responses=COMMAND_PROBLEMS, summary="Suspend")
async def suspend(
    kind: Suspendable,
    code: SuspendableName,
    body: Because,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> SuspensionAnswer:
    """Switch something off, everywhere within a second; what is off already stays so."""
    await suspending.authorise_suspension(services.database, caller, kind, code)
    async with services.database.transaction() as tx:
        row = await suspending.suspend(tx, caller, kind, code, reason=body.reason)
        [row] = await suspending.named_suspensions(tx, [row])
    return SuspensionAnswer.of(row)


@router.post("/{kind}/{code}/lift", responses=COMMAND_PROBLEMS, summary="Lift a suspension")
async def lift(
    kind: Suspendable,
    code: SuspendableName,
    body: Because,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> SuspensionAnswer:
    """Switch something on again, everywhere within a second."""
    await suspending.authorise_suspension(services.database, caller, kind, code)
    async with services.database.transaction() as tx:
        row = await suspending.lift(tx, caller, kind, code, reason=body.reason)
        [row] = await suspending.named_suspensions(tx, [row])
    return SuspensionAnswer.of(row)
