"""What faces were asked to do, when, and until when it may be shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.verification.liveness_challenge import Action, ChallengeExpired, issued_actions
from storage.common.errors import RecordMissing
from storage.common.repository import Repository

if TYPE_CHECKING:
    from storage.common.rows import Record


@dataclass(frozen=True)
class LivenessChallenge:
    """What a face is asked to do in an attempt, in this order, and before which instant."""

    attempt: int
    actions: tuple[Action, ...]
    expires_at: datetime


class LivenessChallengeRepository(Repository):
    """The challenges. What is asked for is a keyed function of what is stored: nobody reads it."""

    async def ask(
        self, application_id: str, at: datetime, valid_for: timedelta
    ) -> LivenessChallenge:
        """Return what the next liveness element of an application has to show.

        The same until it runs out or the element is given, then something else for `valid_for`.
        Needs a transaction; raises `RecordMissing` for an unknown application.
        """
        await self._lock(application_id)
        known = await self._next(application_id)
        if known["issue"] is None or known["expires_at"] <= at:
            issued = await self._connection.fetchrow(
                "insert into liveness_challenges"
                " (application_id, attempt, issue, issued_at, expires_at)"
                " values ($1, $2, $3, $4, $5) returning attempt, issue, expires_at",
                application_id,
                known["attempt"],
                (known["issue"] or 0) + 1,
                at,
                at + valid_for,
            )
            assert issued is not None  # noqa: S101 -- what was inserted is returned
            known = issued
        return self._read(application_id, known)

    async def check_open(self, application_id: str, element_id: str, at: datetime) -> None:
        """Raise `ChallengeExpired` unless this liveness element may be given now, or was before.

        Call it with the application locked: an attempt is used up by the element that is stored.
        """
        known = await self._next(application_id, element_id)
        if known["is_stored"]:
            return
        if known["issue"] is None:
            raise ChallengeExpired("nothing was asked of this face: ask for a liveness challenge")
        if known["expires_at"] <= at:
            raise ChallengeExpired("the liveness challenge has run out: ask for a new one")

    async def of_attempt(self, application_id: str, attempt: int) -> LivenessChallenge | None:
        """Return what an attempt was last asked to show, None if it was asked nothing."""
        known = await self._connection.fetchrow(
            "select attempt, issue, expires_at from liveness_challenges"
            " where application_id = $1 and attempt = $2 order by issue desc limit 1",
            application_id,
            attempt,
        )
        return None if known is None else self._read(application_id, known)

    async def _lock(self, application_id: str) -> None:
        # As storing an element does: two who ask at once are told the same.
        locked = await self._connection.fetchval(
            "select id from applications where id = $1 for no key update", application_id
        )
        if locked is None:
            raise RecordMissing(f"no application {application_id}")

    async def _next(self, application_id: str, element_id: str | None = None) -> "Record":
        """Return the next attempt, with the newest challenge for it, null where there is none.

        `is_stored` says whether the element is among the earlier ones.
        """
        record = await self._connection.fetchrow(
            "select made.attempt + 1 as attempt, newest.issue, newest.expires_at,"
            " exists (select from elements where id = $2) as is_stored"
            " from (select coalesce(max(attempt), 0) as attempt from elements"
            " where application_id = $1 and kind = 'liveness') made"
            " left join lateral (select issue, expires_at from liveness_challenges"
            " where application_id = $1 and attempt = made.attempt + 1"
            " order by issue desc limit 1) newest on true",
            application_id,
            element_id,
        )
        assert record is not None  # noqa: S101 -- an aggregate always is a row
        return record

    def _read(self, application_id: str, record: "Record") -> LivenessChallenge:
        attempt: int = record["attempt"]

        def seed(issue: int) -> bytes:
            # The first issue has the name that attempts had when challenges did not run out.
            name = f"{application_id}:{attempt}" + (f":{issue}" if issue > 1 else "")
            return self._blind_index.of("liveness_challenge", name)

        asked = issued_actions([seed(issue) for issue in range(1, record["issue"] + 1)])
        return LivenessChallenge(attempt, asked, record["expires_at"])
