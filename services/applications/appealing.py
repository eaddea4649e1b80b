"""Appealing: an automated rejection goes to a person, once, as long as the table of codes lets it.

The process of a rejected application has ended: an appeal begins it anew, in review.
"""

from datetime import datetime

from domain.applications.appeals import AppealRefused, check_may_appeal
from domain.applications.application import ApplicationState, Waiting
from domain.people.principals import Principal
from messages.applications import StartApplication
from messages.ids import application_workflow
from services.applications.applying import start_of_application
from services.applications.finding import find_application
from services.applications.reviews import is_rejected_by_person, open_review_of
from services.decisioning.rules import reject_codes_in_force
from services.products.agreed import product_of
from storage.applications.appeals import AppealRepository
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository
from storage.processes import ProcessRepository


async def appeal(
    tx: Transaction, caller: Principal, application_id: str, reason: str, at: datetime
) -> StartApplication | None:
    """Put a rejected application into review; return what starts its process anew.

    A repeat returns the same while the review is open, and None once it is over. Raises `NotFound`
    and `AppealRefused`.
    """
    await find_application(tx, caller, application_id)
    row = await ApplicationRepository(tx).for_update(application_id)
    assert row is not None  # noqa: S101 -- it was found just now, and none is ever deleted
    made = await AppealRepository(tx).get(application_id)
    if made is not None and (made.made_by, AppealRepository(tx).reason(made)) == (
        caller.actor,
        reason,
    ):
        return None if row.state.is_final else await start_of_application(tx, row)
    if made is not None:
        raise AppealRefused("This application was appealed before: once is the limit.")
    check_may_appeal(
        row.state,
        row.rejection,
        row.changed_at,
        at,
        await reject_codes_in_force(tx),
        by_person=await is_rejected_by_person(tx, row.id),
    )
    await ApplicantRepository(tx).lock(row.applicant_id)
    other = await ApplicationRepository(tx).pending_of(
        row.applicant_id, row.product, except_for=row.id
    )
    if other is not None:
        raise AppealRefused("Another application of yours for this product is not over.")
    return await _into_review(tx, caller, row, reason, at)


async def _into_review(
    tx: Transaction, caller: Principal, row: ApplicationRow, reason: str, at: datetime
) -> StartApplication:
    rejection = row.rejection
    assert rejection is not None  # noqa: S101 -- checked by the caller
    await AppealRepository(tx).make(
        row.id,
        reason,
        reject_code=rejection.code,
        reapply_on=rejection.reapply_on,
        made_by=caller.actor,
        made_at=at,
    )
    state_seq = row.state_seq + 1
    await ApplicationRepository(tx).set_state(
        row.id, ApplicationState.IN_REVIEW, Waiting.REVIEWER, state_seq, at
    )
    product = await product_of(tx, row)
    await open_review_of(tx, row.id, at, at + product.content.review_within)
    # A process that runs again is looked for again, should its start be lost.
    workflow_id = application_workflow(row.id)
    await ProcessRepository(tx).forget(workflow_id)
    await AuditRepository(tx).add_by(
        caller, "appeal", workflow_id, detail={"reject_code": rejection.code}
    )
    await OutboxRepository(tx).add(
        workflow_id,
        "state_changed",
        f"{workflow_id}:state_changed:{state_seq}",
        {
            "application_id": row.id,
            "state": ApplicationState.IN_REVIEW,
            "waiting": Waiting.REVIEWER,
            "state_seq": state_seq,
            "at": at.isoformat(),
            "rejection": None,
            "line_id": None,
        },
    )
    appealed = await ApplicationRepository(tx).get(row.id)
    assert appealed is not None  # noqa: S101 -- as above
    return await start_of_application(tx, appealed)
