"""Opening and ending the case in which an application is reviewed."""

from datetime import datetime

from domain.cases.cases import CaseKind, CaseOutcome
from domain.common.calendar import business_date
from domain.decisioning.decision import Outcome
from services.cases.opening import Reviewed, open_review
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRepository
from storage.cases import CaseRepository
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.decisioning.decisions import DecisionRepository
from storage.decisioning.lists import ListRepository


async def open_review_of(
    tx: Transaction, application_id: str, opened_at: datetime, due_at: datetime
) -> None:
    """Open the case of an application, with what its automatic decision said."""
    row = await ApplicationRepository(tx).get(application_id)
    if row is None:
        raise RecordMissing(f"no application {application_id}")
    decided = await DecisionRepository(tx).decision(application_id, "automatic", 1)
    product = await product_of(tx, row)
    hits = decided.hits if decided is not None else ()
    reviewed = Reviewed(
        application_id=row.id,
        product=row.product,
        channel=row.channel,
        currency=row.currency,
        amount=row.amount,
        instalments=row.instalments,
        score=decided.score if decided is not None else None,
        rules=tuple(hit.rule for hit in hits if hit.outcome is not Outcome.APPROVE),
        overridden_by=await ListRepository(tx).people_behind_exemptions(
            row.applicant_id, business_date(opened_at, product.zone)
        ),
    )
    await open_review(tx, reviewed, opened_at, due_at)


async def is_rejected_by_person(tx: Transaction, application_id: str) -> bool:
    """Say whether a reviewer rejected an application."""
    case = await CaseRepository(tx).of_subject(CaseKind.REVIEW, application_id)
    return case is not None and case.outcome is CaseOutcome.REJECTED
