# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Applicants and their personal data, encrypted column by column."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import TableRepository
from storage.common.rows import Row
from storage.common.tenants import OWN_LENDER

_COLUMNS: Final = "id, channel, customer_reference, level, labels, created_at"
_LOCKS: Final = 4201014
"""Keeps the locks of persons apart from the record's other advisory locks."""


class ApplicantRow(Row):
    """A person as a channel knows them: no personal data.

    `level` and `labels` are how the lender's people know the person.
    """

    id: str
    channel: str
    customer_reference: str
    level: int
    labels: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, repr=False)
class Personal:
    """An applicant's personal data as verified; None where not known yet."""

    name: str | None = None
    identity_number: str | None = None
    mobile: str | None = None
    bank_card: str | None = None

    def __repr__(self) -> str:
        known = [name for name, value in vars(self).items() if value is not None]
        return f"Personal({', '.join(known)})"


class ApplicantRepository(TableRepository[ApplicantRow]):
    """The applicants."""

    table = "applicants"
    columns = _COLUMNS
    row = ApplicantRow

    async def get_or_create(
        self, applicant_id: str, channel: str, customer_reference: str, *, lender: str = OWN_LENDER
    ) -> ApplicantRow:
        """Return the channel's applicant of that reference, made under `applicant_id` if new.

        A new one is a customer of `lender`, and so is what they apply for.

        Raises `IdempotencyMismatch` when the id belongs to another one.
        """
        record = await self._connection.fetchrow(
            "insert into applicants (id, channel, customer_reference, lender)"
            f" values ($1, $2, $3, $4) on conflict do nothing returning {_COLUMNS}",
            applicant_id,
            channel,
            customer_reference,
            lender,
        )
        if record is None:
            record = await self._connection.fetchrow(
                f"select {_COLUMNS} from applicants where channel = $1 and customer_reference = $2",
                channel,
                customer_reference,
            )
        if record is None:
            raise IdempotencyMismatch(f"{applicant_id} is another applicant")
        return ApplicantRow.read(record)

    async def lock(self, applicant_id: str, *identity_numbers: str) -> None:
        """Let what concerns a person wait for this transaction, in whatever channel it comes.

        A person is the applicant, their verified identity number, and `identity_numbers`.
        """
        own: bytes | None = await self._connection.fetchval(
            "select identity_number_idx from applicants where id = $1", applicant_id
        )
        digests = {self._blind_index.of("identity_number", one) for one in identity_numbers}
        digests |= {own} if own is not None else set()
        # In one order, so that two who lock the same persons never wait for each other.
        await self._connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(key, $2)) from unnest($1::text[]) key",
            sorted({applicant_id, *(digest.hex() for digest in digests)}),
            _LOCKS,
        )

    async def remember(
        self,
        applicant_id: str,
        *,
        name: str | None = None,
        identity_number: str | None = None,
        mobile: str | None = None,
        bank_card: str | None = None,
    ) -> None:
        """Store verified personal data; what is None stays as it was."""
        await self._connection.execute(
            "update applicants set"
            " name_enc = coalesce($2, name_enc),"
            " identity_number_enc = coalesce($3, identity_number_enc),"
            " identity_number_idx = coalesce($4, identity_number_idx),"
            " mobile_enc = coalesce($5, mobile_enc),"
            " mobile_idx = coalesce($6, mobile_idx),"
            " bank_card_enc = coalesce($7, bank_card_enc),"
            " bank_card_idx = coalesce($8, bank_card_idx)"
            " where id = $1",
            applicant_id,
            self._seal("name", applicant_id, name),
            self._seal("identity_number", applicant_id, identity_number),
            self._index("identity_number", identity_number),
            self._seal("mobile", applicant_id, mobile),
            self._index("mobile", mobile),
            self._seal("bank_card", applicant_id, bank_card),
            self._index("bank_card", bank_card),
        )

    async def set_standing(self, applicant_id: str, level: int, labels: Sequence[str]) -> None:
        """Set an applicant's level and labels; raises `RecordMissing` for an unknown id."""
        changed = await self._connection.fetchval(
            "update applicants set level = $2, labels = $3 where id = $1 returning true",
            applicant_id,
            level,
            list(labels),
        )
        if changed is None:
            raise RecordMissing(f"no applicant {applicant_id}")

    async def personal(self, applicant_id: str) -> Personal:
        """Return the applicant's personal data; raises `RecordMissing` for an unknown id."""
        record = await self._connection.fetchrow(
            "select name_enc, identity_number_enc, mobile_enc, bank_card_enc"
            " from applicants where id = $1",
            applicant_id,
        )
        if record is None:
            raise RecordMissing(f"no applicant {applicant_id}")
        return Personal(
            *(
                self._open(column, applicant_id, record[f"{column}_enc"])
                for column in ("name", "identity_number", "mobile", "bank_card")
            )
        )

    def _seal(self, column: str, applicant_id: str, value: str | None) -> bytes | None:
        if value is None:
            return None
        return self._keyring.encrypt(value.encode(), _place(column, applicant_id))

    def _open(self, column: str, applicant_id: str, sealed: bytes | None) -> str | None:
        if sealed is None:
            return None
        return self._keyring.decrypt(sealed, _place(column, applicant_id)).decode()

    def _index(self, kind: str, value: str | None) -> bytes | None:
        return None if value is None else self._blind_index.of(kind, value)


def _place(column: str, applicant_id: str) -> bytes:
    return f"applicants.{column}:{applicant_id}".encode()
