# ruff: noqa: S608 -- statements join constant conditions; values are always parameters
"""The lender's own lists and exemptions: changes by two people, entries that never go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from pydantic import Field

from domain.decisioning.lists import Entry, KeyKind, ListName, PersonKeys, shown_key
from messages.ids import derived_id
from storage.common.repository import Repository, TableRepository
from storage.common.rows import Cursor, Row

ChangeAction = Literal["add", "remove", "exempt", "end_exemption"]
ChangeState = Literal["open", "confirmed", "refused"]

_KEY: Final = "list_entries.key"
_PART: Final = 1_000
"""Entries written by one statement."""

_STANDS: Final = (
    "c.state = 'confirmed' and not exists (select from list_removals r"
    " join list_changes rc on rc.id = r.change_id and rc.state = 'confirmed'"
    " where r.entry_id = e.id)"
)
_ENTRIES: Final = (
    "select e.id, e.change_id, e.list, e.key_kind, e.key_enc, e.reason, e.source, e.expires_on,"
    f" e.added_at, ({_STANDS}) as stands from list_entries e"
    " join list_changes c on c.id = e.change_id"
)
_LASTS: Final = (
    "c.state = 'confirmed' and not exists (select from exemption_ends n"
    " join list_changes nc on nc.id = n.change_id and nc.state = 'confirmed'"
    " where n.exemption_id = x.change_id)"
)


def _counts(applicant_id: str, on: str) -> str:
    """Return the condition on an exemption of a person, by parameters, on a business date.

    A person is whatever customers have the same identity number.
    """
    return (
        f"x.applicant_id in (select {applicant_id}::text"
        " union select p.id from applicants me join applicants p"
        f" on p.identity_number_idx = me.identity_number_idx where me.id = {applicant_id})"
        f" and {on} between x.first_day and x.last_day and {_LASTS}"
    )


class ListChangeRow(Row):
    """A proposed change: `entries` keys or exemptions, what became of it, and by whom."""

    id: str
    action: ChangeAction
    list: ListName | None
    reason: str
    entries: int
    state: ChangeState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class ListEntryRow(Row):
    """An entry as people see it: `shown` is the masked key; `stands` says that it counts."""

    id: str
    change_id: str
    list: ListName
    key_kind: KeyKind
    shown: str
    reason: str
    source: str
    expires_on: date | None
    added_at: datetime
    stands: bool


class ExemptionRow(Row):
    """An exemption of a customer from a rule; `id` is that of the change that made it."""

    id: str
    applicant_id: str
    rule: str
    first_day: date
    last_day: date
    state: ChangeState
    lasts: bool
    reason: str
    proposed_by: str
    decided_by: str | None


class _EntryRecord(Row):
    id: str
    change_id: str
    list: ListName
    key_kind: KeyKind
    key_enc: bytes = Field(repr=False)
    reason: str
    source: str
    expires_on: date | None
    added_at: datetime
    stands: bool


@dataclass(frozen=True)
class Standing:
    """How one person stands: on which lists by which kinds of keys, and exempt from which rules."""

    listed: tuple[tuple[ListName, KeyKind], ...]
    exempt: frozenset[str]


class ListChangeRepository(TableRepository[ListChangeRow]):
    """Changes, each proposed by one person and decided by another."""

    table = "list_changes"
    row = ListChangeRow

    async def propose(
        self,
        change_id: str,
        action: ChangeAction,
        *,
        on: ListName | None,
        reason: str,
        entries: int,
        by: str,
    ) -> ListChangeRow | None:
        """Record a proposal; None if it is recorded already."""
        return await self._insert_row(
            id=change_id, action=action, list=on, reason=reason, entries=entries, proposed_by=by
        )

    async def decide(self, change_id: str, state: ChangeState, by: str) -> ListChangeRow:
        """Record what became of an open change."""
        (row,) = await self._all(
            ListChangeRow,
            "update list_changes set state = $2, decided_by = $3, decided_at = now()"
            " where id = $1 returning *",
            change_id,
            state,
            by,
        )
        return row

    async def page(
        self, after: Cursor | None, limit: int, state: ChangeState | None = None
    ) -> list[ListChangeRow]:
        """Return changes, the newest first."""
        return await self._page(
            ListChangeRow,
            self._select,
            after=after,
            limit=limit,
            order=("proposed_at", "id"),
            filters={"state = {}": state},
        )


class ListRepository(Repository):
    """Entries and exemptions, which count as their changes say."""

    async def add(self, change_id: str, on: ListName, entries: Sequence[Entry]) -> None:
        """Write the entries of a change, some a statement."""
        for first in range(0, len(entries), _PART):
            part = entries[first : first + _PART]
            ids = [
                derived_id("lst", change_id, str(number))
                for number in range(first, first + len(part))
            ]
            await self._connection.execute(
                "insert into list_entries (id, change_id, list, key_kind, key_idx, key_enc, reason,"
                " source, expires_on) select new.id, $1, $2, new.kind, new.idx, new.enc,"
                " new.reason, new.source, new.expires_on from unnest($3::text[], $4::text[],"
                " $5::bytea[], $6::bytea[], $7::text[], $8::text[], $9::date[])"
                " as new (id, kind, idx, enc, reason, source, expires_on)",
                change_id,
                on,
                ids,
                [one.kind for one in part],
                [self._blind_index.of(one.kind, one.key) for one in part],
                [
                    self._encrypt(_KEY, entry_id, one.key)
                    for entry_id, one in zip(ids, part, strict=True)
                ],
                [one.reason for one in part],
                [one.source for one in part],
                [one.expires_on for one in part],
            )

    async def remove(self, change_id: str, entry_ids: Sequence[str]) -> None:
        """Write which entries a change takes from their list."""
        await self._connection.execute(
            "insert into list_removals (change_id, entry_id) select $1, unnest($2::text[])",
            change_id,
            list(entry_ids),
        )

    async def standing_among(
        self, on: ListName, entry_ids: Sequence[str], today: date
    ) -> frozenset[str]:
        """Return those of the entries that count on a list."""
        records = await self._connection.fetch(
            "select e.id from list_entries e join list_changes c on c.id = e.change_id"
            f" where e.id = any($1::text[]) and e.list = $2 and {_STANDS}"
            " and (e.expires_on is null or e.expires_on >= $3)",
            list(entry_ids),
            on,
            today,
        )
        return frozenset(record["id"] for record in records)

    async def known(self, on: ListName, entries: Sequence[Entry], today: date) -> frozenset[int]:
        """Return the places of those entries whose key stands on a list already."""
        digests = [self._blind_index.of(one.kind, one.key) for one in entries]
        records = await self._connection.fetch(
            "select distinct e.key_idx from list_entries e"
            " join list_changes c on c.id = e.change_id"
            f" where e.key_idx = any($1::bytea[]) and e.list = $2 and {_STANDS}"
            " and (e.expires_on is null or e.expires_on >= $3)",
            digests,
            on,
            today,
        )
        found = {record["key_idx"] for record in records}
        return frozenset(place for place, digest in enumerate(digests) if digest in found)

    async def page(
        self, after: Cursor | None, limit: int, on: ListName, today: date
    ) -> list[ListEntryRow]:
        """Return the entries of a list, with those that count no more, the newest first."""
        rows = await self._page(
            _EntryRecord,
            _ENTRIES,
            after=after,
            limit=limit,
            order=("e.added_at", "e.id"),
            filters={"e.list = {}": on},
        )
        return [self._shown(row, today) for row in rows]

    async def of_key(self, kind: KeyKind, key: str, today: date) -> list[ListEntryRow]:
        """Return every entry of a key, also of those that count no more, the newest first."""
        rows = await self._all(
            _EntryRecord,
            f"{_ENTRIES} where e.key_idx = $1 order by e.added_at desc, e.id desc",
            self._blind_index.of(kind, key),
        )
        return [self._shown(row, today) for row in rows]

    async def exempt(
        self, change_id: str, applicant_id: str, rule: str, first: date, last: date
    ) -> None:
        """Write from which rule a change exempts a customer."""
        await self._insert(
            "exemptions",
            change_id=change_id,
            applicant_id=applicant_id,
            rule=rule,
            first_day=first,
            last_day=last,
        )

    async def end_exemption(self, change_id: str, exemption_id: str) -> None:
        """Write which exemption a change ends."""
        await self._insert("exemption_ends", change_id=change_id, exemption_id=exemption_id)

    async def exemptions(self, applicant_id: str) -> list[ExemptionRow]:
        """Return a customer's exemptions, the newest first; one that `lasts` was not ended."""
        return await self._all(
            ExemptionRow,
            "select x.change_id as id, x.applicant_id, x.rule, x.first_day, x.last_day, c.state,"
            f" ({_LASTS}) as lasts, c.reason, c.proposed_by, c.decided_by"
            " from exemptions x join list_changes c on c.id = x.change_id"
            " where x.applicant_id = $1 order by c.proposed_at desc, x.change_id",
            applicant_id,
        )

    async def standing(self, applicant_id: str, keys: PersonKeys, on: date) -> Standing:
        """Return how a person stands on a business date, by one statement.

        Exemptions are those of the person: of whatever customer has the same identity number.
        """
        digests = [self._blind_index.of(kind, key) for kind, key in keys.pairs()]
        records = await self._connection.fetch(
            "select e.list as name, e.key_kind from list_entries e"
            " join list_changes c on c.id = e.change_id where e.key_idx = any($1::bytea[])"
            f" and (e.expires_on is null or e.expires_on >= $3) and {_STANDS}"
            " union select x.rule, null from exemptions x"
            f" join list_changes c on c.id = x.change_id where {_counts('$2', '$3')}",
            digests,
            applicant_id,
            on,
        )
        return Standing(
            tuple(
                sorted(
                    (ListName(record["name"]), KeyKind(record["key_kind"]))
                    for record in records
                    if record["key_kind"] is not None
                )
            ),
            frozenset(record["name"] for record in records if record["key_kind"] is None),
        )

    async def people_behind_exemptions(self, applicant_id: str, on: date) -> tuple[str, ...]:
        """Return who proposed or confirmed an exemption that counts for a person on a date.

        The exemptions are those by which the person `standing` tells of is exempted.
        """
        records = await self._connection.fetch(
            "select distinct who from exemptions x join list_changes c on c.id = x.change_id"
            " cross join unnest(array[c.proposed_by, c.decided_by]) who"
            f" where who is not null and {_counts('$1', '$2')} order by who",
            applicant_id,
            on,
        )
        return tuple(record["who"] for record in records)

    def _shown(self, row: _EntryRecord, today: date) -> ListEntryRow:
        key = self._decrypt(_KEY, row.id, row.key_enc)
        told = row.model_dump(exclude={"key_enc", "stands"})
        stands = row.stands and (row.expires_on is None or row.expires_on >= today)
        return ListEntryRow(**told, shown=shown_key(row.key_kind, key), stands=stands)
