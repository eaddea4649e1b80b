"""What is asked about emergency contacts, and what goes along."""

from activities.enquiries import Question
from domain.data_sources import Capability
from domain.elements import PersonalInformation
from providers.contacts import (
    AddressBookEntry,
    Contact,
    ContactsRequest,
    ContactsVerification,
)


def contacts_question(
    request_id: str,
    identity_number: str,
    mobile: str,
    data: PersonalInformation,
    *,
    check_address_book: bool,
) -> Question[ContactsVerification]:
    """Ask about the contacts of the applicant whose number and mobile these are.

    The address book goes along only where the product checks it and the applicant gave it.
    """
    contacts = [
        Contact(name=contact.name, relation=contact.relation, mobile=contact.mobile)
        for contact in data.contacts
    ]
    book = None
    if check_address_book and data.address_book is not None:
        book = [
            AddressBookEntry(name=entry.name, mobile=entry.mobile) for entry in data.address_book
        ]
    return Question(
        Capability.CONTACTS,
        "verify",
        ContactsRequest(
            identity_number=identity_number, mobile=mobile, contacts=contacts, address_book=book
        ),
        ContactsVerification,
        lambda third: third.contacts.verify(
            request_id=request_id,
            identity_number=identity_number,
            mobile=mobile,
            contacts=contacts,
            address_book=book,
        ),
    )
