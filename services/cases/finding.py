"""Cases and the strategy they follow."""

from domain.cases.strategy import REVIEW_STRATEGY, STANDARD_STRATEGY, ReviewStrategy
from domain.common.definitions import Agreed
from domain.common.errors import NotFound
from services.people.ownership import require_id
from storage.cases import CaseRepository, CaseRow
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository
from storage.people.staff import StaffRepository


async def find_case(tx: Transaction, case_id: str) -> CaseRow:
    """Return a case; raises `NotFound`."""
    require_id(case_id, "cas", "case")
    row = await CaseRepository(tx).get(case_id)
    if row is None:
        raise NotFound("case")
    return row


async def lock_case(tx: Transaction, case_id: str) -> CaseRow:
    """Return a case locked until the transaction ends; raises `NotFound`."""
    require_id(case_id, "cas", "case")
    row = await CaseRepository(tx).for_update(case_id)
    if row is None:
        raise NotFound("case")
    return row


def found_case(case: CaseRow | None, subject: str) -> CaseRow:
    """Return a case that has to be on record; raises `RecordMissing` naming its subject."""
    if case is None:
        raise RecordMissing(f"no case of {subject} on record")
    return case


async def strategy_in_force(tx: Transaction) -> Agreed[ReviewStrategy]:
    """Return the strategy that reviews follow now."""
    return await DefinitionRepository(tx).in_force(REVIEW_STRATEGY, STANDARD_STRATEGY)


async def skills_of(tx: Transaction, person: str) -> frozenset[str]:
    """Return the skills that the directory knows of a person, by id; none of anybody else."""
    row = await StaffRepository(tx).get(person)
    return frozenset(row.skills) if row is not None else frozenset()
