"""Reading definitions: what there is, what is in force, what is to come, what changed and why."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.common.definitions import Difference, UnknownDefinition, differences
from domain.common.releases import release_in_force, scheduled_releases
from runtime.clock import utc_now
from services.definitions.in_force import kind_of, version_of
from services.definitions.record import aggregate_of
from services.people.handles import with_handles
from storage.common.audit import AuditRepository, AuditRow
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.definitions import DefinitionRepository, DefinitionRow, DefinitionState, ReleaseRow


@dataclass(frozen=True)
class KindOverview:
    """A kind: the form of its contents, and one that is in force as an example, None without."""

    name: str
    schema: dict[str, Any]
    example: dict[str, Any] | None


@dataclass(frozen=True)
class Overview:
    """A definition in a list: its newest version, and the release that is in force, if any."""

    newest: DefinitionRow
    in_force: ReleaseRow | None
    scheduled: tuple[ReleaseRow, ...]


@dataclass(frozen=True)
class Shown:
    """A definition with everything about it; versions and releases are the newest first."""

    kind: str
    code: str
    in_force: ReleaseRow | None
    content: dict[str, Any] | None
    scheduled: tuple[ReleaseRow, ...]
    versions: tuple[DefinitionRow, ...]
    releases: tuple[ReleaseRow, ...]


async def describe_kind(tx: Transaction, kind: str) -> KindOverview:
    """Return the JSON schema of a kind with a content in force; raises `UnknownDefinition`."""
    known = kind_of(tx, kind)
    in_force = await DefinitionRepository(tx).all_in_force(known)
    example = in_force[0].content.model_dump(mode="json") if in_force else None
    return KindOverview(kind, known.model.model_json_schema(), example)


async def list_definitions(
    tx: Transaction,
    after: Cursor | None,
    limit: int,
    *,
    kind: str | None = None,
    state: DefinitionState | None = None,
) -> list[Overview]:
    """Return a page of the definitions, the one drafted last first.

    With a `state` those with a version in it.

    Each is shown with its newest version, of the state if one is given.
    """
    if kind is not None:
        kind_of(tx, kind)
    repository = DefinitionRepository(tx)
    now = utc_now()
    releases = await repository.releases(kind)
    overviews = []
    rows = await repository.page(after, limit, kind=kind, state=state)
    for newest in await named_versions(tx, rows):
        own = [one for one in releases if (one.kind, one.code) == (newest.kind, newest.code)]
        overviews.append(
            Overview(newest, release_in_force(own, now), tuple(scheduled_releases(own, now)))
        )
    return overviews


async def show(tx: Transaction, kind: str, code: str) -> Shown:
    """Return a definition with everything about it; raises `UnknownDefinition`."""
    versions = await list_versions(tx, kind, code)
    releases = await named_releases(tx, await DefinitionRepository(tx).releases(kind, code))
    now = utc_now()
    in_force = release_in_force(releases, now)
    return Shown(
        kind=kind,
        code=code,
        in_force=in_force,
        content=_content_in_force(versions, in_force),
        scheduled=tuple(scheduled_releases(releases, now)),
        versions=tuple(versions),
        releases=tuple(reversed(releases)),
    )


async def list_versions(tx: Transaction, kind: str, code: str) -> list[DefinitionRow]:
    """Return the versions of a definition, the newest first; raises `UnknownDefinition`."""
    kind_of(tx, kind)
    versions = await DefinitionRepository(tx).versions(kind, code)
    if not versions:
        raise UnknownDefinition(f"there is no {kind} {code!r}")
    return await named_versions(tx, versions)


async def read_version(tx: Transaction, kind: str, code: str, version: int) -> DefinitionRow:
    """Return a version; raises `UnknownDefinition`."""
    kind_of(tx, kind)
    [row] = await named_versions(tx, [await version_of(tx, kind, code, version)])
    return row


async def diff(tx: Transaction, kind: str, code: str, before: int, after: int) -> list[Difference]:
    """Return what differs between two versions, field by field; raises `UnknownDefinition`."""
    older = await read_version(tx, kind, code, before)
    newer = await read_version(tx, kind, code, after)
    return list(differences(json.loads(older.content), json.loads(newer.content)))


async def history(
    tx: Transaction, kind: str, code: str, after_id: int, limit: int
) -> list[AuditRow]:
    """Return who did what to a definition behind an entry, the oldest first.

    Raises `UnknownDefinition`.
    """
    await list_versions(tx, kind, code)
    entries = await AuditRepository(tx).of(aggregate_of(kind, code), after_id, limit)
    return await with_handles(tx, entries, "actor")


async def named_versions(tx: Transaction, rows: Sequence[DefinitionRow]) -> list[DefinitionRow]:
    """Return versions with the handles of the people who drafted and checked them."""
    return await with_handles(tx, rows, "drafted_by", "checked_by")


async def named_releases(tx: Transaction, rows: Sequence[ReleaseRow]) -> list[ReleaseRow]:
    """Return releases with the handles of the people who released them."""
    return await with_handles(tx, rows, "released_by")


def _content_in_force(
    versions: Sequence[DefinitionRow], in_force: ReleaseRow | None
) -> dict[str, Any] | None:
    if in_force is None:
        return None
    content: dict[str, Any] = next(
        json.loads(row.content) for row in versions if row.version == in_force.version
    )
    return content
