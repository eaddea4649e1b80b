# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Definitions: their versions, their releases, and what is in force at an instant.

What is in force is read far more often than it changes: releases and contents are kept in memory a
process, and whether there is a newer release is asked at most once a second.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from domain.common.definitions import (
    Agreed,
    DefinitionRef,
    Kind,
    UnknownDefinition,
    canonical,
    digest,
)
from domain.common.releases import Release, ReleaseAction, release_in_force
from domain.definitions import KINDS
from runtime.clock import utc_now
from runtime.recent import Recent
from storage.common.repository import RowRepository, Transaction, given
from storage.common.rows import Cursor, RefName, Row
from storage.suspensions import OpenSuspensions

ContentT = TypeVar("ContentT", bound=BaseModel)


class DefinitionState(StrEnum):
    """How far a version has come; a retired one is not to be used again."""

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

    @property
    def id(self) -> str:
        """The definition's name, which tells it from others in a list."""
        return f"{self.kind}/{self.code}"


class ReleaseRow(Row, Release):
    """A recorded release."""


_VERSION: Final = "kind = $1 and code = $2 and version = $3"
_NEWEST: Final = (
    "not exists (select from definitions later where (later.kind, later.code)"
    " = (shown.kind, shown.code) and later.version > shown.version)"
)
_NEWEST_OF_STATE: Final = "state = {0} and " + _NEWEST.removesuffix(")") + " and later.state = {0})"
_RELEASES: Final = f"select {ReleaseRow.columns()} from definition_releases"


Kinds = Mapping[str, Kind[Any]]
"""The kinds of definitions, by name."""


class DefinitionCache:
    """What a process knows: the kinds, and from memory every release and the contents it has read.

    One is made with each `Database` and handed out with its transactions.
    """

    def __init__(self, kinds: Kinds = KINDS) -> None:
        self.kinds = kinds
        self._releases: Recent[dict[tuple[str, str], list[ReleaseRow]]] = Recent({})
        self.newest = 0
        """The id of the last release that is known, 0 before the first."""
        self.contents: dict[tuple[str, str, int], Agreed[Any]] = {}
        self.suspensions: Recent[OpenSuspensions] = Recent({})

    @property
    def is_fresh(self) -> bool:
        """Say whether the database was asked for new releases a moment ago."""
        return self._releases.is_fresh

    def add(self, releases: Iterable[ReleaseRow], read_at: float) -> None:
        """Remember releases that are newer than all known ones, in the order of their ids."""
        known = self._releases.value
        for release in releases:
            if release.id > self.newest:
                known.setdefault((release.kind, release.code), []).append(release)
                self.newest = release.id
        self._releases.replace(known, read_at)

    def codes(self, kind: str) -> list[str]:
        """Return the codes of a kind that were ever released, sorted."""
        return sorted(code for of_kind, code in self._releases.value if of_kind == kind)

    def versions(self, kind: str) -> list[tuple[str, int]]:
        """Return codes and versions of a kind that ever were in force, sorted."""
        releases = self._releases.value.items()
        return sorted(
            {(code, one.version) for (of, code), all_ in releases if of == kind for one in all_}
        )

    def in_force(self, kind: str, code: str, at: datetime) -> ReleaseRow | None:
        """Return the release that holds at an instant, None before the first."""
        return release_in_force(self._releases.value.get((kind, code), []), at)

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


