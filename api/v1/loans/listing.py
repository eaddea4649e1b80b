"""The list of loans and what it is narrowed to."""

from datetime import date
from typing import Annotated, Final

from fastapi import Depends, Query

from api.http.calls import Called
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.http.services import Services
from api.v1.applications.schemas import Channel, CustomerReference
from api.v1.loans.schemas import LoanSummary
from domain.common.calendar import Day, business_date
from domain.loans.state import LoanState
from messages import ids
from runtime.clock import utc_now
from services.loans.listing import list_loans
from storage.loans.listing import LoanFilter, LoanListRepository, LoanWaiting

router = authorised_router("/loans", "loans")

_MAX_CLOCKS: Final = 500
"""So many loans are asked for their own clock at most, where there are any (time travel)."""
_MAX_DAYS: Final = 36_500

_Days = Annotated[int | None, Query(ge=0, le=_MAX_DAYS)]


async def _narrowed(
    state: LoanState | None = None,
    channel: Annotated[Channel | None, Query()] = None,
    waiting: Annotated[
        LoanWaiting | None, Query(description="`bank`: a debit of which the end is not known")
    ] = None,
    risk_class: Annotated[
        str | None, Query(max_length=64, description="as the terms call it: `substandard`")
    ] = None,
    days_past_due_from: _Days = None,
    days_past_due_to: _Days = None,
    due_from: Annotated[Day | None, Query(description="the next due date, at the earliest")] = None,
    due_to: Annotated[Day | None, Query(description="the next due date, at the latest")] = None,
) -> LoanFilter:
    return LoanFilter(
        state=state,
        channel=channel,
        waiting=waiting,
        risk_class=risk_class,
        days_past_due_from=days_past_due_from,
        days_past_due_to=days_past_due_to,
        due_from=due_from,
        due_to=due_to,
    )


@router.get("", summary="List loans, the newest first")
async def list_(
    call: Called,
    page: Paged,
    narrowed: Annotated[LoanFilter, Depends(_narrowed)],
    customer_reference: Annotated[CustomerReference | None, Query()] = None,
    bucket: Annotated[
        str | None, Query(max_length=20, description="as the servicing policy calls it: `M1`")
    ] = None,
) -> Page[LoanSummary]:
    """Return a page of the loans that the caller may see, each as it stands today."""
    clocks = await _clocks(call.services)
    async with call.database.read() as tx:
        loans = await list_loans(
            tx,
            call.caller,
            page.after,
            page.limit,
            now=utc_now(),
            clocks=clocks,
            narrowed=narrowed,
            customer_reference=customer_reference,
            bucket=bucket,
        )
    rows = [loan.row for loan in loans]
    items = [LoanSummary.of(loan) for loan in loans]
    return Page(items=items, next=page.next_cursor(rows, "recorded_at"))


async def _clocks(services: Services) -> dict[str, date]:
    """Return the business dates of the loans that live on a clock of their own."""
    if not services.clock.travels:
        return {}
    async with services.database.read() as tx:
        zones = await LoanListRepository(tx).zones_of_unsettled(_MAX_CLOCKS)
    times = await services.clock.times_of([ids.loan_workflow(loan_id) for loan_id in zones])
    return {
        loan_id: business_date(times[ids.loan_workflow(loan_id)], zone)
        for loan_id, zone in zones.items()
        if ids.loan_workflow(loan_id) in times
    }
