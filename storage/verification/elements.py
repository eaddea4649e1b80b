# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Elements as the applicant gave them, encrypted, and what third parties said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Json, TypeAdapter

from domain.applications.kept_elements import KeptElement
from domain.verification.elements import (
    AddressBookEntry,
    Element,
    ElementKind,
    IdentityCard,
    Liveness,
    PersonalInformation,
    Verdict,
)
from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Repository, given, stored
from storage.common.rows import Row
from storage.verification.element_pictures import ElementPictureRepository

if TYPE_CHECKING:
    pass

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
    counts until the business date `counts_until`. What was
    verified may end of itself, on `valid_until`.
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


class ElementRepository(Repository):
    """The elements and their verifications."""

    async def insert(
        self, element_id: str, application_id: str, kind: ElementKind, data: BaseModel
    ) -> None:
        """Store an element, and what its pictures are, as the next attempt of its kind.

        A repeat changes nothing.

        An address book is kept apart, until there is a verdict on its element. Raises
        `IdempotencyMismatch` when the id was stored with other data, and `RecordMissing` for an
        unknown application.
        """
        text = data.model_dump_json()
        kept, book = _without_book(data)
        # The lock counts attempts one after the other and lets a repeat see the first.
        locked = await self._connection.fetchval(
            "select id from applications where id = $1 for no key update", application_id
        )
        if locked is None:
            raise RecordMissing(f"no application {application_id}")
        digest = self._blind_index.of("element", text)
        known = await self._connection.fetchrow(
            "select application_id, data_idx from elements where id = $1", element_id
        )
        if known is not None:
            if (known["application_id"], known["data_idx"]) != (application_id, digest):
                raise IdempotencyMismatch(f"{element_id} was submitted with other data")
            return
        await self._connection.execute(
            "insert into elements (id, application_id, kind, attempt, data_enc, data_idx)"
            " select $1, $2::text, $3::text, coalesce(max(attempt), 0) + 1, $4, $5"
            " from elements where application_id = $2::text and kind = $3::text",
            element_id,
            application_id,
            kind,
            self._encrypt(_DATA, element_id, kept.model_dump_json()),
            digest,
        )
        if isinstance(data, IdentityCard | Liveness):
            await ElementPictureRepository(self._tx).insert(element_id, data.pictures)
        if book is not None:
            encrypted = self._encrypt(_ADDRESS_BOOK, element_id, _BOOK.dump_json(book).decode())
            await self._insert("address_books", element_id=element_id, book_enc=encrypted)

    async def get(self, element_id: str) -> ElementRow | None:
        """Return the element with its data, None if unknown."""
        return await self._element(f"select {_COLUMNS} from elements where id = $1", element_id)

    async def newest(self, application_id: str, kind: ElementKind) -> ElementRow | None:
        """Return what counts of a kind with its data, None if it was never submitted.

        That is the latest attempt, or the element that was taken over from an earlier application.
        """
        return await self._element(
            f"{_COUNTING} select {_COLUMNS} from counting where kind = $2", application_id, kind
        )

    async def newest_match(self, application_id: str, kind: ElementKind) -> ElementRow | None:
        """Return what was verified last of a kind with its data, None if nothing of it was.

        Also what was taken over from an earlier application. What was given since and has no
        verdict, or was wrong, does not hide it.
        """
        return await self._element(
            f"select {_COLUMNS} from ("
            " select e.*, e.submitted_at as since from elements e where e.application_id = $1"
            " union all select e.*, r.reused_at from element_reuses r"
            " join elements e on e.id = r.element_id where r.application_id = $1) given"
            " where kind = $2 and exists (select 1 from verifications v"
            " where v.element_id = given.id and v.verdict = 'match') order by since desc limit 1",
            application_id,
            kind,
        )

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
            " left join captures c on c.element_id = n.id"
            " left join element_endings x on x.element_id = n.id order by n.kind",
            application_id,
        )

    async def kept_by(self, applicant_id: str) -> list[KeptElement]:
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
        return [KeptElement.model_validate(dict(record)) for record in records]

    async def reuse(
        self, application_id: str, kept: KeptElement, counts_until: date, at: datetime
    ) -> bool:
        """Let an earlier verification count for an application; False if it did already."""
        return await self._insert(
            "element_reuses",
            application_id=application_id,
            kind=kept.kind,
            element_id=kept.element_id,
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
        await self._lock(element_id)
        await self._connection.execute(
            "insert into verifications (element_id, application_id, kind, verdict, reason, facts,"
            " provider, verified_at)"
            " select e.id, e.application_id, e.kind, $2, $3, $4, $5, $6 from elements e"
            " where e.id = $1 and not exists (select 1 from element_endings x"
            " where x.element_id = e.id)"
            " on conflict (element_id) do nothing",
            element_id,
            verdict,
            reason,
            stored(facts),
            provider,
            at,
        )
        await self._forget_books_up_to(element_id)
        return await self.verification(element_id)

    async def end(self, element_id: str, reason: str, at: datetime) -> None:
        """Record that an element ended without a verdict; one that has its verdict keeps it."""
        await self._lock(element_id)
        await self._connection.execute(
            "insert into element_endings (element_id, reason, ended_at)"
            " select e.id, $2, $3 from elements e where e.id = $1"
            " and not exists (select 1 from verifications v where v.element_id = e.id)"
            " on conflict do nothing",
            element_id,
            reason,
            at,
        )
        await self._forget_books_up_to(element_id)

    async def ending(self, element_id: str) -> str | None:
        """Return why an element ended without a verdict, None if it did not."""
        reason: str | None = await self._connection.fetchval(
            "select reason from element_endings where element_id = $1", element_id
        )
        return reason

    async def _forget_books_up_to(self, element_id: str) -> None:
        await self._connection.execute(
            "delete from address_books b using elements e, elements judged"
            " where judged.id = $1 and e.application_id = judged.application_id"
            " and e.kind = judged.kind and e.attempt <= judged.attempt and b.element_id = e.id",
            element_id,
        )

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

    async def _lock(self, element_id: str) -> None:
        """Let a verdict and an ending come one after the other."""
        locked = await self._connection.fetchval(
            "select id from elements where id = $1 for no key update", element_id
        )
        if locked is None:
            raise RecordMissing(f"no element {element_id}")

    async def _element(self, statement: str, *values: Any) -> ElementRow | None:
        record = await self._connection.fetchrow(statement, *values)
        if record is None:
            return None
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


def _without_book(data: BaseModel) -> tuple[BaseModel, tuple[AddressBookEntry, ...] | None]:
    """Return what is kept of an element for good, and its address book, which is not."""
    if not isinstance(data, PersonalInformation):
        return data, None
    return data.model_copy(update={"address_book": None}), data.address_book
