"""Cases as colleagues read them: people by their handles."""

from domain.cases.cases import CaseKind, Stage
from services.people.handles import with_handles
from storage.cases import CaseRepository, CaseRow
from storage.common.repository import Transaction
from storage.common.rows import Cursor

_PEOPLE = ("assigned_to", "claimed_by", "initial_by", "decided_by")


async def shown(tx: Transaction, row: CaseRow) -> CaseRow:
    """Return a case with people's handles."""
    [found] = await with_handles(tx, [row], *_PEOPLE)
    return found


async def list_open_cases(
    tx: Transaction,
    after: Cursor | None,
    limit: int,
    *,
    kind: CaseKind | None = None,
    queue: str | None = None,
    stage: Stage | None = None,
    channel: str | None = None,
    product: str | None = None,
    assigned_to: str | None = None,
    claimed_by: str | None = None,
) -> list[CaseRow]:
    """Return a page of the open cases, the one with the least time left at the head.

    `assigned_to` and `claimed_by` are people's handles.
    """
    rows = await CaseRepository(tx).page(
        after,
        limit,
        kind=kind,
        queue=queue,
        stage=stage,
        channel=channel,
        product=product,
        assigned_to=assigned_to,
        claimed_by=claimed_by,
    )
    return await with_handles(tx, rows, *_PEOPLE)
