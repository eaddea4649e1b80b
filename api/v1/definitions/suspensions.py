"""Suspensions: switch something off at once, lift that, see what is off."""

from api.http.calls import Called, Commanded
from api.http.routing import authorised_router
from api.http.schemas import Page, whole
from api.v1.definitions.schemas import Because, SuspendableName, SuspensionResponse
from domain.common.suspensions import Suspendable
from services.definitions import suspending

router = authorised_router("/suspensions", "definitions")


@router.get("", summary="What is suspended")
async def list_suspensions(call: Called) -> Page[SuspensionResponse]:
    """Return everything that is switched off now."""
    async with call.database.read() as tx:
        rows = await suspending.list_suspensions(tx)
    return whole(SuspensionResponse, rows)


@router.post("/{kind}/{code}", status_code=201, summary="Suspend")
async def suspend(
    kind: Suspendable, code: SuspendableName, body: Because, call: Commanded
) -> SuspensionResponse:
    """Switch something off, everywhere within a second; what is off already stays so."""
    await suspending.authorise_suspension(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        row = await suspending.suspend(tx, call.caller, kind, code, reason=body.reason)
        [row] = await suspending.named_suspensions(tx, [row])
    return SuspensionResponse.model_validate(row)


@router.post("/{kind}/{code}/lift", summary="Lift a suspension")
async def lift(
    kind: Suspendable, code: SuspendableName, body: Because, call: Commanded
) -> SuspensionResponse:
    """Switch something on again, everywhere within a second."""
    await suspending.authorise_suspension(call.database, call.caller, kind, code)
    async with call.database.transaction() as tx:
        row = await suspending.lift(tx, call.caller, kind, code, reason=body.reason)
        [row] = await suspending.named_suspensions(tx, [row])
    return SuspensionResponse.model_validate(row)
