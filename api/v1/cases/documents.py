"""The case as one document: read, unmasked, its pictures, documents judged, files."""

from typing import Annotated, Any, Final

from fastapi import Query
from fastapi.responses import Response

from api.http.calls import PENDING, Called, Commanded
from api.http.routing import authorised_router
from api.v1.applications.carrying_out import carry_out
from api.v1.cases.document_schemas import (
    CaseDocumentResponse,
    FileCreate,
    FilePlaced,
    JudgementMade,
    JudgementsCreate,
    JudgementsMade,
    UnmaskBody,
    UnmaskedResponse,
    ViewResponse,
    ViewsResponse,
)
from messages.verification import SupplementRequest
from services.applications.reviewing import authorise_review
from services.cases.document import read_document
from services.cases.document_judging import Extra, Judgement, judge_documents
from services.cases.files import attach_file, check_file
from services.cases.finding import find_case
from services.cases.pictures import Shown, show_file, show_picture
from services.cases.viewing import unmask, views_of
from services.people.handles import with_handles
from storage.applications.documents import JudgementRepository

router = authorised_router("/cases", "cases")
users = authorised_router("/users", "users")

_NOT_KEPT: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}
"""Nothing on the way keeps it, and nothing in it runs."""

_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/jpeg": {}}, "description": "The picture, marked"}
}
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"application/pdf": {}, "image/jpeg": {}},
        "description": "The file, to be saved; a picture is marked",
    }
}


@router.get("/{case_id}/document", summary="Read a case as one document")
async def read(case_id: str, call: Called) -> CaseDocumentResponse:
    """Return everything about a case to who holds it. The look is recorded.

    A supervisor reads it without pictures and files. Numbers are masked until unmasked.
    """
    async with call.database.transaction() as tx:
        found = await read_document(tx, call.caller, case_id)
    call.response.headers.update(_NOT_KEPT)
    return CaseDocumentResponse.of(found)


@router.post("/{case_id}/unmask", summary="Have a field shown in full")
async def unmask_field(case_id: str, body: UnmaskBody, call: Commanded) -> UnmaskedResponse:
    """Let the document show a field in full to the caller for five minutes; recorded.

    The answer does not hold the value: read the document again.
    """
    async with call.database.transaction() as tx:
        until = await unmask(tx, call.caller, case_id, body.field, body.purpose)
    return UnmaskedResponse(field=body.field, purpose=body.purpose, until=until)


@router.get(
    "/{case_id}/pictures/{name}",
    response_class=Response,
    responses=_PICTURE,
    summary="Look at a picture of a case",
)
async def picture(case_id: str, name: str, call: Called) -> Response:
    """Return a picture, marked with who looks and when, to who holds the case. Recorded.

    Its name is in the document and works for whoever read that.
    """
    return _sent(await show_picture(call.database, call.caller, case_id, name), "inline")


@router.post(
    "/{case_id}/documents",
    responses=PENDING,
    summary="Judge documents one by one, and ask for further ones",
)
async def judge(case_id: str, body: JudgementsCreate, call: Commanded) -> JudgementsMade:
    """Accept documents, or have them given again; the applicant sees each one with its reason.

    Whatever is asked for again of an element counts as one round of supplements: the case waits.
    The answer holds no names and reasons: read the document again.
    """
    if any(one.reason and one.verdict == "again" for one in body.judgements):
        async with call.database.read() as tx:
            application_id = (await find_case(tx, case_id)).subject
        await authorise_review(call.database, call.caller, application_id, "supplement")
    async with call.database.transaction() as tx:
        asked = await judge_documents(
            tx,
            call.caller,
            call.command,
            case_id,
            [Judgement(one.document, one.verdict, one.reason) for one in body.judgements],
            [Extra(one.name, one.reason) for one in body.extras],
        )
    if asked.kinds:
        again = SupplementRequest(
            kinds=asked.kinds, reason=asked.reason, reviewer=call.caller.actor
        )
        await carry_out(call, asked.application_id, "review_supplement", again)
    async with call.database.read() as tx:
        rows = await JudgementRepository(tx).of(asked.application_id)
        rows = await with_handles(tx, rows, "judged_by")
    return JudgementsMade(items=[JudgementMade.model_validate(row) for row in rows])


@router.post("/{case_id}/files", status_code=201, summary="Put a file into a case")
async def attach(case_id: str, body: FileCreate, call: Commanded) -> FilePlaced:
    """Store a PDF or a picture of at most 10 MB; its type is told by its content.

    A picture is written anew. A PDF that runs something is refused.
    """
    file = await check_file(body.content)
    async with call.database.transaction() as tx:
        file_id = await attach_file(tx, call.caller, call.command, case_id, body.name, file)
    call.created(f"/v1/cases/{case_id}/files/{file_id}")
    return FilePlaced(id=file_id)


@router.get(
    "/{case_id}/files/{file_id}",
    response_class=Response,
    responses=_FILE,
    summary="Read a file of a case",
)
async def file(case_id: str, file_id: str, call: Called) -> Response:
    """Return a file for download to who holds the case. Recorded."""
    return _sent(await show_file(call.database, call.caller, case_id, file_id), "attachment")


@users.get("/{applicant_id}/views", summary="Who looked at a person's data")
async def views(
    applicant_id: str,
    call: Called,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ViewsResponse:
    """Return the looks at a person, in whatever channel, the newest first."""
    async with call.database.read() as tx:
        rows = await views_of(tx, call.caller, applicant_id, before, limit)
    return ViewsResponse(
        items=[ViewResponse.model_validate(row) for row in rows],
        next=str(rows[-1].id) if len(rows) == limit else None,
    )


def _sent(shown: Shown, disposition: str) -> Response:
    extension = "pdf" if shown.media_type == "application/pdf" else "jpg"
    return Response(
        shown.content,
        media_type=shown.media_type,
        headers={**_NOT_KEPT, "Content-Disposition": f'{disposition}; filename="file.{extension}"'},
    )
