"""Commands of an application that its process carries out, and how they are answered."""

from api.http.calls import CommandCall
from api.http.engine import StillRunning
from api.v1.applications.schemas import ApplicationStatus
from api.v1.applications.views import row_status, view_status
from messages import ids
from messages.applications import ApplicationView
from messages.base import Message
from services.applications.finding import find_application


async def carry_out(
    call: CommandCall, application_id: str, update: str, argument: Message | str | None = None
) -> ApplicationStatus:
    """Have the process of an application take an update; 202 while it takes longer than a request.

    Raises `NotFound`, ProcessClosed once the application is over, and what the process refuses.
    """
    async with call.database.read() as tx:
        row = await find_application(tx, call.caller, application_id)
    try:
        view = await call.services.engine.command(
            ids.application_workflow(row.id),
            update,
            call.command.update_id,
            ApplicationView,
            argument,
            over=row.state.is_final,
            state=row.state,
        )
    except StillRunning:
        async with call.database.read() as tx:
            row = await find_application(tx, call.caller, application_id)
        call.pending(f"/v1/applications/{row.id}")
        return await row_status(call.services, row)
    return await view_status(call.services, view)
