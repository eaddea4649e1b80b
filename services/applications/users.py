"""The user centre: a person as a channel knows them, and what is stored about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.applications.reusable_verifications import EarlierVerification
from domain.common.masking import masked_name, masked_number
from domain.people.principals import Principal
from domain.verification.elements import ElementKind
from services.people.ownership import find_applicant
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository, ApplicantRow, Personal
from storage.people.consents import ConsentRepository, ConsentRow
from storage.people.devices import DeviceRepository, DeviceRow
from storage.verification.elements import ElementRepository

_MAX_APPLICATIONS: Final = 50
"""So many of the newest applications are shown; the list of applications has all."""


@dataclass(frozen=True)
class MaskedPerson:
    """What was verified of a person, masked; None where nothing is."""

    name: str | None
    identity_number: str | None
    mobile: str | None
    bank_card: str | None


@dataclass(frozen=True)
class ReusableVerification:
    """A verified element, and the last business date on which it counts for a new application."""

    element: EarlierVerification
    counts_until: date


@dataclass(frozen=True)
class UserDetails:
    """Everything that is shown of a person in the user centre.

    `can_loan_time` is the first day on which they may apply again, None if they may now.
    """

    applicant: ApplicantRow
    can_loan_time: date | None
    person: MaskedPerson
    devices: Sequence[DeviceRow]
    consents: Sequence[ConsentRow]
    verifications: Sequence[ReusableVerification]
    applications: Sequence[ApplicationRow]


async def read_user(
    tx: Transaction, caller: Principal, applicant_id: str, today: date
) -> UserDetails:
    """Return a person with tags, devices, consents, verifications and applications.

    Read it in a snapshot. Raises `NotFound`.
    """
    applicant = await find_applicant(tx, caller, applicant_id)
    personal = await ApplicantRepository(tx).personal(applicant.id)
    return UserDetails(
        applicant=applicant,
        can_loan_time=await _can_loan_time(tx, personal, today),
        person=_masked(personal),
        devices=await DeviceRepository(tx).of(applicant.id),
        consents=await ConsentRepository(tx).of(applicant.id),
        verifications=await _reusable_verifications(tx, applicant.id),
        applications=await ApplicationRepository(tx).page(
            None, _MAX_APPLICATIONS, applicant_id=applicant.id
        ),
    )


async def _can_loan_time(tx: Transaction, personal: Personal, today: date) -> date | None:
    """Return when the lock of a rejection ends that keeps the person away, in whatever channel."""
    if personal.identity_number is None:
        return None
    lock = await ApplicationRepository(tx).lock_until(personal.identity_number, except_for="")
    if lock is None or lock.reapply_on is None or lock.reapply_on <= today:
        return None
    return lock.reapply_on


def _masked(personal: Personal) -> MaskedPerson:
    def number(text: str | None, head: int, tail: int) -> str | None:
        return None if text is None else masked_number(text, head=head, tail=tail)

    return MaskedPerson(
        name=None if personal.name is None else masked_name(personal.name),
        identity_number=number(personal.identity_number, 3, 4),
        mobile=number(personal.mobile, 3, 2),
        bank_card=number(personal.bank_card, 0, 4),
    )


async def _reusable_verifications(tx: Transaction, applicant_id: str) -> list[ReusableVerification]:
    """Return this applicant's own verified elements, the newest of each kind."""
    newest: dict[ElementKind, ReusableVerification] = {}
    for element in await ElementRepository(tx).verified_earlier(applicant_id):
        if not element.own or element.kind in newest:
            continue
        application = await ApplicationRepository(tx).get(element.application_id)
        assert application is not None  # noqa: S101 -- verifications refer to it
        product = await product_of(tx, application)
        newest[element.kind] = ReusableVerification(element, element.counts_until(product))
    return list(newest.values())
