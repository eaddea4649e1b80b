"""Cases: the queues, claims and the worklog. How a review is decided is in `applications`."""

from typing import Annotated

from fastapi import Query

from api.http.calls import Called, Commanded
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.cases.schemas import (
    CallBody,
    CaseResponse,
    CaseWithLog,
    EscalateBody,
    LogResponse,
    NextBody,
    NextResponse,
    NoteBody,
    ReassignBody,
)
from domain.cases.cases import CaseKind, Stage
from domain.people.staff import Handle
from services.cases.claims import (
    claim_case,
    reassign_case,
    release_claim,
    renew_claim,
    take_next,
)
from services.cases.finding import find_case
from services.cases.reading import list_open_cases, shown
from services.cases.stages import escalate_case
from services.cases.worklog import add_note, record_call, worklog
from storage.cases import CaseRow
from storage.common.repository import Transaction

router = authorised_router("/cases", "cases")

Code = Annotated[str | None, Query(max_length=64)]


@router.get("", summary="The open cases, the one with the least time left at their head")
async def list_cases(
    call: Called,
    page: Paged,
    kind: Annotated[CaseKind | None, Query()] = None,
    queue: Code = None,
    stage: Annotated[Stage | None, Query()] = None,
    channel: Code = None,
    product: Code = None,
    assigned_to: Annotated[Handle | None, Query()] = None,
    claimed_by: Annotated[Handle | None, Query()] = None,
) -> Page[CaseResponse]:
    """Return a page of the open cases; those that wait for their applicant are not among them."""
    async with call.database.read() as tx:
        rows = await list_open_cases(
            tx,
            page.after,
            page.limit,
            kind=kind,
            queue=queue,
            stage=stage,
            channel=channel,
            product=product,
            assigned_to=assigned_to,
            claimed_by=claimed_by,
        )
    return page.of(CaseResponse, rows, "due_at")


@router.get("/{case_id}", summary="A case and its worklog")
async def get(case_id: str, call: Called) -> CaseWithLog:
    """Return a case with what was done on it."""
    async with call.database.read() as tx:
        return await _with_log(tx, await find_case(tx, case_id))


@router.post("/next", summary="Take the next case")
async def pull(body: NextBody, call: Commanded) -> NextResponse:
    """Claim the free case with the least time left that the caller may work on."""
    async with call.database.transaction() as tx:
        row = await take_next(tx, call.caller, call.command.update_id, queue=body.queue)
        return NextResponse(case=await _response(tx, row) if row is not None else None)


@router.post("/{case_id}/claim", summary="Take a case")
async def claim(case_id: str, call: Commanded) -> CaseResponse:
    """Claim a case. 409 `case_claimed` while somebody else works on it."""
    async with call.database.transaction() as tx:
        return await _response(
            tx, await claim_case(tx, call.caller, case_id, call.command.update_id)
        )


@router.post("/{case_id}/heartbeat", summary="Go on working on a case")
async def heartbeat(case_id: str, call: Commanded) -> CaseResponse:
    """Renew the caller's claim. 409 `claim_needed` once it has run out."""
    async with call.database.transaction() as tx:
        return await _response(tx, await renew_claim(tx, call.caller, case_id))


@router.post("/{case_id}/release", summary="Put a case back")
async def release(case_id: str, call: Commanded) -> CaseResponse:
    """End the caller's claim."""
    async with call.database.transaction() as tx:
        return await _response(
            tx, await release_claim(tx, call.caller, case_id, call.command.update_id)
        )


@router.post("/{case_id}/reassign", summary="Give a case to somebody else")
async def reassign(case_id: str, body: ReassignBody, call: Commanded) -> CaseResponse:
    """Give a case to a reviewer, whoever works on it: for those whom the authority matrix lets."""
    async with call.database.transaction() as tx:
        row = await reassign_case(
            tx, call.caller, case_id, body.to, body.reason, call.command.update_id
        )
        return await _response(tx, row)


@router.post("/{case_id}/escalate", summary="Leave a case to somebody senior")
async def escalate(case_id: str, body: EscalateBody, call: Commanded) -> CaseResponse:
    """Move a case that the caller holds to its final stage, which somebody else decides."""
    async with call.database.transaction() as tx:
        row = await escalate_case(tx, call.caller, case_id, body.reason, call.command.update_id)
        return await _response(tx, row)


@router.post("/{case_id}/notes", summary="Write a note on a case")
async def note(case_id: str, body: NoteBody, call: Commanded) -> CaseResponse:
    """Add a note to the worklog. The answer does not hold it: read the case again."""
    async with call.database.transaction() as tx:
        await add_note(tx, call.caller, case_id, body.text, call.command.update_id)
        return await _response(tx, await find_case(tx, case_id))


@router.post("/{case_id}/calls", summary="Record a telephone call")
async def record(case_id: str, body: CallBody, call: Commanded) -> CaseResponse:
    """Record a call. 409 `calls_exhausted` and 429 `call_too_soon` by the review strategy.

    The answer does not hold what was noted: read the case again.
    """
    async with call.database.transaction() as tx:
        await record_call(
            tx,
            call.caller,
            case_id,
            who=body.who,
            script=body.script,
            result=body.result,
            note=body.note,
            key=call.command.update_id,
        )
        return await _response(tx, await find_case(tx, case_id))


async def _response(tx: Transaction, row: CaseRow) -> CaseResponse:
    return CaseResponse.model_validate(await shown(tx, row))


async def _with_log(tx: Transaction, row: CaseRow) -> CaseWithLog:
    log = [LogResponse.model_validate(entry) for entry in await worklog(tx, row.id)]
    return CaseWithLog(**dict(await _response(tx, row)), log=log)
