"""Cases: what people have to look at, who holds them, and what was done."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import Json

from domain.cases.cases import CaseKind, CaseOutcome, CaseState, Claim, LogEntry, Stage
from domain.cases.strategy import SecondPersonReason
from storage.common.repository import Repository, TableRepository, stored
from storage.common.rows import Cursor, RefName, Row

if TYPE_CHECKING:
    from storage.common.rows import Record

_FREE: Final = "state = 'open' and paused_at is null and (claimed_until is null or claimed_until <="
_ENTRIES: Final = "select id, at, actor, entry, detail, text_enc, event_key from case_log"
_TEXT: Final = "case_log.text"


class CaseCreate(Row):
    """A new case of a `subject`, which is an application's id; `amount` in minor units.

    `rules` are those that referred it, `score` the bureau's; `overridden_by` are people who set
    something aside for the applicant and so may not decide the final stage.
    """

    id: str
    kind: CaseKind
    subject: str
    channel: str
    product: str
    currency: str
    amount: int
    instalments: int
    score: int | None
    rules: tuple[str, ...]
    overridden_by: tuple[str, ...]
    queue: str
    skill: str | None
    strategy: RefName
    opened_at: datetime
    due_at: datetime
    assigned_to: str | None


class CaseRow(CaseCreate):
    """A case. While `paused_at` is set it waits for the applicant.

    `initial_by` approved it at the initial stage, of `approved_amount` over
    `approved_instalments`; `second_reason` says why that was not enough.
    """

    stage: Stage
    state: CaseState
    outcome: CaseOutcome | None
    paused_at: datetime | None
    escalated_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    initial_by: str | None
    second_reason: SecondPersonReason | None
    approved_amount: int | None
    approved_instalments: int | None
    decided_by: str | None
    reason: str | None
    decided_at: datetime | None

    @property
    def claim(self) -> Claim | None:
        """Return who took the case, None if nobody did; it may have run out."""
        if self.claimed_by is None or self.claimed_until is None:
            return None
        return Claim(holder=self.claimed_by, until=self.claimed_until)


class LogRow(Row):
    """One entry of a worklog."""

    id: int
    at: datetime
    actor: str
    entry: LogEntry
    detail: Json[dict[str, Any]]
    text: str | None


class CaseRepository(TableRepository[CaseRow]):
    """The cases, at most one of a kind a subject."""

    table = "cases"
    row = CaseRow

    async def open(self, new: CaseCreate) -> bool:
        """Open a case; False, and nothing changes, if its subject has one of the kind."""
        return await self._insert(self.table, **dict(new))

    async def reopen(self, new: CaseCreate) -> None:
        """Open a case, also one that was closed before: it begins anew at its initial stage."""
        if await self.open(new):
            return
        await self._connection.execute(
            "update cases set state = 'open', stage = 'initial', opened_at = $2, due_at = $3,"
            " queue = $4, skill = $5, strategy = $6, assigned_to = $7, outcome = null,"
            " paused_at = null, escalated_at = null, claimed_by = null, claimed_until = null,"
            " initial_by = null, second_reason = null, approved_amount = null,"
            " approved_instalments = null, decided_by = null, reason = null, decided_at = null,"
            " amount = $9, instalments = $10, score = $11, rules = $12, overridden_by = $13"
            " where kind = $8 and subject = $1",
            new.subject,
            new.opened_at,
            new.due_at,
            new.queue,
            new.skill,
            new.strategy,
            new.assigned_to,
            new.kind,
            new.amount,
            new.instalments,
            new.score,
            new.rules,
            new.overridden_by,
        )

    async def of_subject(self, kind: CaseKind, subject: str) -> CaseRow | None:
        """Return the case of a subject, None if it never had one."""
        return await self._find("kind = $1 and subject = $2", kind, subject)

    async def lock_of_subject(self, kind: CaseKind, subject: str) -> CaseRow | None:
        """Return the same locked until the transaction ends."""
        return await self._find("kind = $1 and subject = $2 for no key update", kind, subject)

    async def claim(self, case_id: str, by: str, at: datetime, until: datetime) -> bool:
        """Have `by` hold a case; False unless it is open and free, or theirs already."""
        return await self._changed(
            f"update cases set claimed_by = $2, claimed_until = $4 where id = $1"  # noqa: S608
            f" and {_FREE} $3 or claimed_by = $2)",
            case_id,
            by,
            at,
            until,
        )

    async def take_next(
        self,
        by: str,
        at: datetime,
        until: datetime,
        *,
        skills: Collection[str],
        queue: str | None,
    ) -> CaseRow | None:
        """Have `by` hold the free case that is due first and that they may take.

        Their own come first. Two who ask at once get two cases.
        """
        return await self._one(
            CaseRow,
            f"update cases set claimed_by = $1, claimed_until = $3 where id = ("  # noqa: S608
            f" select id from cases where {_FREE} $2)"
            " and (assigned_to is null or assigned_to = $1)"
            " and (skill is null or skill = any($4::text[]))"
            " and (stage = 'initial' or initial_by <> $1 and $1 <> all(overridden_by))"
            " and ($5::text is null or queue = $5)"
            " order by (assigned_to = $1) desc nulls last, due_at, id limit 1"
            f" for no key update skip locked) returning {CaseRow.columns()}",
            by,
            at,
            until,
            sorted(skills),
            queue,
        )

    async def release(self, case_id: str, by: str) -> bool:
        """End a claim; False, and nothing changes, unless `by` holds the case."""
        return await self._changed(
            "update cases set claimed_by = null, claimed_until = null"
            " where id = $1 and claimed_by = $2",
            case_id,
            by,
        )

    async def assign(self, case_id: str, to: str | None) -> None:
        """Give a case to somebody; whoever holds it holds it no more."""
        await self._connection.execute(
            "update cases set assigned_to = $2, claimed_by = null, claimed_until = null"
            " where id = $1",
            case_id,
            to,
        )

    async def pass_on(
        self,
        case_id: str,
        *,
        by: str,
        why: SecondPersonReason,
        amount: int | None,
        instalments: int | None,
        queue: str,
        skill: str | None,
        due_at: datetime,
    ) -> None:
        """Move a case to its final stage; nobody holds it and it is nobody's."""
        await self._connection.execute(
            "update cases set stage = 'final', initial_by = $2, second_reason = $3,"
            " approved_amount = $4, approved_instalments = $5, queue = $6, skill = $7, due_at = $8,"
            " escalated_at = null, assigned_to = null, claimed_by = null, claimed_until = null"
            " where id = $1",
            case_id,
            by,
            why,
            amount,
            instalments,
            queue,
            skill,
            due_at,
        )

    async def escalate(self, case_id: str, skill: str, due_at: datetime, at: datetime) -> bool:
        """Leave a late case to people with a skill; False unless it is open, due then, and waits.

        `due_at` is when it was due: a case that is due at another time by now is not late.
        """
        return await self._changed(
            "update cases set escalated_at = $4, skill = $2, assigned_to = null"
            " where id = $1 and state = 'open' and paused_at is null and escalated_at is null"
            " and due_at = $3",
            case_id,
            skill,
            due_at,
            at,
        )

    async def pause(self, case_id: str, at: datetime, assigned_to: str | None) -> None:
        """Let a case wait; it comes back to `assigned_to`, or to whoever is free."""
        await self._connection.execute(
            "update cases set paused_at = $2, assigned_to = $3, claimed_by = null,"
            " claimed_until = null where id = $1 and state = 'open' and paused_at is null",
            case_id,
            at,
            assigned_to,
        )

    async def resume(self, case_id: str, due_at: datetime) -> None:
        """Let a case that waited go on; it is due at `due_at` from now on."""
        await self._connection.execute(
            "update cases set due_at = $2, paused_at = null"
            " where id = $1 and state = 'open' and paused_at is not null",
            case_id,
            due_at,
        )

    async def close(
        self,
        case_id: str,
        outcome: CaseOutcome,
        *,
        by: str,
        reason: str,
        at: datetime,
    ) -> bool:
        """Close a case with its outcome; False, and nothing changes, unless it is open."""
        return await self._changed(
            "update cases set state = 'closed', outcome = $2, decided_by = $3, reason = $4,"
            " decided_at = $5, paused_at = null, claimed_by = null, claimed_until = null"
            " where id = $1 and state = 'open'",
            case_id,
            outcome,
            by,
            reason,
            at,
        )

    async def abandon(self, kind: CaseKind, subject: str) -> None:
        """Close the open case of a subject that ended undecided, if it has one."""
        await self._connection.execute(
            "update cases set state = 'closed', outcome = 'abandoned', paused_at = null,"
            " claimed_by = null, claimed_until = null"
            " where kind = $1 and subject = $2 and state = 'open'",
            kind,
            subject,
        )

    async def open_by_person(self) -> Mapping[str, int]:
        """Return how many open cases are assigned to or held by each person."""
        records = await self._connection.fetch(
            "select coalesce(claimed_by, assigned_to) as person, count(*) as cases from cases"
            " where state = 'open' and (claimed_by is not null or assigned_to is not null)"
            " group by 1"
        )
        return {record["person"]: record["cases"] for record in records}

    async def page(
        self,
        after: Cursor | None,
        limit: int,
        *,
        kind: CaseKind | None = None,
        queue: str | None = None,
        stage: Stage | None = None,
        channel: str | None = None,
        product: str | None = None,
        assigned_to: str | None = None,
        claimed_by: str | None = None,
    ) -> list[CaseRow]:
        """Return open cases, the one with the least time left at the head.

        The cursor runs on `due_at`. A case that waits for its applicant is not among them.
        `assigned_to` and `claimed_by` are people's handles.
        """
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            order=("due_at", "id"),
            oldest_first=True,
            where=("state = 'open'", "paused_at is null"),
            filters={
                "kind = {}": kind,
                "queue = {}": queue,
                "stage = {}": stage,
                "channel = {}": channel,
                "product = {}": product,
                "assigned_to = (select id from staff where handle = {})": assigned_to,
                "claimed_by = (select id from staff where handle = {})": claimed_by,
            },
        )


