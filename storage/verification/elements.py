# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Elements as the applicant gave them, encrypted, and what third parties said of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Json, TypeAdapter

from domain.applications.reusable_verifications import EarlierVerification
from domain.verification.elements import (
    AddressBookEntry,
    Element,
    ElementKind,
    IdentityCard,
    Liveness,
    PersonalInformation,
    Verdict,
)
from domain.verification.pictures import Picture
from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Repository, given, stored
from storage.common.rows import Row
from storage.verification.element_pictures import ElementPictureRepository

if TYPE_CHECKING:
    from storage.common.rows import Record

_ELEMENT: Final[TypeAdapter[Element]] = TypeAdapter(
    Element, config=ConfigDict(hide_input_in_errors=True)
)
_BOOK: Final[TypeAdapter[tuple[AddressBookEntry, ...]]] = TypeAdapter(tuple[AddressBookEntry, ...])
_DATA: Final = "elements.data"
_ADDRESS_BOOK: Final = "address_books.book"
_COLUMNS: Final = (
    "id, application_id, kind, attempt, data_enc, submitted_at,"
    " (select book_enc from address_books where element_id = id) as book_enc"
)


# What counts for an application: its own attempts and what it took over, the later one of a kind.
_COUNTING: Final = (
    "with own as ("
    " select distinct on (e.kind) e.id, e.kind, e.application_id, e.attempt, e.data_enc,"
    " e.submitted_at, false as reused, null::date as counts_until, e.submitted_at as since"
    " from elements e where e.application_id = $1 order by e.kind, e.attempt desc),"
    " taken_over as ("
    " select distinct on (r.kind) e.id, e.kind, e.application_id, e.attempt, e.data_enc,"
    " e.submitted_at, true as reused, r.counts_until, r.reused_at as since"
    " from element_reuses r join elements e on e.id = r.element_id"
    " where r.application_id = $1 order by r.kind, r.reused_at desc),"
    " counting as ("
    " select distinct on (kind) * from (select * from own union all select * from taken_over) both_"
    " order by kind, since desc)"
)


@dataclass(frozen=True)
class ElementRow:
    """A submitted element; its personal `data` stays out of `repr`."""

    id: str
    application_id: str
    kind: ElementKind
    attempt: int
    submitted_at: datetime
    data: Element = field(repr=False)


class ElementStatus(Row):
    """Where one kind of element of an application stands, without personal data.

    `facts` and `provider` are those of its verification. `verdict` is None until there is one.
    `mismatches` counts wrong attempts. A `reused` one was verified for an earlier application, and
    counts until the business date `counts_until`. What was verified may end of itself, on
    `valid_until`.
    """

    kind: ElementKind
    element_id: str
    attempt: int
    verdict: Verdict | None
    reason: str | None
    mismatches: int
    reused: bool
    counts_until: date | None
    valid_until: date | None
    submitted_at: datetime
    verified_at: datetime | None
    facts: Json[dict[str, Any]] | None
    provider: str | None


class VerificationRow(Row):
    """What a third party said of an element; `facts` hold no personal data."""

    element_id: str
    application_id: str
    kind: ElementKind
    verdict: Verdict
    reason: str | None
    facts: Json[dict[str, Any]]
    provider: str
    verified_at: datetime


class Conclusion(Row):
    """What came of an element: its verdict, or `unavailable` where it ended without one."""

    element_id: str
    verdict: Verdict
    reason: str | None


@dataclass(frozen=True)
class ElementCreate:
    """An element to be stored, with its cleaned pictures by their place."""

    id: str
    kind: ElementKind
    data: BaseModel = field(repr=False)
    pictures: Mapping[str, Picture] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class VerificationCreate:
    """A verdict to be recorded; `facts` hold no personal data."""

    element_id: str
    verdict: Verdict
    reason: str | None
    facts: Mapping[str, Any]
    provider: str


