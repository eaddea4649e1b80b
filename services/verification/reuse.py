"""Reusing what a person had verified before: by reference, audited, never another person's."""

from collections.abc import Iterable
from datetime import date, datetime

from domain.applications.application import is_provided
from domain.applications.reusable_verifications import EarlierVerification, usable_verifications
from domain.products.products import AgreedProduct
from domain.verification import elements as forms
from domain.verification.elements import Element, ElementKind, Verdict
from messages import ids
from storage.applications.applications import ApplicationRow
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from storage.verification.elements import ElementRepository, ElementStatus


async def reuse_verifications(
    tx: Transaction,
    application: ApplicationRow,
    product: AgreedProduct,
    kinds: Iterable[ElementKind],
    on: date,
    at: datetime,
) -> list[ElementStatus]:
    """Let earlier verifications of `kinds` that count on the date `on` count for an application.

    What the applicant does not consent to now is not used again.
    Returns every element of `kinds` that the application reuses, those of an earlier call too. What
    was provided for the application itself, or is being verified, is left alone.
    """
    wanted = tuple(kinds)
    before = {status.kind: status for status in await ElementRepository(tx).latest(application.id)}
    open_kinds = [kind for kind in wanted if not _stands(product, before.get(kind))]
    verified = await ElementRepository(tx).verified_earlier(application.applicant_id)
    earlier = [item for item in verified if item.application_id != application.id]
    consented = await ConsentRepository(tx).purposes_in_force(application.applicant_id)
    own = usable_verifications(
        product, product.kinds, earlier, on, consented=consented, is_present=False
    )
    is_present = _is_present(product, before.values(), own)
    usable = usable_verifications(
        product, open_kinds, earlier, on, consented=consented, is_present=is_present
    )
    for item in usable:
        if await ElementRepository(tx).reuse(application.id, item, item.counts_until(product), at):
            await _follow_up(tx, application, item, at)
    return [
        status
        for status in await ElementRepository(tx).latest(application.id)
        if status.reused and status.kind in wanted
    ]


def _stands(product: AgreedProduct, status: ElementStatus | None) -> bool:
    """Say whether a kind has been provided or is being verified for the application itself."""
    if status is None:
        return False
    is_open = status.verdict is None or status.verdict.is_open
    return is_open or is_provided(product, status.kind, status.verdict, status.reason)


def _is_present(
    product: AgreedProduct, provided: Iterable[ElementStatus], own: Iterable[EarlierVerification]
) -> bool:
    matched = {status.kind for status in provided if status.verdict is Verdict.MATCH}
    matched.update(item.kind for item in own)
    return any(product.policy_of(kind).proves_presence for kind in matched)


async def _follow_up(
    tx: Transaction, application: ApplicationRow, item: EarlierVerification, at: datetime
) -> None:
    if not item.own:
        element = await ElementRepository(tx).get(item.element_id)
        assert element is not None  # noqa: S101 -- a verification refers to it
        await _remember(tx, application.applicant_id, element.data)
    aggregate = ids.application_workflow(application.id)
    detail = {
        "kind": item.kind,
        "element_id": item.element_id,
        "verified_at": item.verified_at.isoformat(),
        "from_application": item.application_id,
        "at": at.isoformat(),
    }
    await AuditRepository(tx).add(
        actor="system",
        role="system",
        action="reuse_element",
        subject=aggregate,
        outcome="accepted",
        detail=detail,
        key=f"{aggregate}:reused:{item.element_id}",
    )
    await OutboxRepository(tx).add(
        aggregate, "element_reused", f"{aggregate}:element_reused:{item.element_id}", detail
    )


async def _remember(tx: Transaction, applicant_id: str, data: Element) -> None:
    """Store with this applicant what the same person had verified in another channel."""
    match data:
        case forms.RealName():
            await ApplicantRepository(tx).remember(
                applicant_id, name=data.name, identity_number=data.identity_number
            )
        case forms.Operator():
            await ApplicantRepository(tx).remember(applicant_id, mobile=data.mobile)
        case forms.BankCard():
            await ApplicantRepository(tx).remember(applicant_id, bank_card=data.card_number)
        case _:
            pass