class CaseLogRepository(Repository):
    """The worklogs of cases."""

    async def add(
        self,
        case_id: str,
        entry: LogEntry,
        *,
        actor: str,
        at: datetime,
        key: str,
        detail: Mapping[str, Any] | None = None,
        text: str | None = None,
    ) -> bool:
        """Add an entry; False, and nothing changes, if there is one of the same `key`."""
        return await self._insert(
            "case_log",
            case_id=case_id,
            at=at,
            actor=actor,
            entry=entry,
            detail=stored(detail or {}),
            text_enc=self._encrypt(_TEXT, key, text),
            event_key=key,
        )

    async def find(self, key: str) -> LogRow | None:
        """Return the entry of this key, None if there is none."""
        record = await self._connection.fetchrow(f"{_ENTRIES} where event_key = $1", key)
        return None if record is None else self._read(record)

    async def case_of(self, key: str) -> str | None:
        """Return the case whose worklog has the entry of this key, None if none has."""
        found: str | None = await self._connection.fetchval(
            "select case_id from case_log where event_key = $1", key
        )
        return found

    async def of(self, case_id: str) -> list[LogRow]:
        """Return the worklog of a case, the oldest entry first."""
        records = await self._connection.fetch(
            f"{_ENTRIES} where case_id = $1 order by id", case_id
        )
        return [self._read(record) for record in records]

    def _read(self, record: "Record") -> LogRow:
        text = self._decrypt_if_any(_TEXT, record["event_key"], record["text_enc"])
        return LogRow.model_validate(dict(record) | {"text": text})

    async def calls(self, case_id: str, who: str) -> list[datetime]:
        """Return when somebody (applicant, employer) was called, the last call first."""
        records = await self._connection.fetch(
            "select at from case_log where case_id = $1 and entry = 'call'"
            " and detail ->> 'who' = $2 order by at desc",
            case_id,
            who,
        )
        return [record["at"] for record in records]
