"""Taking elements in: stored before their process hears of them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from domain.applications.application import check_form
from domain.common.errors import NotFound
from domain.people.consents import Purpose
from domain.products.products import AgreedProduct
from domain.verification.element_policies import consents_needed
from domain.verification.elements import (
    Element,
    ElementKind,
    Guarantor,
    IdentityCard,
    Liveness,
    RealName,
)
from domain.verification.limits import ElementLocked, locked_until
from domain.verification.pictures import BadPicture, Picture, clean
from messages.applications import ProvidedElement
from messages.ids import is_id
from messages.verification import ConfirmElement
from runtime.clock import utc_now
from services.common.commands import Command
from services.people.consenting import require_consents
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRow
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository
from storage.verification.data_imports import DataImportRepository
from storage.verification.element_attempts import ElementAttemptRepository
from storage.verification.elements import ElementCreate, ElementRepository, ElementStatus
from storage.verification.liveness_challenges import LivenessChallengeRepository

_HANDED_OVER: Final = timedelta(minutes=2)
"""After this long an unverified element is known to its process, or never will be."""

Check = Callable[[ElementKind, Mapping[ElementKind, ElementStatus]], None]
"""Raises where an element of a kind cannot be taken, given those that count by now."""

Pictures = Mapping[str, Mapping[str, Picture]]
"""Cleaned pictures by the kind of their element and their place in it."""

_CLEANERS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pictures")
"""A decoded picture takes up to 100 MB: so many at a time, however many requests there are."""


async def clean_pictures(elements: Iterable[Element]) -> Pictures:
    """Return the pictures of elements as they are stored, made by threads.

    Call it before a transaction is opened. Raises `BadPicture` with the field.
    """
    loop = asyncio.get_running_loop()
    return {
        element.kind: await loop.run_in_executor(
            _CLEANERS, _cleaned, f"elements.{number}", element.pictures
        )
        for number, element in enumerate(elements)
        if isinstance(element, IdentityCard | Liveness)
    }


def _cleaned(field: str, files: Mapping[str, bytes]) -> Mapping[str, Picture]:
    pictures = {}
    for place, content in files.items():
        try:
            pictures[place] = clean(content)
        except BadPicture as error:
            raise BadPicture(error.fault, f"{field}.{place}") from None
    return pictures


Subjects = Mapping[ElementKind, str]
"""The identity number that an element of a kind asks about, where it is known."""


async def store_elements(
    tx: Transaction,
    command: Command,
    application: ApplicationRow,
    elements: Iterable[Element],
    pictures: Pictures,
    check: Check,
) -> tuple[ProvidedElement, ...]:
    """Store elements of an application, unless one of them cannot be taken: then none is.

    Those that this command stored before are not checked again. Raises what `check` raises,
    `ElementRefused`, `ConsentMissing`, `ChallengeExpired` and `ElementLocked`.
    """
    product = await product_of(tx, application)
    elements = tuple(elements)
    purposes: dict[str, Purpose] = {}
    for one in elements:
        purposes |= consents_needed(product.policy_of(ElementKind(one.kind)), one)
    await require_consents(tx, application.applicant_id, purposes)
    subjects = await _lock_subjects(tx, application, elements)
    latest = {status.kind: status for status in await ElementRepository(tx).latest(application.id)}
    taken = [
        ElementCreate(
            command.new_id("elt", one.kind), ElementKind(one.kind), one, pictures.get(one.kind, {})
        )
        for one in elements
    ]
    untried = []
    for number, (item, element) in enumerate(zip(taken, elements, strict=True)):
        check_form(product, element, f"elements.{number}.")
        known = latest.get(item.kind)
        if known is not None and known.element_id == item.id:
            continue
        check(item.kind, latest)
        if item.kind is ElementKind.LIVENESS:
            await LivenessChallengeRepository(tx).check_open(application.id, item.id, utc_now())
        untried.append(item.kind)
    if untried:
        await _check_attempts(tx, application, product, untried, subjects)
    await ElementRepository(tx).add(application.id, taken)
    named = {item.id: subjects[item.kind] for item in taken if item.kind in subjects}
    if named:
        await ElementAttemptRepository(tx).name(named)
    return tuple(ProvidedElement(element_id=item.id, kind=item.kind) for item in taken)


def was_lost(known: ElementStatus) -> bool:
    """Say whether an element may have been stored without reaching its process."""
    return known.verdict is None and known.submitted_at < utc_now() - _HANDED_OVER


async def store_code(
    tx: Transaction, command: Command, workflow_id: str, element_id: str, code: str
) -> ConfirmElement:
    """Store a code, encrypted, for the process that waits for it.

    Raises `NotFound` for an element that is none of the process's.
    """
    code_id = command.new_id("act", "code")
    data_import = (
        await DataImportRepository(tx).get(element_id) if is_id(element_id, "elt") else None
    )
    if data_import is None or data_import.workflow_id != workflow_id:
        raise NotFound("element")
    await DataImportRepository(tx).enter_code(code_id, element_id, code)
    return ConfirmElement(element_id=element_id, code_id=code_id)


async def _lock_subjects(
    tx: Transaction, application: ApplicationRow, elements: Iterable[Element]
) -> Subjects:
    """Return whom `elements` ask about; other requests of these persons wait for `tx`.

    A guarantor's asks about the guarantor, everything else about the real name that is given with
    it, or counts for the application: submitted, not only verified.
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


async def _check_attempts(
    tx: Transaction,
    application: ApplicationRow,
    product: AgreedProduct,
    kinds: Iterable[ElementKind],
    subjects: Subjects,
) -> None:
    """Raise `ElementLocked` while the person was wrong too often about one of the kinds."""
    now = utc_now()
    attempts = await ElementAttemptRepository(tx).of(
        {kind: subjects.get(kind) for kind in kinds}, application.id, application.applicant_id, now
    )
    for kind, made in attempts.items():
        until = locked_until(made, product.policy_of(kind).mismatches, now)
        if until is not None:
            raise ElementLocked(
                f"{kind} was wrong too often:"
                f" it is taken again from {until:%Y-%m-%d %H:%M:%S} UTC.",
                retry_after=until - now,
            )
