"""What reviewers said of single documents, and the files beside the elements, encrypted."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from domain.applications.documents import DocumentKind, DocumentVerdict
from domain.applications.files import CheckedFile
from storage.common.repository import Repository
from storage.common.rows import Row

if TYPE_CHECKING:
    from storage.common.rows import Record

_NAME: Final = "document_judgements.name"
_FILE_NAME: Final = "application_files.name"
_FILE_CONTENT: Final = "application_files.content"
_FILE_COLUMNS: Final = (
    "id, application_id, judgement_id, name_enc, media_type, bytes, added_by, added_at"
)


class JudgementRow(Row):
    """What a reviewer said of a document.

    A side of the card is the picture of `element_id`, a face the whole element; an extra document
    has a `name` instead. `is_current` says that this is about what counts now: the same picture,
    wherever it was taken over to, the same face, or an extra document. `is_open` says that it was
    asked for again and has not come.
    """

    id: str
    application_id: str
    document: DocumentKind
    element_id: str | None
    name: str | None
    verdict: DocumentVerdict
    reason: str | None
    judged_by: str
    judged_at: datetime
    is_current: bool
    is_open: bool


class FileRow(Row):
    """A file without its content; an extra document answers the judgement that asked for it."""

    id: str
    application_id: str
    judgement_id: str | None
    name: str
    media_type: str
    bytes: int
    added_by: str
    added_at: datetime


# The newest element of a kind is what counts of it for a document; judged is a picture by its
# keyed digest, so that a side that was accepted stays so in a card with another back.
_JUDGEMENTS: Final = """
with newest as (
    select distinct on (kind) id, kind from elements where application_id = $1
    order by kind, attempt desc),
judged as (
    select j.*, j.document = 'extra' or exists (
        select from newest n where n.kind = split_part(j.document, '.', 1)
        and (n.id = j.element_id or exists (
            select from element_pictures was
            join element_pictures now on now.content_idx = was.content_idx and now.place = was.place
            where was.element_id = j.element_id and now.element_id = n.id
            and was.place = split_part(j.document, '.', 2)))) as is_current
    from document_judgements j where j.application_id = $1)
select judged.*, verdict = 'again'
    and (document = 'extra' or element_id in (select id from newest))
    and not exists (select from application_files f where f.judgement_id = judged.id)
    and not exists (select from judged later where later.document <> 'extra'
        and later.document = judged.document and later.is_current
        and (later.judged_at, later.id) > (judged.judged_at, judged.id)) as is_open
from judged order by judged_at, id
"""


class JudgementRepository(Repository):
    """The judgements, one after the other; none is changed."""

    async def add(
        self,
        judgement_id: str,
        application_id: str,
        document: DocumentKind,
        verdict: DocumentVerdict,
        *,
        element_id: str | None,
        name: str | None,
        reason: str | None,
        by: str,
        at: datetime,
    ) -> bool:
        """Record what somebody said of a document; False if it is recorded already."""
        return await self._insert(
            "document_judgements",
            id=judgement_id,
            application_id=application_id,
            document=document,
            element_id=element_id,
            name_enc=self._encrypt(_NAME, judgement_id, name),
            verdict=verdict,
            reason=reason,
            judged_by=by,
            judged_at=at,
        )

    async def of(self, application_id: str) -> list[JudgementRow]:
        """Return what was said of an application's documents, the first judgement first."""
        records = await self._connection.fetch(_JUDGEMENTS, application_id)
        return [
            JudgementRow.model_validate(
                dict(record)
                | {"name": self._decrypt_if_any(_NAME, record["id"], record["name_enc"])}
            )
            for record in records
        ]


class FileRepository(Repository):
    """The files of applications."""

    async def add(
        self,
        file_id: str,
        application_id: str,
        name: str,
        file: CheckedFile,
        *,
        by: str,
        at: datetime,
        judgement_id: str | None = None,
    ) -> bool:
        """Store a file; False, and nothing changes, if it is stored, or its request answered."""
        return await self._insert(
            "application_files",
            id=file_id,
            application_id=application_id,
            judgement_id=judgement_id,
            name_enc=self._encrypt(_FILE_NAME, file_id, name),
            media_type=file.media_type,
            bytes=len(file.content),
            content_enc=self._keyring.encrypt(file.content, f"{_FILE_CONTENT}:{file_id}".encode()),
            content_idx=self._blind_index.of("file", file.content.hex()),
            added_by=by,
            added_at=at,
        )

    async def of(self, application_id: str) -> list[FileRow]:
        """Return the files of an application, the oldest first."""
        records = await self._connection.fetch(
            f"select {_FILE_COLUMNS} from application_files"  # noqa: S608
            " where application_id = $1 order by added_at, id",
            application_id,
        )
        return [self._read(record) for record in records]

    async def content(self, application_id: str, file_id: str) -> tuple[FileRow, bytes] | None:
        """Return a file of an application with its content, None if it has no such file."""
        record = await self._connection.fetchrow(
            f"select {_FILE_COLUMNS}, content_enc from application_files"  # noqa: S608
            " where application_id = $1 and id = $2",
            application_id,
            file_id,
        )
        if record is None:
            return None
        bound_to = f"{_FILE_CONTENT}:{file_id}".encode()
        return self._read(record), self._keyring.decrypt(record["content_enc"], bound_to)

    def _read(self, record: "Record") -> FileRow:
        known: Mapping[str, object] = dict(record)
        name = self._decrypt(_FILE_NAME, record["id"], record["name_enc"])
        return FileRow.model_validate({**known, "name": name})
