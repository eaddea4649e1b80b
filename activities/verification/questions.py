"""What is asked about an element, where the question takes more than its data."""

from datetime import date

from activities.sources.enquiries import Assessment, Question
from domain.sources import Capability
from domain.verification.elements import CardTransaction, PersonalInformation
from providers.http.verdict import Answer
from providers.sources.fireeye_answers import TransactionAuthentication
from providers.sources.fireeye_requests import TransactionQuery
from providers.verification.contacts import (
    AddressBookEntry,
    Contact,
    ContactsRequest,
    ContactsVerification,
)
from providers.verification.real_name import RealNameRequest


def two_factors(request_id: str, name: str, identity_number: str) -> Question[Answer]:
    """Ask whether a name and an identity number belong together."""
    return Question(
        Capability.REAL_NAME,
        "verify",
        RealNameRequest(name=name, identity_number=identity_number),
        Answer,
        lambda third: third.real_name.verify(
            request_id=request_id, name=name, identity_number=identity_number
        ),
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


def transaction_question(
    request_id: str, identity_number: str, mobile: str | None, data: CardTransaction, today: date
) -> Question[TransactionAuthentication]:
    """Ask whether the card of the person with this number made the payment."""
    query = TransactionQuery(
        card_number=data.card_number,
        transacted_on=data.paid_on,
        amount=data.amount,
        identity_number=identity_number,
        mobile=mobile,
        location=data.place,
    )
    return Question(
        Capability.TRANSACTION_AUTHENTICATION,
        "authenticate",
        query,
        TransactionAuthentication,
        lambda third: third.fireeye.authenticate_transaction(
            request_id=request_id, query=query, today=today
        ),
        assess=_judged,
    )


def _judged(answer: TransactionAuthentication) -> Assessment:
    """Match, mismatch and not found are all final, and were all billed."""
    return Assessment(
        answer.verdict, None if answer.passed else answer.outcome.value, is_conclusive=True
    )