class ElementRepository(Repository):
    """The elements and their verifications."""

    async def add(self, application_id: str, elements: Sequence[ElementCreate]) -> None:
        """Store elements, and what their pictures are, each as the next attempt of its kind.

        At most one of a kind; a repeat changes nothing. The cleaned pictures of an element are
        stored instead of its files, so all of them have to be there. An address book is kept apart,
        until there is a verdict on its element. Raises `IdempotencyMismatch` when an id was stored
        with other data, and `RecordMissing` for an unknown application.
        """
        # The lock counts attempts one after the other and lets a repeat see the first.
        locked = await self._connection.fetchval(
            "select id from applications where id = $1 for no key update", application_id
        )
        if locked is None:
            raise RecordMissing(f"no application {application_id}")
        digests = {
            one.id: self._blind_index.of("element", one.data.model_dump_json()) for one in elements
        }
        known = await self._connection.fetch(
            "select id, application_id, data_idx from elements where id = any($1::text[])",
            list(digests),
        )
        for record in known:
            same = (application_id, digests.pop(record["id"]))
            if (record["application_id"], record["data_idx"]) != same:
                raise IdempotencyMismatch(f"{record['id']} was submitted with other data")
        added = [one for one in elements if one.id in digests]
        if not added:
            return
        split = {one.id: _without_book(_with_stored_pictures(one)) for one in added}
        await self._connection.execute(
            "insert into elements (id, application_id, kind, attempt, data_enc, data_idx)"
            " select new.id, $1::text, new.kind, 1 + coalesce((select max(e.attempt)"
            " from elements e where e.application_id = $1::text and e.kind = new.kind), 0),"
            " new.data_enc, new.data_idx"
            " from unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[])"
            " as new (id, kind, data_enc, data_idx)",
            application_id,
            [one.id for one in added],
            [one.kind for one in added],
            [self._encrypt(_DATA, one.id, split[one.id][0].model_dump_json()) for one in added],
            [digests[one.id] for one in added],
        )
        await ElementPictureRepository(self._tx).add({one.id: one.pictures for one in added})
        for element_id, (_, book) in split.items():
            if book is not None:
                encrypted = self._encrypt(_ADDRESS_BOOK, element_id, _BOOK.dump_json(book).decode())
                await self._insert("address_books", element_id=element_id, book_enc=encrypted)

    async def get(self, element_id: str) -> ElementRow | None:
        """Return the element with its data, None if unknown."""
        return (await self.among([element_id])).get(element_id)

    async def among(self, element_ids: Sequence[str]) -> dict[str, ElementRow]:
        """Return those of the elements that are known, with their data, by id."""
        records = await self._connection.fetch(
            f"select {_COLUMNS} from elements where id = any($1::text[])", list(element_ids)
        )
        return {record["id"]: self._read(record) for record in records}

    async def newest(self, application_id: str, kind: ElementKind) -> ElementRow | None:
        """Return what counts of a kind with its data, None if it was never submitted.

        That is the latest attempt, or the element that was taken over from an earlier application.
        """
        record = await self._connection.fetchrow(
            f"{_COUNTING} select {_COLUMNS} from counting where kind = $2", application_id, kind
        )
        return None if record is None else self._read(record)

    async def newest_matches(
        self, application_id: str, kinds: Collection[ElementKind]
    ) -> dict[ElementKind, ElementRow]:
        """Return what was verified last of each kind, with its data, where something of it was.

        Also what was taken over from an earlier application. What was given since and has no
        verdict, or was wrong, does not hide it.
        """
        records = await self._connection.fetch(
            f"select distinct on (kind) {_COLUMNS} from ("
            " select e.*, e.submitted_at as since from elements e where e.application_id = $1"
            " union all select e.*, r.reused_at from element_reuses r"
            " join elements e on e.id = r.element_id where r.application_id = $1) given"
            " where kind = any($2::text[]) and exists (select 1 from verifications v"
            " where v.element_id = given.id and v.verdict = 'match') order by kind, since desc",
            application_id,
            list(kinds),
        )
        return {ElementKind(record["kind"]): self._read(record) for record in records}

    async def latest(self, application_id: str) -> list[ElementStatus]:
        """Return where every submitted or reused kind stands, by what counts of it."""
        return await self._all(
            ElementStatus,
            f"{_COUNTING} select n.kind, n.id as element_id, n.attempt, n.submitted_at, n.reused,"
            " n.counts_until, v.verified_at, v.facts, v.provider,"
            " (v.facts ->> 'valid_until')::date as valid_until,"
            " coalesce(v.reason, c.reason, x.reason) as reason,"
            " coalesce(v.verdict, case when x.element_id is not null then 'unavailable' end,"
            " case c.state when 'awaiting_code' then 'awaiting_code'"
            " when 'ended' then 'unavailable' end) as verdict,"
            " (select count(*) from verifications m where m.application_id = $1"
            " and m.kind = n.kind and m.verdict = 'mismatch') as mismatches"
            " from counting n left join verifications v on v.element_id = n.id"
            " left join data_imports c on c.element_id = n.id"
            " left join element_endings x on x.element_id = n.id order by n.kind",
            application_id,
        )

    async def verified_earlier(self, applicant_id: str) -> list[EarlierVerification]:
        """Return everything that was verified of a person, in whatever channel.

        The person is found by the keyed index of the identity number: another one's elements are
        never among them.
        """
        records = await self._connection.fetch(
            "select v.kind, v.element_id, v.application_id, v.verified_at,"
            " (v.facts ->> 'valid_until')::date as valid_until, p.id = $1 as own"
            " from applicants me join applicants p on p.id = me.id"
            " or p.identity_number_idx = me.identity_number_idx"
            " join applications a on a.applicant_id = p.id"
            " join verifications v on v.application_id = a.id and v.verdict = 'match'"
            " where me.id = $1 order by v.verified_at desc, v.element_id",
            applicant_id,
        )
        return [EarlierVerification.model_validate(dict(record)) for record in records]

    async def reuse(
        self, application_id: str, earlier: EarlierVerification, counts_until: date, at: datetime
    ) -> bool:
        """Let an earlier verification count for an application; False if it did already."""
        return await self._insert(
            "element_reuses",
            application_id=application_id,
            kind=earlier.kind,
            element_id=earlier.element_id,
            counts_until=counts_until,
            reused_at=at,
        )

    async def record_verification(
        self,
        element_id: str,
        verdict: Verdict,
        reason: str | None,
        facts: Mapping[str, Any],
        provider: str,
        at: datetime,
    ) -> VerificationRow | None:
        """Record a verdict and return what is recorded: the first verdict stays.

        None when the element ended without a verdict before. The address book that the element
        brought, and those of earlier attempts, are erased.
        """
        await self.record_verifications(
            [VerificationCreate(element_id, verdict, reason, facts, provider)], at
        )
        return await self.verification(element_id)

    async def record_verifications(
        self, verifications: Sequence[VerificationCreate], at: datetime
    ) -> None:
        """Record verdicts: the first one on an element stays, as `record_verification` says."""
        await self._lock([one.element_id for one in verifications])
        await self._connection.execute(
            "insert into verifications (element_id, application_id, kind, verdict, reason, facts,"
            " provider, verified_at)"
            " select e.id, e.application_id, e.kind, new.verdict, new.reason, new.facts,"
            " new.provider, $6 from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[],"
            " $5::text[]) as new (element_id, verdict, reason, facts, provider)"
            " join elements e on e.id = new.element_id"
            " where not exists (select 1 from element_endings x where x.element_id = e.id)"
            " on conflict (element_id) do nothing",
            [one.element_id for one in verifications],
            [one.verdict for one in verifications],
            [one.reason for one in verifications],
            [stored(one.facts) for one in verifications],
            [one.provider for one in verifications],
            at,
        )

    async def end(self, reasons: Mapping[str, str], at: datetime) -> None:
        """Record why elements ended without a verdict; one that has its verdict keeps it."""
        await self._lock(list(reasons))
        await self._connection.execute(
            "insert into element_endings (element_id, reason, ended_at)"
            " select new.element_id, new.reason, $3"
            " from unnest($1::text[], $2::text[]) as new (element_id, reason)"
            " where not exists (select 1 from verifications v"
            " where v.element_id = new.element_id) on conflict do nothing",
            list(reasons),
            list(reasons.values()),
            at,
        )

    async def conclusions(self, element_ids: Sequence[str]) -> dict[str, Conclusion]:
        """Return what came of those elements of which something did, by id."""
        rows = await self._all(
            Conclusion,
            "select element_id, verdict, reason from verifications where element_id = any($1)"
            " union all select x.element_id, 'unavailable', x.reason from element_endings x"
            " where x.element_id = any($1) and not exists"
            " (select 1 from verifications v where v.element_id = x.element_id)",
            list(element_ids),
        )
        return {row.element_id: row for row in rows}

    async def forget_address_books(
        self, applicant_id: str, application_id: str | None = None
    ) -> None:
        """Erase the address books that an applicant gave, of one application or of all."""
        tests, values = given({"a.applicant_id = {}": applicant_id, "a.id = {}": application_id})
        await self._connection.execute(
            "delete from address_books b using elements e, applications a"
            f" where b.element_id = e.id and a.id = e.application_id and {' and '.join(tests)}",
            *values,
        )

    async def verification(self, element_id: str) -> VerificationRow | None:
        """Return the recorded verdict on an element, None if there is none yet."""
        return await self._one(
            VerificationRow,
            f"select {VerificationRow.columns()} from verifications where element_id = $1",
            element_id,
        )

    async def _lock(self, element_ids: Sequence[str]) -> None:
        """Let a verdict and an ending come one after the other, and erase what neither needs.

        Those are the address books that the elements, and earlier attempts at them, brought.
        """
        locked = await self._connection.fetch(
            "select id, kind from elements where id = any($1::text[]) order by id"
            " for no key update",
            list(element_ids),
        )
        unknown = set(element_ids) - {record["id"] for record in locked}
        if unknown:
            raise RecordMissing(f"no element {min(unknown)}")
        if any(record["kind"] == ElementKind.PERSONAL_INFORMATION for record in locked):
            await self._connection.execute(
                "delete from address_books b using elements e, elements done"
                " where done.id = any($1::text[]) and e.application_id = done.application_id"
                " and e.kind = done.kind and e.attempt <= done.attempt and b.element_id = e.id",
                list(element_ids),
            )

    def _read(self, record: "Record") -> ElementRow:
        data = _ELEMENT.validate_json(self._decrypt(_DATA, record["id"], record["data_enc"]))
        book = self._decrypt_if_any(_ADDRESS_BOOK, record["id"], record["book_enc"])
        if book is not None:
            data = data.model_copy(update={"address_book": _BOOK.validate_json(book)})
        return ElementRow(
            id=record["id"],
            application_id=record["application_id"],
            kind=ElementKind(record["kind"]),
            attempt=record["attempt"],
            submitted_at=record["submitted_at"],
            data=data,
        )


def _with_stored_pictures(element: ElementCreate) -> BaseModel:
    if not isinstance(element.data, IdentityCard | Liveness):
        return element.data
    files = {place: picture.content for place, picture in element.pictures.items()}
    return element.data.with_pictures(files)


def _without_book(data: BaseModel) -> tuple[BaseModel, tuple[AddressBookEntry, ...] | None]:
    """Return what is kept of an element for good, and its address book, which is not."""
    if not isinstance(data, PersonalInformation):
        return data, None
    return data.model_copy(update={"address_book": None}), data.address_book
