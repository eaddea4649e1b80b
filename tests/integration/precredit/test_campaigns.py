"""Campaigns grant people with a good history one limit each, within caps, whatever dies."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from domain.common.suspensions import Suspendable
from domain.people.principals import Principal
from domain.precredit import CAMPAIGN, Campaign
from messages import calls
from messages.maintenance import Maintain, Maintained
from runtime.clock import utc_now
from runtime.failpoints import FailpointError
from sandbox.personas import person
from services.definitions.suspending import lift, suspend
from services.precredit import preapprovals_of
from storage.messaging.outbox import CustomerMessageRepository
from storage.people.applicants import ApplicantRepository
from storage.precredit import PreapprovalRow
from tests.api import seeds
from tests.definitions import forget, release, shipped
from tests.integration.conftest import Arm
from tests.integration.story import Bench, consent_to_everything

OTTO = Principal("ops", "otto")
RETURNING = shipped(CAMPAIGN, "returning")


async def repaid(bench: Bench, index: int, *, state: str = "settled", late: int = 0) -> str:
    """A person of whom one loan is on record, paid so many days late."""
    who = person("approved", index)
    credit = await seeds.credit(bench.database, "app", f"precredit-{index}")
    async with bench.database.transaction() as tx:
        await ApplicantRepository(tx).remember(
            credit.applicant_id, identity_number=who.identity_number, mobile=who.mobile
        )
        await consent_to_everything(tx, credit.applicant_id)
        await tx.connection.execute(
            "update applications set state = 'accepted' where id = $1", credit.application_id
        )
        if state == "settled":
            await tx.connection.execute(
                "update loans set state = 'settled', settled_on = disbursed_on + 300 where id = $1",
                credit.loan_id,
            )
            await tx.connection.execute(
                "update instalments set state = 'paid', paid_on = due_on + $2::int"
                " where loan_id = $1",
                credit.loan_id,
                late,
            )
    return credit.applicant_id


async def new_day(bench: Bench) -> None:
    """Let every campaign begin its day again."""
    async with bench.database.transaction() as tx:
        await tx.connection.execute("delete from campaign_days")


async def run(bench: Bench) -> int:
    """One run of the job, as its workflow makes it; return how many limits it granted."""
    ahead, granted = Maintain(after=0), 0
    while True:
        part: Maintained = await bench.perform(calls.GRANT_PREAPPROVALS, ahead)
        granted += part.changed
        if part.after is None:
            return granted
        ahead = Maintain(after=part.after, passed=part.passed)


async def be(bench: Bench, campaign: Campaign) -> None:
    """Release a version of the campaign, and let this process know of it at once."""
    await release(bench.database, CAMPAIGN, "returning", campaign)
    forget(bench.database)


async def limits(bench: Bench, applicant_id: str) -> Sequence[PreapprovalRow]:
    async with bench.database.read() as tx:
        return await preapprovals_of(tx, OTTO, applicant_id, None, 20)


async def test_who_paid_back_is_granted_the_limit_again_and_told_once(bench: Bench) -> None:
    applicant_id = await repaid(bench, 1450)
    await new_day(bench)
    await run(bench)
    await new_day(bench)
    await asyncio.gather(run(bench), run(bench))
    (limit,) = await limits(bench, applicant_id)
    # The shipped policy: one loan paid back in time gives the same limit again.
    assert (limit.amount, limit.instalments, limit.currency) == (1_000_000, 12, "CNY")
    assert limit.valid_until - limit.granted_on == timedelta(days=29)
    async with bench.database.read() as tx:
        rows = await CustomerMessageRepository(tx).page(None, 50, applicant_id=applicant_id)
    told = [row for row in rows if row.purpose == "preapproval_granted"]
    assert [row.said["amount"]["amount"] for row in told] == [1_000_000]


@pytest.mark.parametrize(("index", "state", "late"), [(1451, "current", 0), (1452, "settled", 6)])
async def test_without_a_good_history_nothing_is_granted(
    bench: Bench, index: int, state: str, late: int
) -> None:
    applicant_id = await repaid(bench, index, state=state, late=late)
    await new_day(bench)
    await run(bench)
    assert await limits(bench, applicant_id) == []


async def test_who_took_the_consent_back_is_not_looked_at(bench: Bench) -> None:
    applicant_id = await repaid(bench, 1453)
    async with bench.database.transaction() as tx:
        await tx.connection.execute(
            "insert into consent_revocations (consent_id, revoked_at, revoked_by)"
            " select id, now(), 'test' from consents where applicant_id = $1"
            " and purpose = 'personal_information'",
            applicant_id,
        )
    await new_day(bench)
    await run(bench)
    assert await limits(bench, applicant_id) == []


async def test_a_run_that_dies_is_gone_on_with_and_limits_stay_within_the_campaign(
    bench: Bench, arm: Arm
) -> None:
    people = [await repaid(bench, 1454 + number) for number in range(5)]
    least = RETURNING.model_copy(update={"page": 2, "customers_per_run": 2, "amount_most": 500_000})
    await be(bench, least)
    try:
        await new_day(bench)
        arm("grant_preapprovals.after_commit=raise")
        with pytest.raises((FailpointError, ApplicationError)):
            await run(bench)
        counts = [await run(bench) for _ in range(6)]
    finally:
        await be(bench, RETURNING)
    # Two customers a run is how fast this campaign may go.
    assert max(counts) <= 2
    amounts = [[one.amount for one in await limits(bench, who)] for who in people]
    assert amounts == [[500_000]] * 5


async def test_nothing_is_granted_outside_the_days_of_a_campaign(bench: Bench) -> None:
    applicant_id = await repaid(bench, 1460)
    over = utc_now().date() - timedelta(days=3)
    past = RETURNING.model_copy(update={"ends_on": over})
    await be(bench, past)
    try:
        await new_day(bench)
        await run(bench)
    finally:
        await be(bench, RETURNING)
    assert await limits(bench, applicant_id) == []


async def test_who_asks_in_another_channel_is_not_offered_more(bench: Bench) -> None:
    """A person is one whatever the channel: an open application anywhere goes first."""
    applicant_id = await repaid(bench, 1480)
    who = person("approved", 1480)
    async with bench.database.transaction() as tx:
        start = await seeds.application(tx, "acme", "precredit-1480-elsewhere")
        await ApplicantRepository(tx).remember(
            start.applicant_id, identity_number=who.identity_number, mobile=who.mobile
        )
    await new_day(bench)
    await run(bench)
    assert await limits(bench, applicant_id) == []


@pytest.mark.parametrize(
    ("index", "kind", "code"),
    [(1481, Suspendable.PRODUCT, RETURNING.product), (1482, Suspendable.CHANNEL, "app")],
)
async def test_nothing_is_granted_of_what_is_suspended(
    bench: Bench, index: int, kind: Suspendable, code: str
) -> None:
    applicant_id = await repaid(bench, index)
    async with bench.database.transaction() as tx:
        await suspend(tx, OTTO, kind, code, reason="stopped for a look")
    forget(bench.database)
    try:
        await new_day(bench)
        await run(bench)
        assert await limits(bench, applicant_id) == []
    finally:
        async with bench.database.transaction() as tx:
            await lift(tx, OTTO, kind, code, reason="looked at")
        forget(bench.database)
