"""Claims on a real PostgreSQL: of two who want one case, one gets it, and nobody keeps it for ever.

Sources: issue 12 (a claim of 15 minutes with heartbeat, released on expiry, reassigned by a
supervisor, final review by another person).
"""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.cases.cases import (
    CallResult,
    CallTooSoon,
    CaseClaimed,
    CaseKind,
    ClaimNeeded,
    LogEntry,
    SecondReviewerNeeded,
    Stage,
    UnknownScript,
)
from domain.cases.strategy import REVIEW_STRATEGY, ReviewStrategy, SecondPersonReason
from domain.people.authority import NotAuthorised
from domain.people.principals import Principal, StaffRole
from messages.ids import new_id
from runtime.clock import utc_now
from services.applications.reviews import open_review_of
from services.cases.claims import (
    claim_case,
    reassign_case,
    release_claim,
    renew_claim,
    require_claim,
    take_next,
)
from services.cases.finding import strategy_in_force
from services.cases.stages import escalate_case
from services.cases.worklog import add_note, record_call, worklog
from storage.cases import CaseRepository, CaseRow
from storage.common.repository import Transaction
from storage.database import Database
from storage.decisioning.lists import ListRepository
from storage.people.applicants import ApplicantRepository
from storage.people.staff import StaffRepository
from tests.api import seeds
from tests.definitions import release, shipped


async def reviewer(tx: Transaction, *skills: str, role: StaffRole = "reviewer") -> Principal:
    """Somebody new in the directory."""
    person_id = new_id("stf")
    handle = f"r-{person_id[-20:]}"
    people = StaffRepository(tx)
    await people.insert(person_id, handle, "Lin Canary", lender="own", branch="main")
    await people.give_role(person_id, role, "test")
    await people.set_skills(person_id, skills)
    return Principal(role, handle, person_id)


async def opened(tx: Transaction, channel: str = "app", minutes: int = 30) -> CaseRow:
    """A case of an application, due in some minutes."""
    start = await seeds.application(tx, channel, new_id("per"))
    now = utc_now()
    await open_review_of(tx, start.application_id, now, now + timedelta(minutes=minutes))
    row = await CaseRepository(tx).of_subject(CaseKind.REVIEW, start.application_id)
    assert row is not None
    return row


async def run_out(tx: Transaction, case_id: str) -> None:
    """Let a claim be over, as if its time had passed."""
    await tx.connection.execute(
        "update cases set claimed_until = now() - interval '1 second' where id = $1", case_id
    )


async def test_of_twenty_who_want_one_case_one_gets_it(database: Database) -> None:
    async with database.transaction() as tx:
        case = await opened(tx)
        people = [await reviewer(tx) for _ in range(20)]

    async def claim(person: Principal) -> bool:
        try:
            async with database.transaction() as tx:
                await claim_case(tx, person, case.id, new_id("act"))
        except CaseClaimed:
            return False
        return True

    won = await asyncio.gather(*(claim(person) for person in people))
    assert sum(won) == 1
    holder = people[won.index(True)]
    async with database.read() as tx:
        assert (await require_claim(tx, case.id, holder)).claimed_by == holder.actor
        log = await worklog(tx, case.id)
    assert [(one.entry, one.actor) for one in log] == [
        (LogEntry.OPENED, "system"),
        (LogEntry.CLAIMED, holder.actor),
    ]


async def test_who_asks_for_the_next_case_at_once_gets_another_one(database: Database) -> None:
    queue = f"q-{new_id('act')[-20:]}"
    async with database.transaction() as tx:
        cases = [await opened(tx, minutes=minutes) for minutes in (30, 10, 20, 40)]
        await tx.connection.execute(
            "update cases set queue = $2 where id = any($1::text[])",
            [one.id for one in cases],
            queue,
        )
        people = [await reviewer(tx) for _ in range(5)]

    async def pull(person: Principal) -> CaseRow | None:
        async with database.transaction() as tx:
            return await take_next(tx, person, new_id("act"), queue=queue)

    taken = await asyncio.gather(*(pull(person) for person in people))
    assert sorted(row.id for row in taken if row is not None) == sorted(one.id for one in cases)
    assert taken.count(None) == 1
    async with database.transaction() as tx:
        for one in cases:
            await run_out(tx, one.id)
    first = await pull(people[0])
    assert first is not None
    assert first.id == cases[1].id, "the one with the least time left comes first"


