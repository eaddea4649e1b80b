# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Definitions: their versions, their releases, and what is in force at an instant.

What is in force is read far more often than it changes: releases and contents are kept in memory a
process, and whether there is a newer release is asked at most once a second.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel

from domain.common.definitions import (
    Agreed,
    DefinitionRef,
    Kind,
    UnknownDefinition,
    canonical,
    digest,
)
from runtime.clock import utc_now
from storage.common.repository import Repository, Transaction
from storage.common.rows import Row

ContentT = TypeVar("ContentT", bound=BaseModel)

_FRESH_SECONDS: Final = 1.0
_COLUMNS: Final = (
    "kind, code, version, content, sha256, state, note, drafted_by, drafted_at, checked_by,"
    " checked_at"
)
_RELEASE: Final = (
    "id, kind, code, version, action, effective_from, reason, released_by, recorded_at"
)


class DefinitionState(StrEnum):
    """How far a version has come; a retired one was in force and is no longer."""

    DRAFT = "draft"
    CHECKED = "checked"
    RELEASED = "released"
    RETIRED = "retired"


class DefinitionRow(Row):
    """One version; `content` is its canonical JSON."""

    kind: str
    code: str
    version: int
    content: str
    sha256: str
    state: DefinitionState
    note: str
    drafted_by: str
    drafted_at: datetime
    checked_by: str | None
    checked_at: datetime | None


class ReleaseRow(Row):
    """That a version comes into force at an instant; a rollback goes back to an earlier one."""

    id: int
    kind: str
    code: str
    version: int
    action: Literal["release", "rollback"]
    effective_from: datetime
    reason: str
    released_by: str
    recorded_at: datetime


class DefinitionCache:
    """What a process remembers: every release, and the contents that it has read.

    One is made with each `Database` and handed out with its transactions.
    """

    def __init__(self) -> None:
        self._releases: dict[tuple[str, str], list[ReleaseRow]] = {}
        self._newest = 0
        self._asked_at: float | None = None
        self.contents: dict[tuple[str, str, int], Agreed[Any]] = {}

    @property
    def is_fresh(self) -> bool:
        """Say whether the record was asked for new releases a moment ago."""
        return self._asked_at is not None and monotonic() - self._asked_at < _FRESH_SECONDS

    @property
    def newest(self) -> int:
        """Return the id of the last release that is known, 0 before the first."""
        return self._newest

    def add(self, releases: Iterable[ReleaseRow]) -> None:
        """Remember releases that are newer than all known ones, in the order of their ids."""
        for release in releases:
            self._releases.setdefault((release.kind, release.code), []).append(release)
            self._newest = release.id
        self._asked_at = monotonic()

    def codes(self, kind: str) -> list[str]:
        """Return the codes of a kind that were ever released, sorted."""
        return sorted(code for of_kind, code in self._releases if of_kind == kind)

    def in_force(self, kind: str, code: str, at: datetime) -> ReleaseRow | None:
        """Return the release that holds at an instant, None before the first.

        The one that came into force last holds; a rollback undoes what was to come into force
        after it and was released before it.
        """
        releases = self._releases.get((kind, code), [])
        rollbacks = [one for one in releases if one.action == "rollback"]
        standing = [
            one
            for one in releases
            if one.effective_from <= at
            and not any(
                back.id > one.id and back.effective_from <= one.effective_from for back in rollbacks
            )
        ]
        return max(standing, key=lambda one: (one.effective_from, one.id), default=None)

    def all_known(self, kind: Kind[ContentT]) -> list[Agreed[ContentT]] | None:
        """Return what is in force of a kind now; None unless that is known without asking."""
        if not self.is_fresh:
            return None
        now = utc_now()
        found = []
        for code in self.codes(kind.name):
            release = self.in_force(kind.name, code, now)
            if release is None:
                continue
            content = self.contents.get((kind.name, code, release.version))
            if content is None:
                return None
            found.append(content)
        return found


