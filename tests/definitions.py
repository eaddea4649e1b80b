"""Definitions in tests: what is shipped, and releasing another version into a test's database."""

import asyncio
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from domain.common.definitions import Agreed, DefinitionRef, Kind
from domain.people.consents import CONSENT_TEXT, Purpose
from domain.sources import SOURCE
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


CONSENTS = tuple(
    {
        "purpose": purpose.value,
        "text_version": text.version,
        "text_sha256": text.sha256,
    }
    for purpose in Purpose
    for text in [shipped(CONSENT_TEXT, purpose)]
)
"""Consent to every purpose, in the shipped words, as an application takes it."""


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


def findings(kind: Kind[Any], code: str, draft: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What is wrong with a draft beside everything shipped: field, message and example."""
    found = kind.findings(draft, files.Files(_SHIPPED), code)
    return [(one.field, one.message, one.example) for one in found]


def in_force_at(kind: Kind[Any], code: str, field: str) -> str:
    """What is shipped at a field, as JSON; empty where nothing is."""
    place: Any = shipped(kind, code).model_dump(mode="json")
    for part in field.split("."):
        place = place[int(part)] if part.isdigit() else place.get(part)
    return "" if place is None else json.dumps(place, ensure_ascii=False)


def changed(kind: Kind[Any], code: str, path: str, value: object) -> dict[str, Any]:
    """The shipped content with one field replaced, removed for `...`: `rules.0.value`."""
    draft: dict[str, Any] = shipped(kind, code).model_dump(mode="json")
    *way, last = path.split(".")
    place: Any = draft
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is ...:
        del place[int(last) if last.isdigit() else last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return draft


def forget(*databases: Database) -> None:
    """Have processes ask for releases with their next look, as they do a second later."""
    for database in databases:
        known = database._definitions._releases
        known.replace(known.value, -math.inf)


class Sources:
    """The sources of a module's database: changed by releases, and as shipped in the end."""

    def __init__(self, *databases: Database) -> None:
        self._databases = databases
        self._changed: dict[str, Mapping[str, Any]] = {}
        self._changing = asyncio.Lock()

    async def be(self, changes: Mapping[str, Mapping[str, Any]], *also: Database) -> None:
        """Have what is shipped in force with these changes by name, known everywhere at once.

        Fields of a shipped source are replaced one by one; another name adds a source.
        """
        async with self._changing:
            if self._changed == changes:
                return
            for name in self._changed.keys() - changes.keys():
                off = {**self._changed[name], "enabled": False}
                await self._release(name, {} if name in _SHIPPED_SOURCES else off)
            for name, fields in changes.items():
                if self._changed.get(name) != fields:
                    await self._release(name, fields)
            self._changed = {name: dict(fields) for name, fields in changes.items()}
            forget(*self._databases, *also)

    async def _release(self, name: str, fields: Mapping[str, Any]) -> None:
        known = shipped(SOURCE, name).model_dump() if name in _SHIPPED_SOURCES else {}
        content = SOURCE.model.model_validate({**known, **fields, "name": name})
        await release(self._databases[0], SOURCE, name, content)


_SHIPPED_SOURCES = frozenset(codes(SOURCE))
