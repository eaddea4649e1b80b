"""Commands of an application that its process carries out, and how they are answered."""

from fastapi import Response

from api.http.answers import accepted
from api.http.engine import StillRunning
from api.http.services import Services
from api.v1.applications.schemas import ApplicationStatus
from api.v1.applications.views import row_status, view_status
from domain.people.principals import Principal
from messages import ids
from messages.applications import ApplicationView
from messages.base import Message
from services.applications.finding import find_application
from services.common.commands import Command


async def carry_out(
    services: Services,
    caller: Principal,
    command: Command,
    application_id: str,
    update: str,
    argument: Message | str | None = None,
) -> ApplicationStatus | Response:
    """Have the process of an application take an update; 202 while it takes longer than a request.

    Raises `NotFound`, ProcessClosed once the application is over, and what the process refuses.
    """
    async with services.database.read() as tx:
        row = await find_application(tx, caller, application_id)
    try:
        view = await services.engine.command(
            ids.application_workflow(row.id),
            update,
            command.update_id,
            ApplicationView,
            argument,
            over=row.state.is_final,
        )
    except StillRunning:
        async with services.database.read() as tx:
            row = await find_application(tx, caller, application_id)
        return accepted(row_status(row), f"/v1/applications/{row.id}")
    return view_status(view)