async def test_who_asks_for_the_next_case_again_by_the_same_key_has_the_same_case(
    database: Database,
) -> None:
    """An answer that was lost costs nobody a second case, nor do two requests at one instant."""
    queue = f"q-{new_id('act')[-20:]}"
    async with database.transaction() as tx:
        cases = [await opened(tx) for _ in range(4)]
        await tx.connection.execute(
            "update cases set queue = $2 where id = any($1::text[])",
            [one.id for one in cases],
            queue,
        )
        rita = await reviewer(tx)
    key = new_id("act")

    async def pull() -> CaseRow | None:
        async with database.transaction() as tx:
            return await take_next(tx, rita, key, queue=queue)

    taken = [*await asyncio.gather(pull(), pull(), pull()), await pull()]
    assert len({row.id for row in taken if row is not None}) == 1
    assert None not in taken
    async with database.read() as tx:
        held = await tx.connection.fetchval(
            "select count(*) from cases where claimed_by = $1", rita.actor
        )
    assert held == 1


async def test_a_claim_that_ran_out_is_anybodys_and_cannot_be_renewed(database: Database) -> None:
    async with database.transaction() as tx:
        case = await opened(tx)
        rita, rolf = await reviewer(tx), await reviewer(tx)
        held = await claim_case(tx, rita, case.id, new_id("act"))
        renewed = await renew_claim(tx, rita, case.id)
        assert held.claimed_until is not None
        assert renewed.claimed_until is not None
        assert renewed.claimed_until >= held.claimed_until
        with pytest.raises(CaseClaimed):
            await require_claim(tx, case.id, rolf)
        await run_out(tx, case.id)
        with pytest.raises(ClaimNeeded):
            await renew_claim(tx, rita, case.id)
        assert (await claim_case(tx, rolf, case.id, new_id("act"))).claimed_by == rolf.actor
        with pytest.raises(CaseClaimed):
            await renew_claim(tx, rita, case.id)
        # Who holds it no more cannot put it back.
        await release_claim(tx, rita, case.id, new_id("act"))
        assert (await require_claim(tx, case.id, rolf)).claimed_by == rolf.actor
        await release_claim(tx, rolf, case.id, new_id("act"))
        with pytest.raises(ClaimNeeded):
            await require_claim(tx, case.id, rolf)


async def test_the_final_stage_is_somebody_elses(database: Database) -> None:
    async with database.transaction() as tx:
        case = await opened(tx)
        rita, rolf, exempting = await reviewer(tx), await reviewer(tx), await reviewer(tx)
        await tx.connection.execute(
            "update cases set overridden_by = $2 where id = $1", case.id, [exempting.actor]
        )
        await claim_case(tx, rita, case.id, new_id("act"))
        key = new_id("act")
        passed = await escalate_case(tx, rita, case.id, "income abroad", key)
        assert (passed.stage, passed.claimed_by) == (Stage.FINAL, None)
        assert passed.second_reason is SecondPersonReason.ESCALATED
        assert await escalate_case(tx, rita, case.id, "income abroad", key) == passed
        for barred in (rita, exempting):
            with pytest.raises(SecondReviewerNeeded):
                await claim_case(tx, barred, case.id, new_id("act"))
        await claim_case(tx, rolf, case.id, new_id("act"))
        with pytest.raises(SecondReviewerNeeded):
            await escalate_case(tx, rolf, case.id, "and again", new_id("act"))


