"""Documents that a reviewer asked for, as their applicant sees and gives them."""

from datetime import datetime

from pydantic import ConfigDict, Field

from api.http.calls import PENDING, Called, Commanded
from api.http.routing import authorised_router
from api.http.schemas import Body, ResponseBody
from api.v1.applications.elements import carry_out_elements
from api.v1.cases.document_schemas import SAMPLE_PDF, FileContent
from domain.applications.documents import MAX_EXTRAS, DocumentKind
from services.applications.documents import (
    GivenDocument,
    check_documents,
    documents_asked_for,
    give_documents,
)

router = authorised_router("/applications", "applications")


class AwaitedDocument(ResponseBody):
    """A document that is waited for, without words: answers of commands are kept for repeats."""

    id: str
    document: DocumentKind
    asked_at: datetime


class AwaitedDocuments(ResponseBody):
    """What is still waited for."""

    items: list[AwaitedDocument]


class AskedDocument(AwaitedDocument):
    """A document that is waited for, and why. `name` is that of an `extra` one."""

    name: str | None
    reason: str


class AskedDocuments(ResponseBody):
    """What is waited for now."""

    items: list[AskedDocument]


class DocumentBody(Body):
    """A document by the id under which it is asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "doc_06gv3x6s2k9m4t8q1w5z7b0c3d", "content": SAMPLE_PDF}]
        }
    )

    id: str = Field(pattern=r"^doc_[0-9a-z]{26}$")
    content: FileContent


class DocumentsBody(Body):
    """Documents that are asked for; two sides of a card come together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"documents": [{"id": "doc_06gv3x6s2k9m4t8q1w5z7b0c3d", "content": SAMPLE_PDF}]}
            ]
        }
    )

    documents: tuple[DocumentBody, ...] = Field(min_length=1, max_length=MAX_EXTRAS)


@router.get("/{application_id}/documents", summary="Which documents are asked for")
async def asked_for(application_id: str, call: Called) -> AskedDocuments:
    """Return the documents that a reviewer asked for and that have not come, with the reasons."""
    async with call.database.read() as tx:
        rows = await documents_asked_for(tx, call.caller, application_id)
    return AskedDocuments(
        items=[
            AskedDocument(
                id=row.id,
                document=row.document,
                name=row.name,
                reason=row.reason or "",
                asked_at=row.judged_at,
            )
            for row in rows
        ]
    )


@router.post(
    "/{application_id}/documents", responses=PENDING, summary="Give documents that are asked for"
)
async def give(application_id: str, body: DocumentsBody, call: Commanded) -> AwaitedDocuments:
    """Store documents; a side of the card is verified with the other one as it was.

    Returns what is still asked for, without names and reasons. A face is given as an element,
    after its challenge.
    """
    given = await check_documents(
        call.database,
        call.caller,
        application_id,
        [GivenDocument(one.id, one.content) for one in body.documents],
    )
    async with call.database.transaction() as tx:
        row, provided = await give_documents(tx, call.caller, call.command, application_id, given)
    if provided is not None:
        wanted = {item.element_id for item in provided.elements}
        await carry_out_elements(call, row, "provide_elements", provided, wanted)
    async with call.database.read() as tx:
        rows = await documents_asked_for(tx, call.caller, application_id)
    return AwaitedDocuments(
        items=[
            AwaitedDocument(id=row.id, document=row.document, asked_at=row.judged_at)
            for row in rows
        ]
    )
