"""A source that is suspended is not asked: it counts as switched off until that is lifted."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from domain.common.suspensions import Suspendable
from domain.people.principals import Principal
from domain.verification.elements import Verdict
from sandbox.personas import person
from services.definitions.suspending import lift, suspend
from storage.sources import EnquiryRepository
from tests.integration.story import Bench, applicant, real_name

OTTO = Principal("ops", "otto")


async def test_it_is_not_asked_on_running_processes_either(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 5990))
    async with bench.database.transaction() as tx:
        await suspend(tx, OTTO, Suspendable.SOURCE, "real_name", reason="wrong answers")
    # Processes know within a second.
    await asyncio.sleep(1.1)
    with pytest.raises(ApplicationError, match="switched_off"):
        await known.verify(real_name(known.person))
    async with bench.database.read() as tx:
        assert await EnquiryRepository(tx).of_application(known.start.application_id) == []
    async with bench.database.transaction() as tx:
        await lift(tx, OTTO, Suspendable.SOURCE, "real_name", reason="mended")
    await asyncio.sleep(1.1)
    assert (await known.verify(real_name(known.person))).verdict is Verdict.MATCH
