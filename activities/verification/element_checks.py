"""One check for each kind of element: whom to ask, and what makes the response a match.

Reasons are codes without personal data. Whoever cannot say is the gateway's concern and never comes
here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final, TypedDict, TypeVar

from activities.sources.enquiries import DataSourceGateway, SourceResponse, Subject
from activities.verification.face_checks import Compared, FaceToCompare, compare_face
from domain.people.consents import Purpose
from domain.people.identity_documents import birth_date_in, read_document
from domain.people.names import normal_name
from domain.verification import elements
from domain.verification.element_policies import PICTURE_OF_ANOTHER
from domain.verification.elements import Element, ElementKind, Verdict
from domain.verification.liveness_challenge import Action, done
from providers.http.verdict import VerificationResponse
from providers.sources.fireeye_requests import TransactionQuery
from providers.sources.registers import CompanyRequest
from providers.verification.contacts import (
    AddressBookEntry,
    Contact,
    ContactsRequest,
    ContactsVerification,
)
from providers.verification.factors import (
    BankCardRequest,
    CreditCardRequest,
    OperatorRequest,
    RealNameRequest,
)
from providers.verification.identity_card import CardFields, CardReadRequest
from providers.verification.liveness import LivenessRequest, LivenessResult

Given = TypeVar("Given", bound=Element)
Verified = TypeVar("Verified", bound=VerificationResponse)


class Remembered(TypedDict, total=False):
    """The personal data that a match confirms."""

    name: str
    identity_number: str
    mobile: str
    bank_card: str


@dataclass(frozen=True, repr=False)
class Case:
    """One element with what its check needs of the others. Holds personal data.

    `real_name` and `mobile` are what was verified of the applicant, there where the kind needs it,
    `purpose` is what the applicant consented to being asked about.
    `card` is the identity card that was verified, `challenge` what a face is asked to do,
    `picture_givers` how many other people gave one of the element's pictures. The address book goes
    along only where the product says `check_address_book`, and the registry's photo is fetched
    where it says `check_registered_photo`.
    """

    element_id: str
    application_id: str
    applicant_id: str
    data: Element
    purpose: Purpose
    real_name: elements.RealName | None
    mobile: str | None
    known_identity: str | None
    card: elements.IdentityCard | None
    challenge: tuple[Action, ...]
    picture_givers: int
    today: date
    check_address_book: bool = False
    check_registered_photo: bool = True

    @property
    def subject(self) -> Subject:
        """Return whom the requests are for; the element is their business key."""
        return Subject(self.element_id, self.applicant_id, self.application_id, self.purpose)

    def given(self, kind: type[Given]) -> Given:
        """Return the element itself, of the form by which its check was chosen."""
        assert isinstance(self.data, kind)  # noqa: S101 -- as said
        return self.data

    @property
    def person(self) -> elements.RealName:
        """Return who the applicant was found to be, for a kind that needs it."""
        assert self.real_name is not None  # noqa: S101 -- no case is made before it is there
        return self.real_name

    @property
    def own_mobile(self) -> str:
        """Return the applicant's own mobile, for a kind that needs it."""
        assert self.mobile is not None  # noqa: S101 -- as above
        return self.mobile


@dataclass(frozen=True)
class Finding:
    """What a check came to; `facts` hold no personal data, `remember` does."""

    provider: str
    verdict: Verdict
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    remember: Remembered = field(default_factory=Remembered, repr=False)


def _mismatch(provider: str, reason: str) -> Finding:
    return Finding(provider, Verdict.MISMATCH, reason)


def _refused(response: SourceResponse[Verified]) -> Finding | None:
    """Return the finding of a response that is not a match."""
    answer = response.answer
    if answer.passed:
        return None
    return Finding(
        response.source, Verdict.MISMATCH, answer.reasons[0], {"reasons": list(answer.reasons)}
    )


def _two_factors(person: elements.RealName | elements.Guarantor) -> dict[str, str]:
    return {"name": person.name, "identity_number": person.identity_number}


