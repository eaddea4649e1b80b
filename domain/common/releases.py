"""Releases of definitions: which of them counts at an instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import BaseModel

ReleaseAction = Literal["release", "rollback", "withdraw"]


class Release(BaseModel):
    """That a version comes into force at an instant; a rollback goes back to an earlier one.

    A withdrawal takes back the release that it `undoes`, before that came into force.
    """

    id: int
    kind: str
    code: str
    version: int
    action: ReleaseAction
    effective_from: datetime
    reason: str
    released_by: str
    recorded_at: datetime
    undoes: int | None


ReleaseT = TypeVar("ReleaseT", bound=Release)


def not_undone(releases: Sequence[ReleaseT]) -> list[ReleaseT]:
    """Return those releases of one definition that nothing undid.

    A rollback undoes what was to come into force after it and was released before it, a withdrawal
    what it names.
    """
    withdrawn = {one.undoes for one in releases if one.action == "withdraw"}
    rollbacks = [one for one in releases if one.action == "rollback"]
    return [
        one
        for one in releases
        if one.action != "withdraw"
        and one.id not in withdrawn
        and not any(
            back.id > one.id and back.effective_from <= one.effective_from for back in rollbacks
        )
    ]


def release_in_force(releases: Sequence[ReleaseT], at: datetime) -> ReleaseT | None:
    """Return the release of one definition that holds at an instant, None before the first.

    The one that came into force last holds.
    """
    begun = [one for one in not_undone(releases) if one.effective_from <= at]
    return max(begun, key=lambda one: (one.effective_from, one.id), default=None)


def scheduled_releases(releases: Sequence[ReleaseT], at: datetime) -> list[ReleaseT]:
    """Return the releases of one definition that come into force after an instant, in order."""
    coming = [one for one in not_undone(releases) if one.effective_from > at]
    return sorted(coming, key=lambda one: (one.effective_from, one.id))