class DefinitionRepository(Repository):
    """The definitions."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx)
        self._cache = tx.definitions

    async def in_force(
        self, kind: Kind[ContentT], code: str, at: datetime | None = None
    ) -> Agreed[ContentT]:
        """Return what is in force, now or `at` an instant; raises `UnknownDefinition`."""
        await self._refresh()
        release = self._cache.in_force(kind.name, code, at or utc_now())
        if release is None:
            raise UnknownDefinition(f"no {kind.name} {code!r} is in force")
        return await self._content(kind, code, release.version)

    async def all_in_force(
        self, kind: Kind[ContentT], at: datetime | None = None
    ) -> list[Agreed[ContentT]]:
        """Return what is in force of a kind, now or `at` an instant, by code."""
        await self._refresh()
        instant = at or utc_now()
        releases = [
            self._cache.in_force(kind.name, code, instant) for code in self._cache.codes(kind.name)
        ]
        return [
            await self._content(kind, release.code, release.version)
            for release in releases
            if release is not None
        ]

    async def of_ref(self, kind: Kind[ContentT], ref: DefinitionRef) -> Agreed[ContentT]:
        """Return the version that a process or a record names; raises `UnknownDefinition`."""
        return await self._content(kind, ref.code, ref.version)

    async def named(self, kind: Kind[ContentT], name: str) -> Agreed[ContentT]:
        """Return the version that a row names as `kind/code@version`."""
        code, _, version = name.removeprefix(f"{kind.name}/").rpartition("@")
        return await self._content(kind, code, int(version))

    async def get(self, kind: str, code: str, version: int) -> DefinitionRow | None:
        """Return a version, None if there is none."""
        return await self._one(
            DefinitionRow,
            f"select {_COLUMNS} from definitions where kind = $1 and code = $2 and version = $3",
            kind,
            code,
            version,
        )

    async def versions(self, kind: str, code: str) -> list[DefinitionRow]:
        """Return every version of a definition, the newest first."""
        return await self._all(
            DefinitionRow,
            f"select {_COLUMNS} from definitions where kind = $1 and code = $2"
            " order by version desc",
            kind,
            code,
        )

    async def insert(
        self,
        kind: str,
        code: str,
        content: BaseModel,
        *,
        note: str,
        drafted_by: str,
        state: DefinitionState = DefinitionState.DRAFT,
    ) -> DefinitionRow:
        """Record the next version of a definition."""
        text = canonical(content)
        await self._connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"definition:{kind}/{code}"
        )
        row = await self._one(
            DefinitionRow,
            "insert into definitions (kind, code, version, content, sha256, state, note,"
            " drafted_by) select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7"
            f" from definitions where kind = $1 and code = $2 returning {_COLUMNS}",
            kind,
            code,
            text,
            digest(text),
            state,
            note,
            drafted_by,
        )
        assert row is not None  # noqa: S101 -- an insert without a conflict returns its row
        return row

    async def release(
        self,
        row: DefinitionRow,
        *,
        action: Literal["release", "rollback"] = "release",
        effective_from: datetime,
        reason: str,
        released_by: str,
    ) -> ReleaseRow:
        """Record that a version comes into force; every process knows within seconds."""
        # Releases commit in the order of their ids, by which processes ask for newer ones.
        await self._connection.execute("lock table definition_releases in share row exclusive mode")
        await self._connection.execute(
            "update definitions set state = 'released'"
            " where kind = $1 and code = $2 and version = $3",
            row.kind,
            row.code,
            row.version,
        )
        release = await self._one(
            ReleaseRow,
            "insert into definition_releases (kind, code, version, action, effective_from, reason,"
            f" released_by) values ($1, $2, $3, $4, $5, $6, $7) returning {_RELEASE}",
            row.kind,
            row.code,
            row.version,
            action,
            effective_from,
            reason,
            released_by,
        )
        assert release is not None  # noqa: S101 -- as above
        return release

    async def _refresh(self) -> None:
        if self._cache.is_fresh:
            return
        self._cache.add(
            await self._all(
                ReleaseRow,
                # What this transaction released itself may still be undone: it is not remembered.
                f"select {_RELEASE} from definition_releases where id > $1"
                " and xmin is distinct from pg_current_xact_id_if_assigned()::xid order by id",
                self._cache.newest,
            )
        )

    async def _content(self, kind: Kind[ContentT], code: str, version: int) -> Agreed[ContentT]:
        key = (kind.name, code, version)
        known = self._cache.contents.get(key)
        if known is None:
            row = await self.get(*key)
            if row is None:
                raise UnknownDefinition(f"there is no {kind.name}/{code}@{version}")
            ref = DefinitionRef(kind=kind.name, code=code, version=version, sha256=row.sha256)
            known = Agreed[Any](ref=ref, content=kind.read(row.content))
            self._cache.contents[key] = known
        return known
