"""A ladder and a policy are released while loans and collections run: each keeps its own."""

from datetime import date, datetime, time, timedelta

from temporalio.worker import Replayer

from domain.collections import COLLECTIONS_LADDER, CollectionsLadder
from domain.common.calendar import instant_at
from domain.loans.servicing import SERVICING_POLICY, ArrearsBucket
from messages import search_attributes as attributes
from runtime.temporal.plugin import LoanflowPlugin
from storage.database import Database
from storage.loans.loans import LoanRow
from tests.definitions import ref, release, shipped
from tests.workflows.borrowing import Loan, lend
from tests.workflows.lender import Lender, eventually, person
from workflows.registry import WORKFLOWS

FIRST_DUE = date(2031, 2, 15)
ZONE = "Asia/Shanghai"
LADDER = shipped(COLLECTIONS_LADDER, "standard")
POLICY = shipped(SERVICING_POLICY, "standard")
CALLED = [("reminder", 1), ("first_call", 1)]
REMINDED_TWICE = [("reminder", 2), ("second_reminder", 2), ("first_call", 2)]


async def release_others(record: Database) -> None:
    """Release a ladder with one step more, and a policy with other hours and names."""
    reminder = LADDER.steps[0]
    added = reminder.model_copy(update={"name": "second_reminder", "days_past_due": 2})
    ladder = CollectionsLadder(steps=(reminder, added, *LADDER.steps[1:]))
    buckets = (
        ArrearsBucket(name="current", from_days=0),
        ArrearsBucket(name="late", from_days=1),
    )
    changes = {"debit_at": time(11), "age_at": time(2), "buckets": buckets}
    await release(record, COLLECTIONS_LADDER, "standard", ladder)
    await release(record, SERVICING_POLICY, "standard", POLICY.model_copy(update=changes))


def version_of(name: str) -> int:
    """Return the version in a name of a definition."""
    return int(name.rpartition("@")[2])


async def lent_under_the_release(lender: Lender) -> Loan:
    """Return a loan that was booked by a worker which knows of the release."""

    async def booked() -> tuple[Loan, LoanRow]:
        loan = await lend(lender, person())
        return loan, await loan.row()

    loan, _ = await eventually(
        booked, lambda found: {version_of(found[1].ladder), version_of(found[1].servicing)} == {2}
    )
    return loan


async def steps(loan: Loan) -> list[tuple[str, int]]:
    """Return what was done about a loan, each with the version of its ladder."""
    return [(action.step, version_of(action.ladder)) for action in await loan.actions()]


async def debited_at(lender: Lender, loan: Loan) -> datetime:
    first, *_ = await lender.scheduled(loan.workflow_id, "collect_instalment")
    return first


async def test_each_loan_and_each_episode_keeps_what_it_began_with(
    lender: Lender, record: Database, plugin: LoanflowPlugin
) -> None:
    late = await lend(lender, person())
    current = await lend(lender, person())
    await lender.simulators.fault("payments", operation="debit", order_outcome="insufficient_funds")
    await late.live_until(FIRST_DUE + timedelta(days=1))
    await current.live_until(FIRST_DUE - timedelta(days=1))
    assert await steps(late) == CALLED[:1]

    await release_others(record)
    new = await lent_under_the_release(lender)
    for loan in (late, current, new):
        await loan.live_until(FIRST_DUE + timedelta(days=5))

    assert await steps(late) == CALLED
    assert await steps(current) == CALLED
    assert await steps(new) == REMINDED_TWICE
    row = await current.row()
    assert (row.ladder, row.servicing) == (
        str(ref(COLLECTIONS_LADDER, "standard")),
        str(ref(SERVICING_POLICY, "standard")),
    )
    for loan, hour, bucket in (
        (late, time(8, 30), "M1"),
        (current, time(8, 30), "M1"),
        (new, time(11), "late"),
    ):
        # A timer fires at its instant or just after it, and a busy machine takes its second.
        late_by = await debited_at(lender, loan) - instant_at(FIRST_DUE, hour, ZONE)
        assert timedelta() <= late_by < timedelta(minutes=1)
        assert (await loan.row()).bucket == bucket
        shown = await lender.search_attribute(loan.workflow_id, attributes.DELINQUENCY_BUCKET)
        assert shown == bucket
    replayer = Replayer(workflows=WORKFLOWS, plugins=[plugin])
    for loan in (late, current, new):
        for workflow_id in (loan.workflow_id, loan.collections()):
            await replayer.replay_workflow(await lender.handle(workflow_id).fetch_history())
