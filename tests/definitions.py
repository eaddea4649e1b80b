"""Definitions in tests: what is shipped, and another version in a test's own database."""

from typing import TypeVar

from pydantic import BaseModel

from domain.common.definitions import Kind
from runtime.clock import utc_now
from services.definitions.shipped import shipped as files
from storage.database import Database
from storage.definitions import DefinitionRepository

ContentT = TypeVar("ContentT", bound=BaseModel)


def shipped(kind: Kind[ContentT], code: str) -> ContentT:
    """Return the content that is shipped as a file."""
    [found] = [one.content for one in files() if (one.kind.name, one.code) == (kind.name, code)]
    assert isinstance(found, kind.model)
    return found


async def release(database: Database, kind: Kind[ContentT], code: str, content: ContentT) -> None:
    """Put another version of a definition in force at once."""
    async with database.transaction() as tx:
        repository = DefinitionRepository(tx)
        row = await repository.insert(kind.name, code, content, note="test", drafted_by="test")
        await repository.release(row, effective_from=utc_now(), reason="test", released_by="test")