class DefinitionRepository(RowRepository[DefinitionRow]):
    """The versions of definitions, and which of them is in force when."""

    table = "definitions"
    row = DefinitionRow

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

    async def all_released(self, kind: Kind[ContentT]) -> list[Agreed[ContentT]]:
        """Return every version of a kind that ever was in force, by code and version."""
        await self._refresh()
        return [
            await self._content(kind, code, version)
            for code, version in self._cache.versions(kind.name)
        ]

    async def of_ref(
        self, kind: Kind[ContentT], ref: DefinitionRef | RefName | None
    ) -> Agreed[ContentT]:
        """Return the version that a process or a row names; raises `UnknownDefinition`.

        None is what a row names that was written before there were versions of this kind.
        """
        if ref is None:
            raise UnknownDefinition(f"no {kind.name} is named")
        code, _, version = str(ref).removeprefix(f"{kind.name}/").rpartition("@")
        return await self._content(kind, code, int(version))

    async def of_version(self, kind: Kind[ContentT], code: str, version: int) -> ContentT:
        """Return what a version says that passed its check; raises `UnknownDefinition`."""
        return (await self._content(kind, code, version)).content

    async def version(self, kind: str, code: str, version: int) -> DefinitionRow | None:
        """Return a version, None if there is none."""
        return await self._find(_VERSION, kind, code, version)

    async def versions(self, kind: str, code: str) -> list[DefinitionRow]:
        """Return every version of a definition, the newest first."""
        return await self._list("kind = $1 and code = $2 order by version desc", kind, code)

    async def page(
        self,
        after: Cursor | None,
        limit: int,
        *,
        kind: str | None = None,
        state: DefinitionState | None = None,
    ) -> list[DefinitionRow]:
        """Return the newest version of every definition, the one drafted last first.

        With a `state` of those that have a version in it, the newest one that is.
        """
        return await self._page(
            self.row,
            f"{self._select} as shown",
            after=after,
            limit=limit,
            order=("drafted_at", "(kind || '/' || code)"),
            where=(_NEWEST,) if state is None else (),
            filters={"kind = {0}": kind, _NEWEST_OF_STATE: state},
        )

    async def releases(self, kind: str | None = None, code: str | None = None) -> list[ReleaseRow]:
        """Return the releases of a definition, or of all, the oldest first, as they are stored.

        For whoever releases or shows releases: what acts asks for what is in force.
        """
        tests, values = given({"kind = {}": kind, "code = {}": code})
        where = f" where {' and '.join(tests)}" if tests else ""
        return await self._all(ReleaseRow, f"{_RELEASES}{where} order by id", *values)

    async def lock_drafts(self, kind: str, code: str) -> None:
        """Let nobody else draft a version of a definition until this transaction ends."""
        await self._connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"definition:{kind}/{code}"
        )

    async def lock_releases(self) -> datetime:
        """Let nobody else release anything until this transaction ends; return the instant.

        Releases are few, and each is checked against all others. They commit in the order of their
        ids, by which processes ask for newer ones.
        """
        await self._connection.execute("lock table definition_releases in share row exclusive mode")
        instant = await self._connection.fetchval("select clock_timestamp()")
        assert isinstance(instant, datetime)  # noqa: S101 -- a timestamptz is one
        return instant

    async def version_for_update(self, kind: str, code: str, version: int) -> DefinitionRow | None:
        """Return a version, locked until this transaction ends, None if there is none."""
        return await self._find(f"{_VERSION} for update", kind, code, version)

    async def set_state(
        self, kind: str, code: str, version: int, state: DefinitionState
    ) -> DefinitionRow:
        """Write how far a version has come; return it."""
        return await self._update("state = $4", kind, code, version, state)

    async def set_checked(self, row: DefinitionRow, checked_by: str) -> DefinitionRow:
        """Write that a draft was found to be in order, by whom and now; return it."""
        change = "state = 'checked', checked_by = $4, checked_at = now()"
        return await self._update(change, row.kind, row.code, row.version, checked_by)

    async def _update(
        self, change: str, kind: str, code: str, version: int, value: str
    ) -> DefinitionRow:
        row = await self._one(
            self.row,
            f"update definitions set {change} where {_VERSION} returning {self.row.columns()}",
            kind,
            code,
            version,
            value,
        )
        assert row is not None  # noqa: S101 -- the caller has read it
        return row

    async def insert(
        self,
        kind: str,
        code: str,
        content: BaseModel | Mapping[str, Any],
        *,
        note: str,
        drafted_by: str,
        state: DefinitionState = DefinitionState.DRAFT,
    ) -> DefinitionRow:
        """Record the next version of a definition."""
        text = canonical(content)
        await self.lock_drafts(kind, code)
        row = await self._one(
            self.row,
            "insert into definitions (kind, code, version, content, sha256, state, note,"
            " drafted_by) select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7"
            f" from definitions where kind = $1 and code = $2 returning {self.row.columns()}",
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
        action: ReleaseAction = "release",
        effective_from: datetime,
        reason: str,
        released_by: str,
        undoes: int | None = None,
    ) -> ReleaseRow:
        """Record that a version comes into force; every process knows within seconds.

        A withdrawal names the release that it `undoes`.
        """
        await self.lock_releases()
        if action != "withdraw":
            await self.set_state(row.kind, row.code, row.version, DefinitionState.RELEASED)
        release = await self._one(
            ReleaseRow,
            "insert into definition_releases (kind, code, version, action, effective_from, reason,"
            " released_by, undoes) values ($1, $2, $3, $4, $5, $6, $7, $8)"
            f" returning {ReleaseRow.columns()}",
            row.kind,
            row.code,
            row.version,
            action,
            effective_from,
            reason,
            released_by,
            undoes,
        )
        assert release is not None  # noqa: S101 -- as above
        return release

    async def _refresh(self) -> None:
        if self._cache.is_fresh:
            return
        read_at = monotonic()
        newer = await self._all(
            ReleaseRow,
            # What this transaction released itself may still be undone: it is not remembered.
            f"{_RELEASES} where id > $1"
            " and xmin is distinct from pg_current_xact_id_if_assigned()::xid order by id",
            self._cache.newest,
        )
        self._cache.add(newer, read_at)

    async def _content(self, kind: Kind[ContentT], code: str, version: int) -> Agreed[ContentT]:
        key = (kind.name, code, version)
        known = self._cache.contents.get(key)
        if known is None:
            row = await self.version(*key)
            if row is None:
                raise UnknownDefinition(f"there is no {kind.name}/{code}@{version}")
            ref = DefinitionRef(kind=kind.name, code=code, version=version, sha256=row.sha256)
            known = Agreed[Any](ref=ref, content=kind.read(row.content))
            if not await self._wrote(*key):
                self._cache.contents[key] = known
        return known

    async def _wrote(self, kind: str, code: str, version: int) -> bool:
        """Say whether this transaction wrote a version itself: that may still be undone."""
        return bool(
            await self._connection.fetchval(
                "select xmin = pg_current_xact_id_if_assigned()::xid from definitions"
                f" where {_VERSION}",
                kind,
                code,
                version,
            )
        )
