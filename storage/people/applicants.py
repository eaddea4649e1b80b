# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Applicants and their personal data, encrypted column by column."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final

from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import TableRepository
from storage.common.rows import Row
from storage.common.tenants import OWN_LENDER

_LOCKS: Final = 4201014
"""Keeps the locks of persons apart from the other advisory locks."""


class ApplicantRow(Row):
    """A person as a channel knows them: no personal data.

    `level` and `labels` are how the lender knows the person: by rules, or by one of its people, to
    the end of `level_until`.
    """

    id: str
    channel: str
    customer_reference: str
    level: int
    labels: tuple[str, ...]
    level_until: date | None
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


_PERSONAL: Final = tuple(field.name for field in fields(Personal))
_ENCRYPTED: Final = ", ".join(f"{column}_enc" for column in _PERSONAL)


class ApplicantRepository(TableRepository[ApplicantRow]):
    """Who applies in which channel, and what was verified of them, encrypted."""

    table = "applicants"
    row = ApplicantRow

    async def get_or_create(
        self, applicant_id: str, channel: str, customer_reference: str, *, lender: str = OWN_LENDER
    ) -> ApplicantRow:
        """Return the channel's applicant of that reference, made under `applicant_id` if new.

        A new one is a customer of `lender`, and so is what they apply for.

        Raises `IdempotencyMismatch` when the id belongs to another one.
        """
        inserted = await self._insert_row(
            id=applicant_id, channel=channel, customer_reference=customer_reference, lender=lender
        )
        row = inserted or await self._find(
            "channel = $1 and customer_reference = $2", channel, customer_reference
        )
        if row is None:
            raise IdempotencyMismatch(f"{applicant_id} is another applicant")
        return row

    async def of_line(self, line_id: str) -> ApplicantRow | None:
        """Return whose line it is, None for an unknown line."""
        return await self._find("id = (select applicant_id from lines where id = $1)", line_id)

    async def lock(self, applicant_id: str, *identity_numbers: str) -> None:
        """Let what concerns a person wait for this transaction, in whatever channel it comes.

        A person is the applicant, their verified identity number, and `identity_numbers`.
        """
        digests = [self._blind_index.of("identity_number", one) for one in identity_numbers]
        # In one order, so that two who lock the same persons never wait for each other.
        await self._connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(key, $3)) from ("
            "select unnest($2::text[]) as key"
            " union select encode(identity_number_idx, 'hex') from applicants"
            " where id = $1 and identity_number_idx is not null order by key) as keys",
            applicant_id,
            [applicant_id, *(digest.hex() for digest in digests)],
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
        verified = Personal(name, identity_number, mobile, bank_card)
        await self._connection.execute(
            "update applicants set"
            " name_enc = coalesce($2, name_enc),"
            " identity_number_enc = coalesce($3, identity_number_enc),"
            " mobile_enc = coalesce($4, mobile_enc),"
            " bank_card_enc = coalesce($5, bank_card_enc),"
            " identity_number_idx = coalesce($6, identity_number_idx),"
            " mobile_idx = coalesce($7, mobile_idx),"
            " bank_card_idx = coalesce($8, bank_card_idx)"
            " where id = $1",
            applicant_id,
            *(
                self._encrypt(f"applicants.{column}", applicant_id, value)
                for column, value in vars(verified).items()
            ),
            *(
                None if value is None else self._blind_index.of(column, value)
                for column, value in vars(verified).items()
                if column != "name"
            ),
        )

    async def personal(self, applicant_id: str) -> Personal:
        """Return the applicant's personal data; raises `RecordMissing` for an unknown id."""
        record = await self._connection.fetchrow(
            f"select {_ENCRYPTED} from applicants where id = $1",
            applicant_id,
        )
        if record is None:
            raise RecordMissing(f"no applicant {applicant_id}")
        return Personal(
            *(
                self._decrypt_if_any(f"applicants.{column}", applicant_id, record[f"{column}_enc"])
                for column in _PERSONAL
            )
        )