def _four_factors(case: Case, card: elements.BankCard | elements.CreditCard) -> dict[str, str]:
    return {
        **_two_factors(case.person),
        "mobile": card.mobile,
        "card_number": card.card_number,
    }


async def _real_name(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.RealName)
    if _is_unborn(data.identity_number, case.today):
        return _mismatch("record", "birth_date_in_the_future")
    if case.known_identity not in (None, data.identity_number):
        # Cards, contracts and loans hang on the applicant: they cannot become another person's.
        return _mismatch("record", "identity_changed")
    response = await gateway.query(RealNameRequest(**_two_factors(data)), case.subject)
    return _refused(response) or Finding(
        response.source,
        Verdict.MATCH,
        remember={"name": data.name, "identity_number": data.identity_number},
    )


def _is_unborn(identity_number: str, today: date) -> bool:
    born = birth_date_in(identity_number, today)
    return born is not None and born > today


async def _operator(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.Operator)
    request = OperatorRequest(**_two_factors(case.person), mobile=data.mobile)
    response = await gateway.query(request, case.subject)
    return _refused(response) or Finding(
        response.source, Verdict.MATCH, remember={"mobile": data.mobile}
    )


async def _personal_information(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.PersonalInformation)
    book = data.address_book if case.check_address_book else None
    request = ContactsRequest(
        identity_number=case.person.identity_number,
        mobile=case.own_mobile,
        contacts=[
            Contact(name=contact.name, relation=contact.relation, mobile=contact.mobile)
            for contact in data.contacts
        ],
        address_book=None
        if book is None
        else [AddressBookEntry(name=entry.name, mobile=entry.mobile) for entry in book],
    )
    response = await gateway.query(request, case.subject)
    return _refused(response) or _known_contacts(response, len(data.contacts))


def _known_contacts(response: SourceResponse[ContactsVerification], contacts: int) -> Finding:
    """Return what the address book, if it went along, says of contacts who passed, in counts."""
    found = response.answer.address_book
    facts = {"contacts": contacts, "address_book": found.model_dump() if found else None}
    reason = found.contradiction if found else None
    return Finding(
        response.source, Verdict.MISMATCH if reason else Verdict.MATCH, reason=reason, facts=facts
    )


async def _identity_card(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.IdentityCard)
    if case.picture_givers:
        return _mismatch("record", PICTURE_OF_ANOTHER)
    request = CardReadRequest(
        front=data.front, back=data.back, identity_number=case.person.identity_number
    )
    response = await gateway.query(request, case.subject)
    refused, reading = _refused(response), response.answer
    if refused is not None or reading.fields is None:
        return refused or _mismatch(response.source, "no_card_found")
    reason = _disagreement(reading.fields, case.person, case.today)
    if reason is not None:
        return _mismatch(response.source, reason)
    confidence = min(reading.scores.values(), default=None)
    valid_until = reading.fields.valid_until
    facts = {
        "lowest_confidence": confidence,
        "models": reading.models,
        "valid_until": valid_until.isoformat() if valid_until else None,
    }
    return Finding(response.source, Verdict.MATCH, facts=facts)


def _disagreement(card: CardFields, typed: elements.RealName, today: date) -> str | None:
    """Return why a card that could be read does not prove who the applicant is."""
    if normal_name(card.name) != normal_name(typed.name):
        return "name_mismatch"
    if card.identity_number != typed.identity_number:
        return "identity_number_mismatch"
    document = read_document(card.identity_number, today)
    if (card.birth_date, card.sex) != (document.birth_date, document.sex):
        return "card_inconsistent"
    if card.valid_from > today or (card.valid_until is not None and card.valid_until < today):
        return "card_not_in_date"
    return None


