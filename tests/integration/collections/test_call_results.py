"""What came of a call is recorded once, whoever says it first."""

import asyncio

import pytest

from domain.collections import TaskClosed
from domain.common.errors import NotFound
from domain.people.principals import Principal
from messages.ids import loan_workflow, new_id
from services.collections import record_call_result
from storage.collections import CollectionActionRepository, CollectionActionRow
from storage.common.audit import AuditRepository
from storage.database import Database
from tests.api import seeds
from tests.integration.commands import CARL, CORA


async def finish(
    database: Database, caller: Principal, task_id: str, result: str
) -> CollectionActionRow:
    async with database.transaction() as tx:
        return await record_call_result(tx, caller, task_id, result=result, note=None)


async def test_of_two_collectors_at_once_one_closes_the_task(database: Database) -> None:
    credit = await seeds.credit(database, "app", "alice")
    ends = await asyncio.gather(
        finish(database, CARL, credit.task_id, "promised"),
        finish(database, CORA, credit.task_id, "promised"),
        return_exceptions=True,
    )
    [closed] = [end for end in ends if isinstance(end, CollectionActionRow)]
    assert [type(end) for end in ends if isinstance(end, Exception)] == [TaskClosed]
    async with database.read() as tx:
        audited = await AuditRepository(tx).of(loan_workflow(credit.loan_id))
    assert [(one.actor, one.outcome) for one in audited] == [(closed.handled_by, "promised")]


async def test_the_same_result_again_changes_nothing(database: Database) -> None:
    credit = await seeds.credit(database, "app", "alice")
    first = await finish(database, CARL, credit.task_id, "no_answer")
    assert await finish(database, CARL, credit.task_id, "no_answer") == first
    with pytest.raises(TaskClosed):
        await finish(database, CARL, credit.task_id, "paid")
    async with database.read() as tx:
        assert len(await AuditRepository(tx).of(loan_workflow(credit.loan_id))) == 1


async def test_what_is_no_open_call_is_refused(database: Database) -> None:
    credit = await seeds.credit(database, "app", "alice")
    for unknown in (new_id("act"), "nothing", credit.loan_id):
        with pytest.raises(NotFound):
            await finish(database, CARL, unknown, "promised")
    async with database.transaction() as tx:
        await CollectionActionRepository(tx).cancel_open(credit.loan_id, 1)
    with pytest.raises(TaskClosed, match="cancelled"):
        await finish(database, CARL, credit.task_id, "promised")
