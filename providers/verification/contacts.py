"""Emergency contacts: are they reachable people other than the applicant.

Only where the product and a consent allow it the applicant's address book goes along, and the
answer then counts what it says about the contacts. What it says is for a review, never a verdict.
"""

from typing import Annotated

from pydantic import Field

from domain.sources import Capability
from providers.http.requests import SourceRequest
from providers.http.verdict import VerificationResponse
from providers.http.wire import PersonalWire, Received

Count = Annotated[int, Field(ge=0, le=100_000)]


class Contact(PersonalWire):
    """One emergency contact as the applicant gave it."""

    name: str
    relation: str
    mobile: str


class AddressBookEntry(PersonalWire):
    """One entry of the applicant's address book."""

    name: str = Field(max_length=100)
    mobile: str = Field(max_length=32)


class AddressBookFindings(Received):
    """How the contacts stand in the address book.

    `missing_contacts` are not in it, `relation_conflicts` stand there under a name or remark that
    contradicts the relation, `overdue_entries` are entries known to the source as overdue.
    """

    entries: Count
    missing_contacts: Count
    relation_conflicts: Count
    overdue_entries: Count

    @property
    def contradiction(self) -> str | None:
        """Return the code of what a person has to look at, None if the book bears the contacts out.

        A relation that is contradicted weighs more than a contact who is not in the book.
        """
        if self.relation_conflicts:
            return "relation_mismatch"
        return "contact_not_in_address_book" if self.missing_contacts else None


class ContactsVerification(VerificationResponse):
    """One verdict for all contacts; `address_book` comes with a match if a book was sent.

    Reasons: `contact_is_applicant`, `duplicate_contact`.
    """

    address_book: AddressBookFindings | None = None


class ContactsRequest(SourceRequest[ContactsVerification]):
    """Ask for one verdict on all contacts; identity number and mobile are the applicant's own.

    `address_book` needs a consent of its own; None sends none.
    """

    capability = Capability.CONTACTS
    operation = "verify"

    identity_number: str
    mobile: str
    contacts: list[Contact]
    address_book: Annotated[list[AddressBookEntry], Field(max_length=5_000)] | None = None

    def is_answered_by(self, response: ContactsVerification) -> bool:
        """Findings come back where a book was sent."""
        found, sent = response.address_book, self.address_book
        return not response.passed or sent is None or found is not None