async def test_who_exempted_the_customer_from_a_rule_is_kept_from_the_final_stage(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        proposed, confirmed = await reviewer(tx), await reviewer(tx)
        start = await seeds.application(tx, "app", new_id("per"))
        change_id = new_id("lch")
        await tx.connection.execute(
            "insert into list_changes (id, action, reason, entries, state, proposed_by, decided_by,"
            " decided_at) values ($1, 'exempt', 'known', 1, 'confirmed', $2, $3, now())",
            change_id,
            proposed.actor,
            confirmed.actor,
        )
        now = utc_now()
        days = (now.date() - timedelta(days=1), now.date() + timedelta(days=1))
        await ListRepository(tx).exempt(change_id, start.applicant_id, "multi_head", *days)
        await open_review_of(tx, start.application_id, now, now + timedelta(minutes=30))
        case = await CaseRepository(tx).of_subject(CaseKind.REVIEW, start.application_id)
    assert case is not None
    assert set(case.overridden_by) == {proposed.actor, confirmed.actor}


async def test_an_exemption_counts_for_the_person_on_the_products_date(database: Database) -> None:
    """The person of another channel is the same one; 17:00 UTC is the next day in Shanghai."""
    number = new_id("per")
    at = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
    shanghai = date(2026, 3, 10)
    async with database.transaction() as tx:
        proposed, confirmed = await reviewer(tx), await reviewer(tx)
        exempted = await seeds.application(tx, "app", new_id("per"))
        start = await seeds.application(tx, "h5", new_id("per"))
        for one in (exempted, start):
            await ApplicantRepository(tx).remember(
                one.applicant_id,
                name="Lin Canary",
                identity_number=number,
                mobile="13900001111",
                bank_card="6222020000000000000",
            )
        change_id = new_id("lch")
        await tx.connection.execute(
            "insert into list_changes (id, action, reason, entries, state, proposed_by, decided_by,"
            " decided_at) values ($1, 'exempt', 'known', 1, 'confirmed', $2, $3, now())",
            change_id,
            proposed.actor,
            confirmed.actor,
        )
        days = (shanghai, shanghai)
        await ListRepository(tx).exempt(change_id, exempted.applicant_id, "multi_head", *days)
        await open_review_of(tx, start.application_id, at, at + timedelta(minutes=30))
        case = await CaseRepository(tx).of_subject(CaseKind.REVIEW, start.application_id)
    assert case is not None
    assert set(case.overridden_by) == {proposed.actor, confirmed.actor}


async def test_a_supervisor_gives_a_case_to_somebody_else(database: Database) -> None:
    async with database.transaction() as tx:
        case = await opened(tx)
        rita, rolf = await reviewer(tx), await reviewer(tx)
        senior, otto = await reviewer(tx, "senior"), await reviewer(tx, role="ops")
        await claim_case(tx, rita, case.id, new_id("act"))
        with pytest.raises(NotAuthorised):
            await reassign_case(tx, rita, case.id, rolf.subject, "mine no more", new_id("act"))
        for supervisor in (senior, otto):
            given = await reassign_case(
                tx, supervisor, case.id, rolf.subject, "on leave", new_id("act")
            )
            assert (given.assigned_to, given.claimed_by) == (rolf.actor, None)
        with pytest.raises(ClaimNeeded):
            await require_claim(tx, case.id, rita)


async def test_cases_go_to_who_has_the_fewest_up_to_the_limit(database: Database) -> None:
    strategy = shipped(REVIEW_STRATEGY, "standard")
    skill = f"s{new_id('act')[-20:]}"
    queue = strategy.queues[0].model_copy(update={"skill": skill})
    least = strategy.model_copy(
        update={
            "assignment": "least_loaded",
            "max_open": 2,
            "queues": (queue, strategy.queues[1]),
        }
    )
    async with database.transaction() as tx:
        people = [await reviewer(tx, skill) for _ in range(2)]
        await reviewer(tx)
    await _in_force(database, least)
    try:
        assigned = []
        for _ in range(5):
            async with database.transaction() as tx:
                assigned.append((await opened(tx)).assigned_to)
    finally:
        await _in_force(database, strategy)
    assert sorted(assigned[:4], key=str) == sorted([one.actor for one in people] * 2)
    assert assigned[0] != assigned[1]
    assert assigned[4] is None, "everybody has as many as they may"


async def test_calls_and_notes_are_in_the_worklog(database: Database) -> None:
    async with database.transaction() as tx:
        case = await opened(tx)
        rita = await reviewer(tx)
        say = {"who": "applicant", "script": "identity", "note": "knows the address"}
        with pytest.raises(ClaimNeeded):
            await record_call(tx, rita, case.id, **say, result=CallResult.BUSY, key=new_id("act"))
        await claim_case(tx, rita, case.id, new_id("act"))
        with pytest.raises(UnknownScript):
            await record_call(
                tx, rita, case.id, **say | {"script": "gossip"}, result=CallResult.BUSY, key="k"
            )
        key = new_id("act")
        for _ in range(2):
            await record_call(tx, rita, case.id, **say, result=CallResult.VERIFIED, key=key)
        with pytest.raises(CallTooSoon):
            await record_call(
                tx, rita, case.id, **say, result=CallResult.VERIFIED, key=new_id("act")
            )
        # Another person may be called meanwhile.
        await record_call(
            tx,
            rita,
            case.id,
            **say | {"who": "employer"},
            result=CallResult.NO_ANSWER,
            key=new_id("act"),
        )
        await add_note(tx, rita, case.id, "income from Lin's shop", new_id("act"))
        log = await worklog(tx, case.id)
        encrypted = await tx.connection.fetchval(
            "select text_enc from case_log where case_id = $1 and entry = 'note'", case.id
        )
    assert [one.entry for one in log[2:]] == [LogEntry.CALL, LogEntry.CALL, LogEntry.NOTE]
    assert (log[2].detail, log[2].text) == (
        {"who": "applicant", "script": "identity", "result": "verified"},
        "knows the address",
    )
    assert log[-1].text == "income from Lin's shop"
    assert b"shop" not in encrypted


async def _in_force(database: Database, strategy: ReviewStrategy) -> None:
    """Release a strategy and wait until this process knows it."""
    await release(database, REVIEW_STRATEGY, "standard", strategy)
    async with asyncio.timeout(10):
        while True:
            async with database.read() as tx:
                if (await strategy_in_force(tx)).content == strategy:
                    return
            await asyncio.sleep(0.02)
