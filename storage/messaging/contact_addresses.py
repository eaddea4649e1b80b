"""Where customers are reached besides their verified mobile, encrypted, and in which language."""

from dataclasses import dataclass

from storage.common.repository import Repository


@dataclass(frozen=True, repr=False)
class ContactAddresses:
    """What a customer gave; None where nothing. Holds personal data."""

    language: str | None = None
    email: str | None = None
    push_token: str | None = None


class ContactAddressRepository(Repository):
    """One row a customer."""

    async def set(self, applicant_id: str, given: ContactAddresses) -> None:
        """Store what a customer gave, in place of what was there."""
        await self._connection.execute(
            "insert into contact_addresses (applicant_id, language, email_enc, push_token_enc)"
            " values ($1, $2, $3, $4) on conflict (applicant_id) do update set"
            " language = excluded.language, email_enc = excluded.email_enc,"
            " push_token_enc = excluded.push_token_enc, changed_at = now()",
            applicant_id,
            given.language,
            self._encrypt("contact_addresses.email", applicant_id, given.email),
            self._encrypt("contact_addresses.push_token", applicant_id, given.push_token),
        )

    async def of(self, applicant_id: str) -> ContactAddresses:
        """Return what a customer gave."""
        record = await self._connection.fetchrow(
            "select language, email_enc, push_token_enc from contact_addresses"
            " where applicant_id = $1",
            applicant_id,
        )
        if record is None:
            return ContactAddresses()
        return ContactAddresses(
            language=record["language"],
            email=self._decrypt_if_any(
                "contact_addresses.email", applicant_id, record["email_enc"]
            ),
            push_token=self._decrypt_if_any(
                "contact_addresses.push_token", applicant_id, record["push_token_enc"]
            ),
        )
