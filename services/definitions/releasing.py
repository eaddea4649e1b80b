"""Releasing a version, taking a release back, going back, and retiring what is not used again.

Whoever releases holds the lock of all releases, so that two of them see each other.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.common.definitions import (
    DefinitionChanged,
    DefinitionInvalid,
    InvalidEffectiveFrom,
    SecondPersonNeeded,
    WrongDefinitionState,
)
from domain.common.releases import not_undone, release_in_force, scheduled_releases
from domain.people.authority import Action
from domain.people.principals import Principal
from services.definitions.drafting import findings_of
from services.definitions.in_force import in_force_at, kind_of, refuse_broken, version_of
from services.definitions.record import aggregate_of, record, record_release
from services.people.authority import authorise
from storage.common.repository import Transaction
from storage.database import Database
from storage.definitions import DefinitionRepository, DefinitionRow, DefinitionState, ReleaseRow

_JUST_BEFORE = timedelta(microseconds=1)
_LONGEST = timedelta(days=3653)


async def authorise_release(database: Database, caller: Principal, kind: str, code: str) -> None:
    """Raise `NotAuthorised` unless the caller may change what is in force of a definition.

    Whoever may release may withdraw, go back and retire: nobody else undoes what was released.
    Releasing itself has its second person in who drafted.
    """
    await authorise(
        database,
        caller,
        Action.RELEASE_DEFINITION,
        aggregate_of(kind, code),
        has_second_person=True,
    )


async def release(
    tx: Transaction,
    caller: Principal,
    kind: str,
    code: str,
    version: int,
    *,
    reason: str,
    effective_from: datetime | None = None,
) -> ReleaseRow:
    """Release a checked version, from now on or from an instant to come.

    The caller is not who drafted it. It is checked again, against what is in force then; nothing
    that refers to it may become invalid. Versions come into force in their order:
    `DefinitionChanged` is raised for one that is older than what is in force then, and when an
    older one is scheduled for later, which would undo this one. Raises `UnknownDefinition`,
    `WrongDefinitionState`, `SecondPersonNeeded`, `InvalidEffectiveFrom`, `DefinitionInvalid` and
    `DefinitionReferenced`.
    """
    known = kind_of(tx, kind)
    repository = DefinitionRepository(tx)
    now = await repository.lock_releases()
    row = await version_of(tx, kind, code, version)
    if row.state is not DefinitionState.CHECKED:
        raise WrongDefinitionState(
            f"{kind}/{code}@{version} is {row.state}: only a checked version is released"
        )
    if row.drafted_by == caller.actor:
        raise SecondPersonNeeded(f"{kind}/{code}@{version} is released by somebody else")
    at = now if effective_from is None else effective_from
    if at < now:
        raise InvalidEffectiveFrom("this instant is past: leave it out to release at once")
    if at > now + _LONGEST:
        raise InvalidEffectiveFrom("this is more than ten years away: is the year right?")
    before = await repository.releases()
    _refuse_disorder(_of(before, row), row, at)
    wrong = await findings_of(known, row, await in_force_at(tx, before, at))
    if wrong:
        raise DefinitionInvalid(f"{kind}/{code}@{version} is no longer in order", wrong)
    released = await repository.release(
        row, effective_from=at, reason=reason, released_by=caller.actor
    )
    await refuse_broken(tx, (kind, code), before=before, after=[*before, released], since=at)
    await record_release(tx, caller, "released", released, {"sha256": row.sha256})
    return released


async def withdraw(
    tx: Transaction, caller: Principal, kind: str, code: str, version: int, *, reason: str
) -> ReleaseRow:
    """Take back the release of a version that has not come into force yet.

    The version is checked again and can be released anew. Raises `UnknownDefinition`,
    `WrongDefinitionState` and `DefinitionReferenced`.
    """
    kind_of(tx, kind)
    repository = DefinitionRepository(tx)
    now = await repository.lock_releases()
    row = await version_of(tx, kind, code, version)
    before = await repository.releases()
    scheduled = [one for one in scheduled_releases(_of(before, row), now) if one.version == version]
    if not scheduled:
        raise WrongDefinitionState(
            f"no release of {kind}/{code}@{version} is to come: what is in force is rolled back"
        )
    withdrawn = await repository.release(
        row,
        action="withdraw",
        effective_from=now,
        reason=reason,
        released_by=caller.actor,
        undoes=scheduled[0].id,
    )
    await repository.set_state(kind, code, version, DefinitionState.CHECKED)
    await refuse_broken(
        tx,
        (kind, code),
        before=before,
        after=[*before, withdrawn],
        since=scheduled[0].effective_from,
    )
    await record_release(
        tx, caller, "withdrawn", withdrawn, {"was_to_come": scheduled[0].effective_from.isoformat()}
    )
    return withdrawn


async def rollback(
    tx: Transaction,
    caller: Principal,
    kind: str,
    code: str,
    *,
    leaving: int,
    reason: str,
    to: int | None = None,
) -> ReleaseRow:
    """Go back at once to what was in force before `leaving`, or `to` a version that once was.

    `leaving` is the version in force that the caller wants to be rid of: who clicks twice, or comes
    after another, gets `DefinitionChanged`. What was scheduled does not come. One person is enough;
    what was left comes into force again only by a release, which takes two.
    Raises `UnknownDefinition`, `WrongDefinitionState`, `DefinitionInvalid` when the old version is
    not valid beside what is in force today, and `DefinitionReferenced`.
    """
    kind_of(tx, kind)
    repository = DefinitionRepository(tx)
    now = await repository.lock_releases()
    before = await repository.releases()
    own = [one for one in before if (one.kind, one.code) == (kind, code)]
    current = release_in_force(own, now)
    if current is None or current.version != leaving:
        in_force = "none" if current is None else f"version {current.version}"
        raise DefinitionChanged(f"of {kind}/{code} {in_force} is in force, and not {leaving}")
    scheduled = scheduled_releases(own, now)
    row = await version_of(tx, kind, code, _previous(own, current) if to is None else to)
    _refuse_target(own, row, current, now, undoes=bool(scheduled))
    back = await repository.release(
        row, action="rollback", effective_from=now, reason=reason, released_by=caller.actor
    )
    left = {one.version for one in (current, *scheduled)} - {row.version}
    for undone in left:
        await repository.set_state(kind, code, undone, DefinitionState.CHECKED)
    await refuse_broken(tx, (kind, code), before=before, after=[*before, back], since=now)
    detail = {"leaving": leaving, "undone": [one.version for one in scheduled]}
    await record_release(tx, caller, "rolled_back", back, detail)
    return back


async def retire(
    tx: Transaction,
    caller: Principal,
    kind: str,
    code: str,
    version: int | None = None,
    *,
    reason: str,
) -> list[DefinitionRow]:
    """Say that a version, or every one of a definition, is not to be used again.

    What is in force or scheduled, to which others may refer, is refused with
    `WrongDefinitionState`. Nobody releases a retired version or goes back to it. Raises
    `UnknownDefinition`.
    """
    kind_of(tx, kind)
    repository = DefinitionRepository(tx)
    now = await repository.lock_releases()
    if version is None:
        rows = await repository.versions(kind, code)
    else:
        rows = [await version_of(tx, kind, code, version)]
    own = await repository.releases(kind, code)
    current = release_in_force(own, now)
    used = {one.version for one in (current, *scheduled_releases(own, now)) if one is not None}
    for row in rows:
        if row.version in used:
            raise WrongDefinitionState(
                f"{kind}/{code}@{row.version} is in force or to come: others may refer to it"
            )
    retired = []
    for row in rows:
        if row.state is not DefinitionState.RETIRED:
            retired.append(
                await repository.set_state(kind, code, row.version, DefinitionState.RETIRED)
            )
            await record(tx, caller, "retired", kind, code, str(row.version), reason=reason)
    return retired


def _of(releases: Sequence[ReleaseRow], row: DefinitionRow) -> list[ReleaseRow]:
    """Return those of the definition that a version is one of."""
    return [one for one in releases if (one.kind, one.code) == (row.kind, row.code)]


def _refuse_disorder(own: Sequence[ReleaseRow], row: DefinitionRow, at: datetime) -> None:
    current = release_in_force(own, at)
    if current is not None and current.version > row.version:
        raise DefinitionChanged(
            f"version {current.version} is in force then: draft anew on top of it"
        )
    for later in scheduled_releases(own, at):
        if later.version < row.version:
            raise DefinitionChanged(
                f"version {later.version} comes into force on {later.effective_from.isoformat()}"
                f" and would undo {row.version}: withdraw it first"
            )


def _refuse_target(
    own: Sequence[ReleaseRow],
    row: DefinitionRow,
    current: ReleaseRow,
    now: datetime,
    *,
    undoes: bool,
) -> None:
    """Raise unless a version was in force once, may be used, and is not what is in force anyway."""
    been = {one.version for one in not_undone(own) if one.effective_from <= now}
    if row.version not in been or row.state is not DefinitionState.RELEASED:
        raise WrongDefinitionState(
            f"{row.kind}/{row.code}@{row.version} was never in force, was left by a rollback, or is"
            " retired"
        )
    if row.version == current.version and not undoes:
        raise WrongDefinitionState(f"{row.kind}/{row.code}@{row.version} is in force already")


def _previous(own: Sequence[ReleaseRow], current: ReleaseRow) -> int:
    """Return the version that was in force before that of `current` was first.

    Going back twice goes back two versions: what a rollback left does not come again.
    """
    first = min(
        (one for one in not_undone(own) if one.version == current.version),
        key=lambda one: (one.effective_from, one.id),
    )
    earlier = release_in_force(own, first.effective_from - _JUST_BEFORE)
    if earlier is None:
        raise WrongDefinitionState(
            f"nothing was in force before {current.kind}/{current.code}@{current.version}"
        )
    return earlier.version
