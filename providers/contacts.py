"""Emergency contacts: are they reachable people other than the applicant."""

from collections.abc import Sequence
from typing import Protocol

from providers.client import ProviderClient
from providers.verdict import Answer
from providers.wire import PersonalWire


class Contact(PersonalWire):
    """One emergency contact as the applicant gave it."""

    name: str
    relation: str
    mobile: str


class Contacts(Protocol):
    """A checker of contacts."""

    async def verify(
        self, *, request_id: str, identity_number: str, mobile: str, contacts: Sequence[Contact]
    ) -> Answer:
        """Return one verdict for all contacts; raises ProviderUnavailable or ProviderRejected.

        `identity_number` and `mobile` are the applicant's own. Reasons: `contact_is_applicant`,
        `duplicate_contact`.
        """


class ContactsRequest(PersonalWire):
    """The applicant's keys and the contacts, as sent."""

    identity_number: str
    mobile: str
    contacts: list[Contact]


class HttpContacts:
    """Contacts over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def verify(
        self, *, request_id: str, identity_number: str, mobile: str, contacts: Sequence[Contact]
    ) -> Answer:
        """See Contacts.verify."""
        request = ContactsRequest(
            identity_number=identity_number, mobile=mobile, contacts=list(contacts)
        )
        return await self._client.call("contacts", "verify", request, Answer, request_id)