async def _liveness(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.Liveness)
    if case.picture_givers:
        return _mismatch("record", PICTURE_OF_ANOTHER)
    if done(data.actions) != case.challenge:
        return _mismatch("record", "wrong_action")
    request = LivenessRequest(frames=list(data.frames), actions=list(data.actions))
    alive = await gateway.query(request, case.subject)
    refused = _refused(alive)
    if refused is not None:
        return refused
    asked = FaceToCompare(
        face=data.face,
        name=case.person.name,
        identity_number=case.person.identity_number,
        card=case.card.front if case.card else None,
        fetches_photo=case.check_registered_photo,
    )
    return _whose_face(alive.answer, await compare_face(gateway, asked, case.subject))


def _whose_face(alive: LivenessResult, compared: Compared) -> Finding:
    """Return what was measured and by which models: nothing that shows the face."""
    facts = {
        "score": alive.score,
        "scores": alive.scores,
        **compared.facts,
        "models": {**alive.models, **compared.models},
    }
    verdict = Verdict.MATCH if compared.reason is None else Verdict.MISMATCH
    return Finding(compared.source, verdict, compared.reason, facts)


async def _bank_card(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.BankCard)
    request = BankCardRequest(**_four_factors(case, data))
    response = await gateway.query(request, case.subject)
    refused, card = _refused(response), response.answer
    if refused is not None:
        return refused
    if card.card_type != "debit":
        return _mismatch(response.source, "not_a_debit_card")
    return Finding(
        response.source,
        Verdict.MATCH,
        facts={"bank_code": card.bank_code, "bank_name": card.bank_name},
        remember={"bank_card": data.card_number},
    )


async def _credit_card(gateway: DataSourceGateway, case: Case) -> Finding:
    request = CreditCardRequest(**_four_factors(case, case.given(elements.CreditCard)))
    response = await gateway.query(request, case.subject)
    return _refused(response) or Finding(
        response.source, Verdict.MATCH, facts={"bank_code": response.answer.bank_code}
    )


async def _company(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.Company)
    request = CompanyRequest(
        country="CN", registration_number=data.registration_number, legal_name=data.name
    )
    response = await gateway.query(request, case.subject)
    refused = _refused(response)
    if refused is not None:
        return refused
    if response.answer.status != "active":
        return _mismatch(response.source, "company_not_active")
    return Finding(response.source, Verdict.MATCH, facts=response.answer.facts(case.today))


async def _guarantor(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.Guarantor)
    if data.identity_number == case.person.identity_number:
        return _mismatch("record", "guarantor_is_applicant")
    if _is_unborn(data.identity_number, case.today):
        return _mismatch("record", "birth_date_in_the_future")
    response = await gateway.query(RealNameRequest(**_two_factors(data)), case.subject)
    return _refused(response) or Finding(response.source, Verdict.MATCH)


async def _card_transaction(gateway: DataSourceGateway, case: Case) -> Finding:
    data = case.given(elements.CardTransaction)
    if data.paid_on > case.today:
        return _mismatch("record", "payment_in_the_future")
    request = TransactionQuery(
        card_number=data.card_number,
        transacted_on=data.paid_on,
        amount=data.amount,
        identity_number=case.person.identity_number,
        mobile=case.mobile,
        location=data.place,
        asked_on=case.today,
    )
    response = await gateway.query(request, case.subject)
    if not response.answer.passed:
        return _mismatch(response.source, f"transaction_{response.answer.outcome.value}")
    return Finding(response.source, Verdict.MATCH)


CHECKS: Final[Mapping[ElementKind, Callable[[DataSourceGateway, Case], Awaitable[Finding]]]] = (
    MappingProxyType(
        {
            ElementKind.REAL_NAME: _real_name,
            ElementKind.OPERATOR: _operator,
            ElementKind.PERSONAL_INFORMATION: _personal_information,
            ElementKind.IDENTITY_CARD: _identity_card,
            ElementKind.LIVENESS: _liveness,
            ElementKind.BANK_CARD: _bank_card,
            ElementKind.CREDIT_CARD: _credit_card,
            ElementKind.COMPANY: _company,
            ElementKind.GUARANTOR: _guarantor,
            ElementKind.CARD_TRANSACTION: _card_transaction,
        }
    )
)
"""The kinds that one answer verifies; the others are imported in steps."""
