"""Refusing an element of which the person was wrong too often today, before it is stored."""

from collections.abc import Iterable, Mapping

from domain.products.products import AgreedProduct
from domain.verification.elements import Element, ElementKind, Guarantor, RealName
from domain.verification.limits import ElementLocked, locked_until
from runtime.clock import utc_now
from storage.applications.applications import ApplicationRow
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository
from storage.verification.element_tries import ElementTryRepository
from storage.verification.elements import ElementRepository

Subjects = Mapping[ElementKind, str]
"""The identity number that an element of a kind asks about, where it is known."""


async def lock_subjects(
    tx: Transaction, application: ApplicationRow, elements: Iterable[Element]
) -> Subjects:
    """Return whom `elements` ask about; other requests of these persons wait for `tx`.

    A guarantor's concerns the guarantor, everything else the real name that is given with it, or
    counts for the application: submitted, not only verified.
    """
    given = tuple(elements)
    applicant = next((one for one in given if isinstance(one, RealName)), None)
    if applicant is None:
        newest = await ElementRepository(tx).newest(application.id, ElementKind.REAL_NAME)
        applicant = newest.data if newest and isinstance(newest.data, RealName) else None
    subjects = {}
    for element in given:
        person = element if isinstance(element, Guarantor) else applicant
        if person is not None:
            subjects[ElementKind(element.kind)] = person.identity_number
    await ApplicantRepository(tx).lock(application.applicant_id, *subjects.values())
    return subjects


async def check_attempts(
    tx: Transaction,
    application: ApplicationRow,
    product: AgreedProduct,
    kinds: Iterable[ElementKind],
    subjects: Subjects,
) -> None:
    """Raise `ElementLocked` while the person was wrong too often about one of the kinds."""
    now = utc_now()
    attempts = await ElementTryRepository(tx).of(
        {kind: subjects.get(kind) for kind in kinds}, application.id, application.applicant_id, now
    )
    for kind, tries in attempts.items():
        until = locked_until(tries, product.policy_of(kind).mismatches, now)
        if until is not None:
            raise ElementLocked(
                f"{kind} was wrong too often:"
                f" it is taken again from {until:%Y-%m-%d %H:%M:%S} UTC.",
                retry_after=until - now,
            )
