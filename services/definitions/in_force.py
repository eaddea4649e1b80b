"""What is in force of all definitions at an instant, and what a release would break of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from domain.common.definitions import (
    Code,
    DefinitionInvalid,
    DefinitionReferenced,
    Finding,
    InForce,
    Kind,
    UnknownDefinition,
)
from domain.common.releases import release_in_force
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository, DefinitionRow, Kinds, ReleaseRow

Key = tuple[str, Code]
"""Kind and code of a definition."""


@dataclass(frozen=True)
class DefinitionsInForce:
    """The version and the content in force of every definition at an instant of the day `on`."""

    on: date
    versions: Mapping[Key, int]
    contents: Mapping[Key, BaseModel]

    def find(self, kind: str, code: str) -> BaseModel | None:
        """Return the content in force of a definition, None if there is none."""
        return self.contents.get((kind, code))


@dataclass
class _Watched:
    """The same for one check, which remembers what the check looked up."""

    others: DefinitionsInForce
    looked_up: set[Key] = field(default_factory=set)

    @property
    def on(self) -> date:
        return self.others.on

    def find(self, kind: str, code: str) -> BaseModel | None:
        self.looked_up.add((kind, code))
        return self.others.find(kind, code)


def kind_of(tx: Transaction, name: str) -> Kind[Any]:
    """Return the kind of a name; raises `UnknownDefinition`."""
    kinds = tx.definitions.kinds
    if name not in kinds:
        known = ", ".join(sorted(kinds)) or "none"
        raise UnknownDefinition(f"there is no kind of definition {name!r}; the kinds are: {known}")
    return kinds[name]


async def version_of(tx: Transaction, kind: str, code: str, version: int) -> DefinitionRow:
    """Return a version of a definition; raises `UnknownDefinition`."""
    row = await DefinitionRepository(tx).version(kind, code, version)
    if row is None:
        raise UnknownDefinition(f"there is no {kind}/{code}@{version}")
    return row


async def in_force_at(
    tx: Transaction, releases: Sequence[ReleaseRow], at: datetime
) -> DefinitionsInForce:
    """Return what is in force by `releases` at an instant."""
    repository, kinds = DefinitionRepository(tx), tx.definitions.kinds
    versions: dict[Key, int] = {}
    contents: dict[Key, BaseModel] = {}
    for key, own in _by_key(releases).items():
        release = release_in_force(own, at)
        if release is not None and release.kind in kinds:
            versions[key] = release.version
            contents[key] = await repository.of_version(
                kinds[release.kind], release.code, release.version
            )
    return DefinitionsInForce(at.date(), MappingProxyType(versions), MappingProxyType(contents))


async def refuse_broken(
    tx: Transaction,
    key: Key,
    *,
    before: Sequence[ReleaseRow],
    after: Sequence[ReleaseRow],
    since: datetime,
) -> None:
    """Raise unless everything stays valid that is in force from an instant on.

    `before` and `after` are all releases without and with the one that is meant for the definition
    `key`. Looked at is every later instant at which something comes into force, too. Raises
    `DefinitionInvalid` when the definition itself would not be valid, and `DefinitionReferenced`
    when one would not be that looks it up.
    """
    kinds = tx.definitions.kinds
    later = {release.effective_from for release in after if release.effective_from > since}
    for at in sorted({since, *later}):
        was = await in_force_at(tx, before, at)
        will = await in_force_at(tx, after, at)
        if was.versions.get(key) == will.versions.get(key):
            continue
        if key in will.contents:
            own = await asyncio.to_thread(_wrong, kinds[key[0]], will.contents[key], will)
            if own:
                raise DefinitionInvalid(f"{key[0]}/{key[1]} would not be valid on {at:%F}", own)
        broken = await asyncio.to_thread(_newly_broken, kinds, key, was, will)
        if broken:
            message = f"others need {key[0]}/{key[1]} as it is on {at:%F}"
            raise DefinitionReferenced(message, tuple(broken))


def _wrong(kind: Kind[Any], content: BaseModel, others: InForce) -> tuple[Finding, ...]:
    return tuple(kind.check(content, others))


def _newly_broken(
    kinds: Kinds, key: Key, was: DefinitionsInForce, will: DefinitionsInForce
) -> list[Finding]:
    """Return what is wrong with those that were valid and look the definition up."""
    broken = []
    for other, content in will.contents.items():
        if other == key:
            continue
        watched = _Watched(will)
        found = _wrong(kinds[other[0]], content, watched)
        if not found or key not in watched.looked_up or _wrong(kinds[other[0]], content, was):
            continue
        broken += [replace(one, field=f"{other[0]}/{other[1]}: {one.field}") for one in found]
    return broken


def _by_key(releases: Sequence[ReleaseRow]) -> Mapping[Key, list[ReleaseRow]]:
    ordered = sorted(releases, key=lambda one: (one.kind, one.code, one.id))
    return {key: list(own) for key, own in groupby(ordered, key=lambda one: (one.kind, one.code))}
