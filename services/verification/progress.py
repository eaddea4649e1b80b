"""The state of elements, as their applicant and the lender's people are shown them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from domain.applications.application import ElementRecord
from domain.applications.reusable_verifications import counts_until
from domain.products.products import AgreedProduct
from domain.verification.elements import ElementKind, Verdict
from messages.verification import ElementOutcome
from storage.applications.supplements import SupplementRow
from storage.common.repository import Transaction
from storage.verification.data_imports import DataImportRepository
from storage.verification.elements import ElementRepository, ElementStatus

_NOT_SHOWN: Final = frozenset({"agreement_no"})
"""What of the facts is a key to somebody's account and nothing to judge by."""


@dataclass(frozen=True)
class ElementProgress:
    """The state of one kind of element; nothing of what was given is shown again.

    `counts_until` is the last business date on which a match counts for a new application,
    `authorise_url` the source's page on which the applicant is to agree. `facts` and `provider`,
    what the source answered and who it is, are for staff and None to everybody else.
    """

    status: ElementStatus
    verdict: Verdict
    reason: str | None
    counts_until: date | None
    authorise_url: str | None
    facts: Mapping[str, Any] | None
    provider: str | None


async def progress_of(
    tx: Transaction,
    statuses: Iterable[ElementStatus],
    product: AgreedProduct,
    outcomes: Iterable[ElementOutcome] = (),
    *,
    for_staff: bool = False,
) -> list[ElementProgress]:
    """Return the state of elements, with what only their process's `outcomes` say."""
    by_element = {outcome.element_id: outcome for outcome in outcomes}
    return [
        ElementProgress(
            status=status,
            verdict=status.verdict or Verdict.PENDING,
            reason=_reason(status, by_element.get(status.element_id)),
            counts_until=last_day(status, product),
            authorise_url=(
                await DataImportRepository(tx).authorise_url(status.element_id)
                if status.verdict is None and product.policy_of(status.kind).imported
                else None
            ),
            facts=_shown(status.facts) if for_staff else None,
            provider=status.provider if for_staff else None,
        )
        for status in statuses
    ]


async def progress_of_given(
    tx: Transaction,
    application_id: str,
    product: AgreedProduct,
    element_ids: set[str],
    outcomes: Iterable[ElementOutcome] = (),
    *,
    for_staff: bool = False,
) -> list[ElementProgress]:
    """Return the same of those elements of an application that are named."""
    latest = await ElementRepository(tx).latest(application_id)
    statuses = [status for status in latest if status.element_id in element_ids]
    return await progress_of(tx, statuses, product, outcomes, for_staff=for_staff)


def last_day(status: ElementStatus, product: AgreedProduct) -> date | None:
    """Return the last business date on which an element counts; None while it does not match."""
    if status.verdict is Verdict.MATCH and status.verified_at and not status.reused:
        return counts_until(product, status.kind, status.verified_at, status.valid_until)
    return status.counts_until


def element_records(
    statuses: Iterable[ElementStatus], supplement: SupplementRow | None
) -> dict[ElementKind, ElementRecord]:
    """Return what is recorded of elements in the process's own form.

    What a reviewer asked for again counts only as provided since.
    """
    return {
        status.kind: ElementRecord(
            kind=status.kind,
            element_id=status.element_id,
            attempts=status.attempt,
            mismatches=status.mismatches,
            verdict=status.verdict or Verdict.PENDING,
            reason=status.reason,
            reused=status.reused,
        )
        for status in statuses
        if supplement is None
        or status.kind not in supplement.kinds
        or status.submitted_at >= supplement.requested_at
    }


def _reason(status: ElementStatus, outcome: ElementOutcome | None) -> str | None:
    """Return the reason, also one that only the source's answer says: that a code was wrong."""
    verdict = status.verdict or Verdict.PENDING
    if outcome is None or status.reason or verdict is not outcome.verdict:
        return status.reason
    return outcome.reason


def _shown(facts: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if facts is None:
        return None
    return {name: fact for name, fact in facts.items() if name not in _NOT_SHOWN}
