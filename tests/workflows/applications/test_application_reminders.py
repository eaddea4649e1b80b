"""Who stops providing is reminded, by day, and in the end the application expires."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.applications.application import ApplicationState, ElementRefused
from domain.verification.elements import ElementKind, Verdict
from messages.ids import application_workflow
from storage.common.outbox import OutboxRepository
from tests.integration import story
from tests.products import CASH
from tests.workflows.applying import Applying, apply, offered
from tests.workflows.lender import Lender, person, refused

pytestmark = pytest.mark.usefixtures("more_products")

DAY = timedelta(days=1)
ZONE = ZoneInfo("Asia/Shanghai")


async def told(applying: Applying) -> list[str]:
    async with applying.lender.database.read() as tx:
        rows = await OutboxRepository(tx).since(application_workflow(applying.id), 0, 1000)
    return [row.kind for row in rows if row.kind.startswith("applicant_")]


async def reminders(applying: Applying) -> list[datetime]:
    """Return when reminders were sent, by the process's own clock, where the applicant lives."""
    sent = await applying.lender.scheduled(applying.workflow_id, "remind_applicant")
    return [at.astimezone(ZONE) for at in sent]


async def messages(applying: Applying) -> int:
    calls = await applying.lender.simulators.calls(provider="messaging")
    async with applying.lender.database.read() as tx:
        ours = await OutboxRepository(tx).since(application_workflow(applying.id), 0, 1000)
    ids = {row.event_key.rpartition(":")[2] for row in ours if row.kind == "applicant_reminded"}
    return len({call["request_id"] for call in calls} & ids)


async def test_who_stops_is_reminded_after_one_day_and_after_three_and_then_expires(
    lender: Lender,
) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant), story.operator(applicant))

    await lender.pass_time(applying.workflow_id, 4 * DAY)
    assert await told(applying) == ["applicant_reminded"] * 2
    assert await messages(applying) == 2
    await lender.pass_time(applying.workflow_id, 4 * DAY)

    assert (await applying.result()).state is ApplicationState.EXPIRED
    assert await told(applying) == ["applicant_reminded"] * 2


@pytest.mark.parametrize("started_after", [1, 4, 8, 12, 16, 20])
async def test_nobody_is_reminded_at_night(lender: Lender, started_after: int) -> None:
    """Contact from 22:00 to 08:00 is forbidden, whenever the last step was."""
    applicant = person()
    applying = await apply(lender, applicant, product="quick")
    await lender.pass_time(applying.workflow_id, timedelta(hours=started_after))
    await applying.provide(story.real_name(applicant), story.operator(applicant))

    await lender.pass_time(applying.workflow_id, 3 * DAY)

    # In quiet hours the sender only says when they end: nothing goes out before.
    at = await reminders(applying)
    assert len([one for one in at if 8 <= one.hour < 22]) == 2, at
    assert await told(applying) == ["applicant_reminded"] * 2
    assert await messages(applying) == 2


async def test_who_goes_on_in_the_night_is_not_reminded_in_the_morning(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant, product="quick")
    await applying.provide(story.real_name(applicant), story.operator(applicant))
    begun = (await lender.clock(applying.workflow_id)).astimezone(ZONE)
    # The next step is at half past two in the night, twenty hours before half past ten.
    until_step = (timedelta(hours=26, minutes=30) - since_midnight(begun)) % DAY
    await lender.pass_time(applying.workflow_id, until_step)
    await applying.provide(story.bank_card(applicant))
    before = len(await told(applying))
    await lender.pass_time(applying.workflow_id, timedelta(hours=20, minutes=15))
    assert (await reminders(applying))[-1].hour == 22
    await applying.provide(story.personal_information(applicant))

    await lender.pass_time(applying.workflow_id, timedelta(hours=12))

    assert len(await told(applying)) == before


def since_midnight(at: datetime) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)


async def test_a_step_starts_the_count_anew(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant), story.operator(applicant))
    await lender.pass_time(applying.workflow_id, timedelta(hours=20))
    await applying.provide(story.bank_card(applicant))

    await lender.pass_time(applying.workflow_id, timedelta(hours=12))
    assert await reminders(applying) == []
    await lender.pass_time(applying.workflow_id, DAY)
    assert await told(applying) == ["applicant_reminded"]


async def test_whose_mobile_is_not_known_cannot_be_reached(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant))
    await lender.pass_time(applying.workflow_id, 2 * DAY)
    assert await told(applying) == ["applicant_not_reached"]


async def test_an_offer_is_not_reminded_of(lender: Lender) -> None:
    applying, _ = await offered(lender)
    await lender.pass_time(applying.workflow_id, CASH.content.offer_valid_for - DAY)
    assert await reminders(applying) == []


@pytest.mark.slow
async def test_a_reminder_that_cannot_be_sent_does_not_hold_the_application_up(
    lender: Lender,
) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant), story.operator(applicant))
    await lender.simulators.fault("messaging", status=503)

    await lender.pass_time(applying.workflow_id, 8 * DAY)

    assert (await applying.result()).state is ApplicationState.EXPIRED


async def test_nobody_is_reminded_of_what_is_refused(lender: Lender) -> None:
    """What got no answer in its last try rejects nobody: the application is open until it ends."""
    applicant = person()
    applying = await apply(lender, applicant, product="one_try")
    await applying.provide(story.real_name(applicant), story.bank_card(applicant))
    await lender.pass_time(applying.workflow_id, timedelta(minutes=30))
    status = (await applying.statuses())[ElementKind.BANK_CARD]
    assert status.verdict is Verdict.UNAVAILABLE
    with refused(ElementRefused):
        await applying.provide(story.bank_card(applicant))

    await lender.pass_time(applying.workflow_id, 4 * DAY)
    assert (await applying.row()).state is ApplicationState.COLLECTING
    assert await told(applying) == []
    await lender.pass_time(applying.workflow_id, 4 * DAY)
    assert (await applying.result()).state is ApplicationState.EXPIRED
