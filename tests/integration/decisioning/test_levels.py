"""Levels of customers on record (W32): a thousand people by night, events, a person's word."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from domain.decisioning.customer_levels import CUSTOMER_LEVELS, STANDARD_LEVELS, Level
from domain.people.principals import Principal
from messages import calls
from messages.ids import new_id
from messages.maintenance import Maintain
from runtime.clock import utc_now
from services.common.commands import Command
from services.decisioning.levels import level_changes, set_level, work_out_levels
from storage.database import Database
from storage.people.applicants import ApplicantRepository, ApplicantRow
from tests.api import seeds
from tests.definitions import forget, release, shipped
from tests.integration.story import Bench

OTTO = Principal("ops", "otto")
LEVELS = shipped(CUSTOMER_LEVELS, STANDARD_LEVELS)


async def work_out(database: Database, at: datetime | None = None) -> int:
    """Work out all that is due, and return how many changed."""
    changed = 0
    while True:
        async with database.transaction() as tx:
            part = await work_out_levels(tx, at or utc_now(), 300)
        changed += part.changed
        if part.looked_at < 300:
            return changed


async def person(database: Database, applicant_id: str) -> ApplicantRow:
    async with database.read() as tx:
        row = await ApplicantRepository(tx).get(applicant_id)
    assert row is not None
    return row


async def changes(database: Database, applicant_id: str) -> Sequence[Any]:
    async with database.read() as tx:
        return await level_changes(tx, OTTO, applicant_id)


async def borrower(database: Database, reference: str, *, days_ago: int = 10) -> seeds.Credit:
    today = utc_now().date()
    return await seeds.credit(
        database, "app", reference, disbursed_on=today - timedelta(days=days_ago)
    )


async def settle(database: Database, loan_id: str) -> None:
    """Let the record say that a loan was paid off on its due dates."""
    async with database.transaction() as tx:
        await tx.connection.execute(
            "update instalments set state = 'paid', paid_on = due_on where loan_id = $1", loan_id
        )
        await tx.connection.execute(
            "update loans set state = 'settled', settled_on = business_date where id = $1", loan_id
        )


async def test_a_released_rule_set_gives_a_thousand_people_their_level_once(
    database: Database, bench: Bench
) -> None:
    borrowers = [await borrower(database, new_id("per")) for _ in range(20)]
    people = [new_id("per") for _ in range(980)]
    async with database.transaction() as tx:
        for applicant_id in people:
            await ApplicantRepository(tx).get_or_create(applicant_id, "app", applicant_id)
    higher = LEVELS.model_copy(update={"otherwise": 2})
    try:
        await release(database, CUSTOMER_LEVELS, STANDARD_LEVELS, higher)
        forget(database)
        done = await bench.perform(calls.LEVEL_CUSTOMERS, Maintain(after=0))
        assert done.after is None
        assert done.changed >= 1000
        again = await bench.perform(calls.LEVEL_CUSTOMERS, Maintain(after=0))
        assert (again.changed, again.after) == (0, None)
    finally:
        await release(database, CUSTOMER_LEVELS, STANDARD_LEVELS, LEVELS)
        forget(database)
    assert {(await person(database, one.applicant_id)).level for one in borrowers} == {3}
    assert {(await person(database, one)).level for one in people} == {2}
    (change,) = await changes(database, people[0])
    assert (change.source, change.rule, change.level) == ("rules", None, 2)
    assert change.definition.startswith("customer_levels/standard@")


async def test_a_settled_loan_gives_another_level_at_the_next_run(database: Database) -> None:
    credit = await borrower(database, new_id("per"))
    await work_out(database)
    assert (await person(database, credit.applicant_id)).level == 3
    await settle(database, credit.loan_id)
    assert await work_out(database) == 1
    row = await person(database, credit.applicant_id)
    assert (row.level, row.labels) == (4, ("never_late",))
    kept = await changes(database, credit.applicant_id)
    assert [(one.level, one.rule) for one in kept] == [(4, "proved"), (3, "borrows")]


async def test_thirty_days_late_is_seen_on_its_day_though_nobody_records_anything(
    database: Database,
) -> None:
    """The first instalment of a loan of 15 January is due on 15 February."""
    credit = await seeds.credit(database, "app", new_id("per"), disbursed_on=date(2026, 1, 15))

    async def level_on(day: date) -> int:
        # Noon in Shanghai.
        await work_out(database, datetime.combine(day, time(4), tzinfo=UTC))
        return (await person(database, credit.applicant_id)).level

    assert await level_on(date(2026, 2, 1)) == 3
    assert await level_on(date(2026, 2, 16)) == 3
    assert await level_on(date(2026, 3, 16)) == 3
    assert await level_on(date(2026, 3, 17)) == 1


async def test_one_person_has_one_level_in_all_channels(database: Database) -> None:
    credit = await borrower(database, new_id("per"))
    other = new_id("per")
    identity = f"11010119900101{new_id('per')[-4:]}"
    async with database.transaction() as tx:
        await ApplicantRepository(tx).get_or_create(other, "acme", other)
        for applicant_id in (credit.applicant_id, other):
            await ApplicantRepository(tx).remember(applicant_id, identity_number=identity)
    await work_out(database)
    assert (await person(database, other)).level == 3
    await settle(database, credit.loan_id)
    assert await work_out(database) == 2
    assert (await person(database, other)).level == 4


async def test_what_a_person_set_wins_until_its_end(database: Database) -> None:
    credit = await borrower(database, new_id("per"))
    until = utc_now().date() + timedelta(days=10)
    command = Command(OTTO.subject, "tags", new_id("act"))
    async with database.transaction() as tx:
        await set_level(
            tx,
            OTTO,
            command,
            credit.applicant_id,
            Level(9, ("vip",), None),
            until=until,
            reason="a friend of the house",
        )
    await settle(database, credit.loan_id)
    await work_out(database)
    row = await person(database, credit.applicant_id)
    assert (row.level, row.labels, row.level_until) == (9, ("vip",), until)
    await work_out(database, datetime.combine(until + timedelta(days=1), time(4), tzinfo=UTC))
    row = await person(database, credit.applicant_id)
    assert (row.level, row.level_until) == (4, None)
    kept = await changes(database, credit.applicant_id)
    assert [one.source for one in kept] == ["rules", "person"]
    assert (kept[1].reason, kept[1].until) == ("a friend of the house", until)


async def test_the_history_is_never_changed(database: Database) -> None:
    credit = await borrower(database, new_id("per"))
    await work_out(database)
    for statement in (
        "update customer_level_changes set level = 9 where applicant_id = $1",
        "delete from customer_level_changes where applicant_id = $1",
    ):
        with pytest.raises(Exception, match="append-only"):
            async with database.transaction() as tx:
                await tx.connection.execute(statement, credit.applicant_id)
