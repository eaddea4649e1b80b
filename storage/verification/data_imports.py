"""Authorised data imports: elements that their source fetches in steps, and the codes entered."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Repository
from storage.common.rows import Row

_SELECT: Final = (
    "select c.element_id, e.application_id, e.kind, c.workflow_id, c.state, c.source, c.reference,"
    " c.reason, c.wrong_codes, c.begun_at, c.changed_at"
    " from data_imports c join elements e on e.id = c.element_id where c.element_id = $1"
)

_AUTHORISE_URL: Final = "data_imports.authorise_url"
_CODE: Final = "data_import_codes.code"


class DataImportState(StrEnum):
    """Where an import stands. `DONE` (there is a verdict) and `ENDED` (there is none) are final."""

    BEGUN = "begun"
    AWAITING_CODE = "awaiting_code"
    PENDING = "pending"
    DONE = "done"
    ENDED = "ended"


class DataImportRow(Row):
    """A data import; `source` is who was asked and `reference` their own name for it.

    Both are None until a source has begun it.
    """

    element_id: str
    application_id: str
    kind: str
    workflow_id: str
    state: DataImportState
    source: str | None
    reference: str | None
    reason: str | None
    wrong_codes: int
    begun_at: datetime
    changed_at: datetime


class DataImportRepository(Repository):
    """One import for each element that its source fetches; its codes are erased once used."""

    async def begin(self, element_id: str, workflow_id: str, at: datetime) -> DataImportRow:
        """Record that a source is about to be asked; a repeat returns what is recorded."""
        await self._insert(
            "data_imports",
            element_id=element_id,
            workflow_id=workflow_id,
            state=DataImportState.BEGUN,
            begun_at=at,
        )
        return await self._recorded(element_id)

    async def get(self, element_id: str) -> DataImportRow | None:
        """Return the data import of an element, None if it has none."""
        return await self._one(DataImportRow, _SELECT, element_id)

    async def advance(
        self,
        element_id: str,
        state: DataImportState,
        *,
        source: str | None = None,
        reference: str | None = None,
        authorise_url: str | None = None,
        reason: str | None = None,
        wrong_code: bool = False,
    ) -> DataImportRow:
        """Move a data import on and return it; one that is final stays as it is.

        `authorise_url` is the source's own page where the applicant agrees.
        """
        await self._connection.execute(
            "update data_imports set state = $2, reference = coalesce($3, reference), reason = $4,"
            " wrong_codes = wrong_codes + $5, changed_at = now(),"
            " authorise_url_enc = coalesce($6, authorise_url_enc), source = coalesce($7, source)"
            " where element_id = $1 and state not in ('done', 'ended')",
            element_id,
            state,
            reference,
            reason,
            int(wrong_code),
            self._encrypt(_AUTHORISE_URL, element_id, authorise_url),
            source,
        )
        return await self._recorded(element_id)

    async def authorise_url(self, element_id: str) -> str | None:
        """Return the page on which the applicant is to agree; None without one, or when over."""
        encrypted = await self._connection.fetchval(
            "select authorise_url_enc from data_imports"
            " where element_id = $1 and state not in ('done', 'ended')",
            element_id,
        )
        return self._decrypt_if_any(_AUTHORISE_URL, element_id, encrypted)

    async def enter_code(self, code_id: str, element_id: str, code: str) -> None:
        """Store a code, encrypted, for whoever passes it on; a repeat changes nothing."""
        stored = await self._connection.fetchval(
            "insert into data_import_codes (id, element_id, code_enc) values ($1, $2, $3)"
            " on conflict (id) do update set id = excluded.id returning element_id",
            code_id,
            element_id,
            self._encrypt(_CODE, code_id, code),
        )
        if stored != element_id:
            raise IdempotencyMismatch(f"{code_id} was entered for another element")

    async def code(self, code_id: str) -> str | None:
        """Return a code that was entered and not passed on yet."""
        encrypted = await self._connection.fetchval(
            "select code_enc from data_import_codes where id = $1", code_id
        )
        return self._decrypt_if_any(_CODE, code_id, encrypted)

    async def forget_code(self, code_id: str) -> bool:
        """Erase a code that its source has answered; False if it was erased before."""
        return await self._changed(
            "update data_import_codes set code_enc = null where id = $1 and code_enc is not null",
            code_id,
        )

    async def _recorded(self, element_id: str) -> DataImportRow:
        row = await self.get(element_id)
        if row is None:
            raise RecordMissing(f"no data import of {element_id}")
        return row
