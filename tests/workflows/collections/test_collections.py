"""Collections: who is late is reminded at the right hours, and left in peace once they paid."""

from datetime import date, datetime, time, timedelta

from domain.collections import ContactChannel
from domain.common.calendar import instant_at
from domain.loans.state import LoanState
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from messages import search_attributes as attributes
from messages.ids import new_id
from messages.loans import RepayCommand
from storage.collections import ActionState
from tests.definitions import forget, release, shipped
from tests.products import CASH
from tests.workflows.borrowing import Loan, lend
from tests.workflows.lender import Lender, also_uncached, ended, eventually, person

FIRST_DUE = date(2031, 2, 15)
STEP = "take_collections_step"


async def overdue(lender: Lender, *, times: int | None = None) -> Loan:
    """Return a loan whose first debit was declined, at noon of its due date."""
    loan = await lend(lender, person())
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="insufficient_funds", times=times
    )
    await loan.live_until(FIRST_DUE)
    return loan


def at_ten(days_past_due: int) -> datetime:
    return instant_at(FIRST_DUE + timedelta(days=days_past_due), time(10), CASH.zone)


async def pay_all(loan: Loan) -> None:
    await loan.lender.simulators.repair()
    await loan.repay(RepayCommand(repayment_id=new_id("rep")))


async def messages(loan: Loan) -> list[str]:
    """Return the templates of the messages that the borrower got."""
    sent = []
    for action in await loan.actions():
        response = await loan.lender.simulators.console.get(
            "/sandbox/messages", params={"message_id": action.id}
        )
        sent += [str(row["template"]) for row in response.raise_for_status().json()]
    return sent


@also_uncached
async def test_the_borrower_is_reminded_on_day_one_and_called_on_day_four(lender: Lender) -> None:
    loan = await overdue(lender)
    with ended():
        await lender.handle(loan.collections()).query("snapshot")

    await loan.live_until(FIRST_DUE + timedelta(days=1), time(9))
    assert await loan.actions() == []
    await loan.live_until(FIRST_DUE + timedelta(days=1), time(11))
    assert [(action.step, action.state) for action in await loan.actions()] == [
        ("reminder", ActionState.SENT)
    ]
    await loan.live_until(FIRST_DUE + timedelta(days=4), time(11))

    call = (await loan.actions())[1]
    assert (call.step, call.channel, call.state) == (
        "first_call",
        ContactChannel.CALL_TASK,
        ActionState.OPEN,
    )
    taken = await lender.scheduled(loan.collections(), STEP)
    assert [step.replace(microsecond=0) for step in taken] == [at_ten(1), at_ten(4)]
    assert await messages(loan) == ["collections.reminder"]


async def test_a_step_that_falls_into_quiet_hours_waits_for_their_end(lender: Lender) -> None:
    """The limits in force at the hour of the step count, not those of the episode's beginning."""
    loan = await overdue(lender)
    usual = shipped(CONTACT_LIMITS, HOME_LIMITS)
    later = usual.model_copy(update={"quiet_until": time(11, 30)})
    await release(lender.database, CONTACT_LIMITS, HOME_LIMITS, later)
    forget(lender.workers_database)
    try:
        await loan.live_until(FIRST_DUE + timedelta(days=1), time(11))
        assert await messages(loan) == []
        await loan.live_until(FIRST_DUE + timedelta(days=1), time(12))
        assert await messages(loan) == ["collections.reminder"]
    finally:
        await release(lender.database, CONTACT_LIMITS, HOME_LIMITS, usual)
        forget(lender.workers_database)
    taken = await lender.scheduled(loan.collections(), STEP)
    half_past = instant_at(FIRST_DUE + timedelta(days=1), time(11, 30), CASH.zone)
    assert [step.replace(microsecond=0) for step in taken] == [at_ten(1), half_past]


async def test_the_whole_ladder_is_climbed_and_then_the_case_waits(lender: Lender) -> None:
    loan = await overdue(lender)

    await loan.live_until(FIRST_DUE + timedelta(days=70))

    taken = await lender.scheduled(loan.collections(), STEP)
    assert [step.replace(microsecond=0) for step in taken] == [
        at_ten(days) for days in (1, 4, 8, 15, 31, 61)
    ]
    assert len(await messages(loan)) == 3
    await pay_all(loan)
    result = await loan.cured()
    assert (result.cured, result.steps) == (True, 6)
    calls = [row for row in await loan.actions() if row.channel is ContactChannel.CALL_TASK]
    assert {row.state for row in calls} == {ActionState.CANCELLED}


async def test_who_pays_is_not_called(lender: Lender) -> None:
    loan = await overdue(lender)
    await loan.live_until(FIRST_DUE + timedelta(days=2))

    await pay_all(loan)

    assert (await loan.cured()).steps == 1
    assert await messages(loan) == ["collections.reminder"]


async def test_a_second_episode_begins_at_the_first_step(lender: Lender) -> None:
    loan = await overdue(lender, times=1)
    await loan.live_until(date(2031, 3, 15))
    assert (await loan.cured()).steps == 4
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="card_closed", times=1
    )
    await loan.live_until(date(2031, 4, 15))

    await loan.live_until(date(2031, 4, 17))

    assert [row.step for row in await loan.actions() if row.episode == 2] == ["reminder"]
    await pay_all(loan)
    assert (await loan.cured(2)).steps == 1


async def test_a_message_waits_for_the_messenger_and_is_sent_once(lender: Lender) -> None:
    loan = await overdue(lender)
    await lender.simulators.fault("messaging", status=500)
    await loan.reach(FIRST_DUE + timedelta(days=1), time(1))
    await eventually(lambda: overdue_now(loan))
    distance = at_ten(1) - await lender.clock(loan.collections())
    await lender.pass_time(loan.collections(), distance)
    await eventually(
        lambda: lender.search_attribute(loan.collections(), attributes.WAITING),
        lambda waiting: waiting == "provider",
    )

    await lender.simulators.repair()

    await eventually(loan.actions, lambda rows: [row.state for row in rows] == [ActionState.SENT])
    assert await messages(loan) == ["collections.reminder"]


async def overdue_now(loan: Loan) -> bool:
    return (await loan.row()).state is LoanState.OVERDUE


async def test_a_case_that_was_ended_by_hand_does_not_keep_the_loan_from_being_cured(
    lender: Lender,
) -> None:
    loan = await overdue(lender)
    await loan.live_until(FIRST_DUE + timedelta(days=2))
    await lender.handle(loan.collections()).terminate("ended by hand")

    await pay_all(loan)

    await eventually(loan.row, lambda row: row.state is LoanState.CURRENT)
    await loan.live_until(date(2031, 3, 15))
    assert len(await loan.debited()) == 2
