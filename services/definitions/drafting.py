"""Drafting a version of a definition, and checking it."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from domain.common.definitions import (
    DefinitionChanged,
    DefinitionInvalid,
    Finding,
    Kind,
    UnknownDefinition,
    WrongDefinitionState,
    canonical,
    digest,
)
from domain.people.principals import Principal
from runtime.clock import utc_now
from services.definitions.in_force import DefinitionsInForce, in_force_at, kind_of
from services.definitions.record import record
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository, DefinitionRow, DefinitionState

MAX_CONTENT_BYTES: Final = 256 * 1024
"""Of a content as canonical JSON in UTF-8."""

_CODE: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Drafted:
    """A version, and what is wrong with it as long as it is a draft."""

    row: DefinitionRow
    findings: tuple[Finding, ...]


async def draft(
    tx: Transaction,
    caller: Principal,
    kind: str,
    code: str,
    content: Mapping[str, Any],
    *,
    note: str,
    base: int | None = None,
) -> Drafted:
    """Record the next version of a definition, also one that is not in order yet.

    `base` is the newest version that the caller has seen, 0 for none. A content that says the same
    as the newest version makes no new one, unless that is retired. Raises `UnknownDefinition`,
    `DefinitionInvalid` for what cannot be stored at all, and `DefinitionChanged`.
    """
    known = kind_of(tx, kind)
    if not _CODE.fullmatch(code):
        raise UnknownDefinition(
            f"{code!r} is no code: small letters, digits, _ and - behind a letter, 64 at most"
        )
    readable = _readable(known, content)
    text = _text_of(readable)
    repository = DefinitionRepository(tx)
    await repository.lock_drafts(kind, code)
    versions = await repository.versions(kind, code)
    newest = versions[0] if versions else None
    if newest is not None and _says_the_same(newest, text):
        return Drafted(newest, await _findings(tx, known, newest, utc_now()))
    if base is not None and base != (newest.version if newest else 0):
        raise DefinitionChanged(
            f"the newest version of {kind}/{code} is {newest.version if newest else 'none'}"
            f" and not {base}: see what changed, and draft on top of it"
        )
    row = await repository.insert(kind, code, readable, note=note, drafted_by=caller.actor)
    await record(tx, caller, "drafted", kind, code, str(row.version), note=note, sha256=row.sha256)
    return Drafted(row, await _findings(tx, known, row, utc_now()))


async def check(
    tx: Transaction,
    caller: Principal,
    kind: str,
    code: str,
    version: int,
    *,
    at: datetime | None = None,
) -> DefinitionRow:
    """Check a draft against what is in force now, or will be `at` an instant; return it checked.

    Raises `DefinitionInvalid` with everything that is wrong, `UnknownDefinition`, and
    `WrongDefinitionState`. A version that was checked before stays as it is.
    """
    known = kind_of(tx, kind)
    repository = DefinitionRepository(tx)
    row = await repository.version_for_update(kind, code, version)
    if row is None:
        raise UnknownDefinition(f"there is no {kind}/{code}@{version}")
    if row.state not in (DefinitionState.DRAFT, DefinitionState.CHECKED):
        raise WrongDefinitionState(f"{kind}/{code}@{version} is {row.state} already")
    found = await _findings(tx, known, row, at or utc_now())
    if found:
        raise DefinitionInvalid(f"{kind}/{code}@{version} is not in order", found)
    if row.state is DefinitionState.CHECKED:
        return row
    checked = await repository.set_checked(row, caller.actor)
    await record(tx, caller, "checked", kind, code, str(version), sha256=row.sha256)
    return checked


async def findings_of(
    known: Kind[Any], row: DefinitionRow, others: DefinitionsInForce
) -> tuple[Finding, ...]:
    """Return what is wrong with a version.

    A check may compute plans for a while: in a thread, the event loop has others to serve.
    """
    return await asyncio.to_thread(known.findings, json.loads(row.content), others, row.code)


async def _findings(
    tx: Transaction, known: Kind[Any], row: DefinitionRow, at: datetime
) -> tuple[Finding, ...]:
    releases = await DefinitionRepository(tx).releases()
    return await findings_of(known, row, await in_force_at(tx, releases, at))


def _says_the_same(row: DefinitionRow, text: str) -> bool:
    return row.state is not DefinitionState.RETIRED and row.sha256 == digest(text)


def _readable(known: Kind[Any], content: Mapping[str, Any]) -> BaseModel | Mapping[str, Any]:
    """Return a content as its kind reads it, or as it was given where it cannot be read so."""
    try:
        read: BaseModel = known.model.model_validate(content, extra="forbid")
    except ValidationError:
        return content
    return read


def _text_of(content: BaseModel | Mapping[str, Any]) -> str:
    """Return the canonical text; raises `DefinitionInvalid` for what cannot be stored."""
    try:
        text = canonical(content)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError):
        raise _not_storable("this is no JSON object that can be stored") from None
    if size > MAX_CONTENT_BYTES:
        raise _not_storable(f"{size} bytes are more than {MAX_CONTENT_BYTES}")
    return text


def _not_storable(message: str) -> DefinitionInvalid:
    return DefinitionInvalid("the draft was not stored", (Finding("content", message),))
