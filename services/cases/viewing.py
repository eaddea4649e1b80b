"""Who may look into a case, and the record of each look, written before anything is shown.

The reviewer who holds the case sees all of it. A supervisor (role `ops`) reads it without pictures
and files, whoever holds it and also when it is closed. Nobody else does.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.common.errors import NotFound
from domain.people.principals import Principal
from domain.people.views import (
    UNMASKED_FOR,
    MaskedField,
    ViewKind,
    ViewPurpose,
    check_may_view,
)
from runtime.clock import utc_now
from services.cases.claims import require_claim
from services.cases.finding import find_case
from services.people.handles import with_handles
from services.people.ownership import find_applicant
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.cases import CaseRow
from storage.common.repository import Transaction
from storage.people.views import ViewRepository, ViewRow


@dataclass(frozen=True)
class OpenedCase:
    """A case that the caller may look into; its holder also sees pictures and files."""

    case: CaseRow
    application: ApplicationRow
    is_held: bool


async def open_case(tx: Transaction, caller: Principal, case_id: str) -> OpenedCase:
    """Return a case that the caller holds, or that a supervisor looks into.

    Raises `NotFound`, `CaseClosed`, `CaseClaimed` and `ClaimNeeded`.
    """
    is_supervisor = caller.role == "ops"
    if is_supervisor:
        case = await find_case(tx, case_id)
    else:
        case = await require_claim(tx, case_id, caller)
    application = await ApplicationRepository(tx).get(case.subject)
    if application is None:
        raise NotFound("case")
    return OpenedCase(case, application, is_held=not is_supervisor)


async def record_view(
    tx: Transaction,
    caller: Principal,
    opened: OpenedCase,
    kind: ViewKind,
    *,
    item: str | None = None,
    size: int = 0,
    purpose: ViewPurpose | None = None,
    until: datetime | None = None,
) -> datetime:
    """Record that the caller looks at something now, and return when.

    Raises `ViewLimitReached`; then nothing may be shown.
    """
    at = utc_now()
    views = ViewRepository(tx)
    counted = await views.count(caller.actor, kind, at)
    check_may_view(kind, counted.views, counted.viewed_bytes)
    await views.add(
        applicant_id=opened.application.applicant_id,
        case_id=opened.case.id,
        viewer=caller.actor,
        role=caller.role,
        kind=kind,
        at=at,
        item=item,
        purpose=purpose,
        size=size,
        until=until,
    )
    return at


async def unmask(
    tx: Transaction, caller: Principal, case_id: str, field: MaskedField, purpose: ViewPurpose
) -> datetime:
    """Let the document show a field in full to the caller, and return until when.

    Raises what `require_claim` raises, and `ViewLimitReached`.
    """
    await require_claim(tx, case_id, caller)
    opened = await open_case(tx, caller, case_id)
    until = utc_now() + UNMASKED_FOR
    await record_view(
        tx, caller, opened, ViewKind.UNMASKED, item=field, purpose=purpose, until=until
    )
    return until


async def views_of(
    tx: Transaction, caller: Principal, applicant_id: str, before: int | None, limit: int
) -> list[ViewRow]:
    """Return who looked at a person's data, in whatever channel, the newest look first.

    Raises `NotFound`.
    """
    applicant = await find_applicant(tx, caller, applicant_id)
    rows = await ViewRepository(tx).of(applicant.id, before, limit)
    return await with_handles(tx, rows, "viewer")
