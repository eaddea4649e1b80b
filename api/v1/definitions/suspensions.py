"""Suspensions: switch something off at once, lift that, see what is off."""

from api.http.calls import Called, Commanded
from api.http.gate import gated_router
from api.http.schemas import Page
from api.v1.definitions.schemas import Because, SuspendableName, SuspensionAnswer
from domain.common.suspensions import Suspendable
from services.definitions import suspending

router = gated_router("/suspensions", "definitions")


@router.get("", summary="What is suspended")
async def list_suspensions(call: Called) -> Page[SuspensionAnswer]:
    """Return everything that is switched off now."""
    async with call.database.read() as tx:
        rows = await suspending.list_suspensions(tx)
    return Page(items=[SuspensionAnswer.of(row) for row in rows], next=None)


@router.post("/{kind}/{code}", status_code=201, summary="Suspend")
async def suspend(
    kind: Suspendable, code: SuspendableName, body: Because, call: Commanded
) -> SuspensionAnswer:
    """Switch something off, everywhere within a second; what is off already stays so."""
    await suspending.authorise_suspension(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        row = await suspending.suspend(
            tx, call.caller, kind, code, reason=body.reason, kinds=call.services.kinds
        )
        [row] = await suspending.named_suspensions(tx, [row])
    return SuspensionAnswer.of(row)


@router.post("/{kind}/{code}/lift", summary="Lift a suspension")
async def lift(
    kind: Suspendable, code: SuspendableName, body: Because, call: Commanded
) -> SuspensionAnswer:
    """Switch something on again, everywhere within a second."""
    await suspending.authorise_suspension(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        row = await suspending.lift(tx, call.caller, kind, code, reason=body.reason)
        [row] = await suspending.named_suspensions(tx, [row])
    return SuspensionAnswer.of(row)
