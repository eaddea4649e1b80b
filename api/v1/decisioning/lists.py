"""The lender's own lists and exemptions from rules; every change takes two people."""

from datetime import date

from api.http.calls import Call, Called, Commanded
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page, whole
from api.v1.decisioning.list_schemas import (
    ExemptionBody,
    ExemptionEnd,
    ExemptionResponse,
    ListChangeResponse,
    ListEntriesCreate,
    ListEntryResponse,
    ListImport,
    ListRemoval,
    ListSearch,
)
from domain.common.calendar import business_date
from domain.decisioning.lists import ListName, normal_key
from runtime.clock import utc_now
from services.decisioning.lists import (
    confirm_change,
    exemptions_of,
    propose_end,
    propose_entries,
    propose_exemption,
    propose_import,
    propose_removal,
    refuse_change,
)
from services.people.handles import with_handles
from storage.decisioning.lists import ChangeState, ListChangeRepository, ListRepository

router = authorised_router("", "lists")


@router.get("/lists/{name}/entries", summary="The entries of a list, the newest first")
async def entries(name: ListName, call: Called, page: Paged) -> Page[ListEntryResponse]:
    """Return a page with masked keys, and also what was removed or has expired."""
    async with call.database.read() as tx:
        rows = await ListRepository(tx).page(page.after, page.limit, name, _today(call))
    return page.of(ListEntryResponse, rows, "added_at")


@router.post("/lists/{name}/entries", status_code=201, summary="Propose entries of a list")
async def propose(name: ListName, body: ListEntriesCreate, call: Commanded) -> ListChangeResponse:
    """They count when another person approves the change."""
    proposed = [one.entry(number) for number, one in enumerate(body.entries)]
    async with call.database.transaction() as tx:
        row = await propose_entries(
            tx,
            call.caller,
            call.command,
            name,
            proposed,
            reason=body.reason,
            today=_today(call),
        )
    return ListChangeResponse.of(row)


@router.post("/lists/{name}/imports", status_code=201, summary="Propose the entries of a CSV file")
async def import_file(name: ListName, body: ListImport, call: Commanded) -> ListChangeResponse:
    """Take the whole file or nothing: 422 `invalid_list_file` names each row that is wrong."""
    async with call.database.transaction() as tx:
        row = await propose_import(
            tx,
            call.caller,
            call.command,
            name,
            body.csv,
            reason=body.reason,
            today=_today(call),
        )
    return ListChangeResponse.of(row)


@router.post("/lists/{name}/removals", status_code=201, summary="Propose to remove entries")
async def remove(name: ListName, body: ListRemoval, call: Commanded) -> ListChangeResponse:
    """They count until another person approves the change, and stay on record after that."""
    async with call.database.transaction() as tx:
        row = await propose_removal(
            tx,
            call.caller,
            call.command,
            name,
            body.entry_ids,
            reason=body.reason,
            today=_today(call),
        )
    return ListChangeResponse.of(row)


@router.post("/list-entries/search", summary="Look a key up on all lists")
async def search(body: ListSearch, call: Called) -> Page[ListEntryResponse]:
    """Return every entry of exactly this key, also of those that count no more."""
    key = normal_key(body.kind, body.key)
    async with call.database.read() as tx:
        return whole(
            ListEntryResponse, await ListRepository(tx).of_key(body.kind, key, _today(call))
        )


@router.get("/list-changes", summary="Changes of lists and exemptions, the newest first")
async def changes(
    call: Called, page: Paged, state: ChangeState | None = None
) -> Page[ListChangeResponse]:
    """Return a page; `state=open` is what waits for a second person."""
    async with call.database.read() as tx:
        rows = await ListChangeRepository(tx).page(page.after, page.limit, state)
        shown = await with_handles(tx, rows, "proposed_by", "decided_by")
    return page.of(ListChangeResponse, shown, "proposed_at")


@router.post("/list-changes/{change_id}/approve", summary="Confirm what somebody else proposed")
async def approve(change_id: str, call: Commanded) -> ListChangeResponse:
    """It counts from now on. Another person than who proposed it, once."""
    async with call.database.transaction() as tx:
        return ListChangeResponse.of(await confirm_change(tx, call.caller, change_id))


@router.post("/list-changes/{change_id}/reject", summary="Turn a change down, or take it back")
async def reject(change_id: str, call: Commanded) -> ListChangeResponse:
    """Nothing changes."""
    async with call.database.transaction() as tx:
        return ListChangeResponse.of(await refuse_change(tx, call.caller, change_id))


@router.get("/users/{applicant_id}/exemptions", summary="A customer's exemptions from rules")
async def exemptions(applicant_id: str, call: Called) -> Page[ExemptionResponse]:
    """Return them, the newest first."""
    async with call.database.read() as tx:
        return whole(ExemptionResponse, await exemptions_of(tx, call.caller, applicant_id))


@router.post(
    "/users/{applicant_id}/exemptions",
    status_code=201,
    summary="Propose to exempt a customer from a rule",
)
async def exempt(applicant_id: str, body: ExemptionBody, call: Commanded) -> ListChangeResponse:
    """It counts when another person approves the change; its id is that of the exemption."""
    async with call.database.transaction() as tx:
        row = await propose_exemption(
            tx,
            call.caller,
            call.command,
            applicant_id,
            body.exemption(),
            reason=body.reason,
            today=_today(call),
        )
    return ListChangeResponse.of(row)


@router.post(
    "/users/{applicant_id}/exemptions/{exemption_id}/end",
    status_code=201,
    summary="Propose to end an exemption now",
)
async def end(
    applicant_id: str, exemption_id: str, body: ExemptionEnd, call: Commanded
) -> ListChangeResponse:
    """It ends when another person approves the change."""
    async with call.database.transaction() as tx:
        row = await propose_end(
            tx, call.caller, call.command, applicant_id, exemption_id, reason=body.reason
        )
    return ListChangeResponse.of(row)


def _today(call: Call) -> date:
    return business_date(utc_now(), call.services.settings.zone)
