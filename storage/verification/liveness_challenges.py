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
        attempt = await self._attempts(application_id) + 1
        known = await self._newest(application_id, attempt)
        if known is None or known["expires_at"] <= at:
            known = await self._connection.fetchrow(
                "insert into liveness_challenges"
                " (application_id, attempt, issue, issued_at, expires_at)"
                " values ($1, $2, $3, $4, $5) returning attempt, issue, expires_at",
                application_id,
                attempt,
                1 if known is None else known["issue"] + 1,
                at,
                at + valid_for,
            )
            assert known is not None  # noqa: S101 -- what was inserted is returned
        return self._read(application_id, known)

    async def check_open(self, application_id: str, element_id: str, at: datetime) -> None:
        """Raise `ChallengeExpired` unless this liveness element may be given now, or was before.

        Call it with the application locked: an attempt is used up by the element that is stored.
        """
        if await self._connection.fetchval("select true from elements where id = $1", element_id):
            return
        attempt = await self._attempts(application_id) + 1
        known = await self._newest(application_id, attempt)
        if known is None:
            raise ChallengeExpired("nothing was asked of this face: ask for a liveness challenge")
        if known["expires_at"] <= at:
            raise ChallengeExpired("the liveness challenge has run out: ask for a new one")

    async def of_attempt(self, application_id: str, attempt: int) -> LivenessChallenge | None:
        """Return what an attempt was last asked to show, None if it was asked nothing."""
        known = await self._newest(application_id, attempt)
        return None if known is None else self._read(application_id, known)

    async def _lock(self, application_id: str) -> None:
        # As storing an element does: two who ask at once are told the same.
        locked = await self._connection.fetchval(
            "select id from applications where id = $1 for no key update", application_id
        )
        if locked is None:
            raise RecordMissing(f"no application {application_id}")

    async def _attempts(self, application_id: str) -> int:
        made: int = await self._connection.fetchval(
            "select coalesce(max(attempt), 0) from elements"
            " where application_id = $1 and kind = 'liveness'",
            application_id,
        )
        return made

    async def _newest(self, application_id: str, attempt: int) -> "Record | None":
        return await self._connection.fetchrow(
            "select attempt, issue, expires_at from liveness_challenges"
            " where application_id = $1 and attempt = $2 order by issue desc limit 1",
            application_id,
            attempt,
        )

    def _read(self, application_id: str, record: "Record") -> LivenessChallenge:
        attempt: int = record["attempt"]

        def seed(issue: int) -> bytes:
            # The first issue has the name that attempts had when challenges did not run out.
            name = f"{application_id}:{attempt}" + (f":{issue}" if issue > 1 else "")
            return self._blind_index.of("liveness_challenge", name)

        asked = issued_actions([seed(issue) for issue in range(1, record["issue"] + 1)])
        return LivenessChallenge(attempt, asked, record["expires_at"])
