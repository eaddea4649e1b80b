"""Definitions in tests: what is shipped, and releasing another version into a test's database."""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from domain.common.definitions import Agreed, DefinitionRef, Kind
from runtime.clock import utc_now
from services.definitions import shipped as files
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository, DefinitionState

ContentT = TypeVar("ContentT", bound=BaseModel)

_SHIPPED = {(one.kind.name, one.code): one.content for one in files.shipped()}


def shipped(kind: Kind[ContentT], code: str) -> ContentT:
    """The content that `catalogue/` brings."""
    content = _SHIPPED[kind.name, code]
    assert isinstance(content, kind.model)
    return content


def codes(kind: Kind[Any]) -> list[str]:
    """The codes of a kind that `catalogue/` brings, sorted."""
    return sorted(code for of_kind, code in _SHIPPED if of_kind == kind.name)


def agreed(kind: Kind[ContentT], code: str) -> Agreed[ContentT]:
    """The same with its reference, as a fresh database has it."""
    return kind.agreed(code, 1, shipped(kind, code))


def ref(kind: Kind[Any], code: str) -> DefinitionRef:
    """The reference of what `catalogue/` brings."""
    return agreed(kind, code).ref


async def release(
    record: Database | Transaction,
    kind: Kind[ContentT],
    code: str,
    content: ContentT,
    *,
    effective_from: datetime | None = None,
) -> DefinitionRef:
    """Bring a content into force, now or from an instant on; processes know within a second."""
    if isinstance(record, Database):
        async with record.transaction() as tx:
            return await release(tx, kind, code, content, effective_from=effective_from)
    definitions = DefinitionRepository(record)
    row = await definitions.insert(
        kind.name,
        code,
        content,
        note="test",
        drafted_by="test:drafts",
        state=DefinitionState.CHECKED,
    )
    await definitions.release(
        row, effective_from=effective_from or utc_now(), reason="test", released_by="test:releases"
    )
    return DefinitionRef(kind=kind.name, code=code, version=row.version, sha256=row.sha256)
