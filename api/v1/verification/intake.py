"""Taking elements in: stored before their process hears of them, and shown as they stand after."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final

from api.http.errors import not_found
from api.http.idempotency import Command
from api.v1.applications.schemas import ElementAnswer
from api.v1.applications.views import element_answers
from api.v1.people.consenting import require_consents
from api.v1.verification.limits import check_tries, lock_subjects
from domain.applications.application import check_form
from domain.people.consents import Purpose
from domain.products.products import AgreedProduct
from domain.verification.element_policies import consents_needed
from domain.verification.elements import Element, ElementKind
from messages.applications import ProvidedElement
from messages.ids import is_id
from messages.verification import ConfirmElement, ElementOutcome
from runtime.clock import utc_now
from services.products.agreed import agreed_product
from storage.applications.applications import ApplicationRow
from storage.common.repository import Transaction
from storage.verification.captures import CaptureRepository
from storage.verification.element_tries import ElementTryRepository
from storage.verification.elements import ElementRepository, ElementStatus
from storage.verification.liveness_challenges import LivenessChallengeRepository

_HANDED_OVER: Final = timedelta(minutes=2)
"""After this long an unverified element is known to its process, or never will be."""

Check = Callable[[ElementKind, Mapping[ElementKind, ElementStatus]], None]
"""Raises where an element of a kind cannot be taken, given those that count by now."""


async def store_elements(
    tx: Transaction,
    application: ApplicationRow,
    elements: Iterable[Element],
    command: Command,
    check: Check,
) -> tuple[ProvidedElement, ...]:
    """Store elements of an application, unless one of them cannot be taken: then none is.

    Those that this command stored before are not checked again. Raises what `check` raises,
    `ElementRefused`, `ConsentMissing`, and the problem `element_locked`.
    """
    product = await agreed_product(tx, application)
    elements = tuple(elements)
    purposes: dict[str, Purpose] = {}
    for one in elements:
        purposes |= consents_needed(product.policy_of(ElementKind(one.kind)), one)
    await require_consents(tx, application.applicant_id, purposes)
    subjects = await lock_subjects(tx, application, elements)
    latest = {status.kind: status for status in await ElementRepository(tx).latest(application.id)}
    provided = []
    for number, element in enumerate(elements):
        check_form(product, element, f"elements.{number}.")
        kind = ElementKind(element.kind)
        item = ProvidedElement(element_id=command.new_id("elt", kind), kind=kind)
        known = latest.get(kind)
        if known is None or known.element_id != item.element_id:
            check(kind, latest)
            if kind is ElementKind.LIVENESS:
                await LivenessChallengeRepository(tx).check_open(
                    application.id, item.element_id, utc_now()
                )
            await check_tries(tx, application, product, kind, subjects)
        await ElementRepository(tx).insert(item.element_id, application.id, kind, element)
        if kind in subjects:
            await ElementTryRepository(tx).name(item.element_id, subjects[kind])
        provided.append(item)
    return tuple(provided)


def was_lost(known: ElementStatus) -> bool:
    """Say whether an element may have been stored without reaching its process."""
    return known.verdict is None and known.submitted_at < utc_now() - _HANDED_OVER


async def enter_code(
    tx: Transaction, workflow_id: str, element_id: str, code: str, command: Command
) -> ConfirmElement:
    """Keep a code, sealed, for the process that waits for it; an unknown element is a 404."""
    code_id = command.new_id("act", "code")
    capture = await CaptureRepository(tx).get(element_id) if is_id(element_id, "elt") else None
    if capture is None or capture.workflow_id != workflow_id:
        raise not_found("element")
    await CaptureRepository(tx).enter_code(code_id, element_id, code)
    return ConfirmElement(element_id=element_id, code_id=code_id)


async def answers_of(
    tx: Transaction,
    application_id: str,
    product: AgreedProduct,
    wanted: set[str],
    told: Iterable[ElementOutcome],
    *,
    for_staff: bool = False,
) -> list[ElementAnswer]:
    """Return where elements stand, with what only their sources' answers `told` say."""
    latest = await ElementRepository(tx).latest(application_id)
    statuses = [item for item in latest if item.element_id in wanted]
    outcomes = {outcome.element_id: outcome for outcome in told}
    return [
        _with_reason(element, outcomes.get(element.element_id))
        for element in await element_answers(tx, statuses, product, for_staff=for_staff)
    ]


def _with_reason(element: ElementAnswer, outcome: ElementOutcome | None) -> ElementAnswer:
    """Add what only the source's answer says: that a code was wrong."""
    if outcome is None or element.reason or element.verdict is not outcome.verdict:
        return element
    return element.model_copy(update={"reason": outcome.reason})
