"""kill -9 of the worker at every named point of the story: the story ends the same.

One customer lives a life for each point. When the point strikes, the worker is gone and is started
again, and the next customer begins while Temporal still waits for the lost activity's time to run
out. The lives therefore overlap, and some of them are hit by more than one death.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

import pytest

from runtime.failpoints import POINTS
from tests.faults.courses import EARLY, LATE, Course, lived
from tests.faults.endings import Ending
from tests.faults.lives import LEVEL, OWED_AFTER
from tests.faults.place import Place, until

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(400)]

LOCAL: Final = ("book_loan.after_commit", "apply_repayment.after_commit")
"""Points in activities that run inside the workflow worker: lost soonest, so struck last."""

ELSEWHERE: Final = frozenset({"start_data_import.after_call", "grant_preapprovals.after_commit"})
"""Points that these lives do not pass; integration tests of elements strike there."""

SOONEST: Final = "disburse.after_send"
"""The point that is not left to the slow tests: money is on its way, and nobody has written it."""

IN_ORDER: Final = sorted(POINTS - ELSEWHERE, key=lambda point: (point in LOCAL, point))


def course_through(point: str) -> Course:
    return LATE if point == "take_step.after_send" else EARLY


@pytest.fixture(scope="module")
def chosen(request: pytest.FixtureRequest) -> list[str]:
    """The points whose tests are run, in order."""
    wanted = {
        item.callspec.params["point"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        if item.function is test_the_story_ends_the_same
    }
    return [point for point in IN_ORDER if point in wanted]


@pytest.fixture(scope="module")
async def killed(
    place: Place, undisturbed: Mapping[str, Ending], chosen: list[str]
) -> AsyncIterator[dict[str, asyncio.Task[Ending]]]:
    """The lives through which a worker died, by the point at which it did."""
    lives: dict[str, asyncio.Task[Ending]] = {}
    try:
        for point in chosen:
            place.arm(point)
            lives[point] = asyncio.create_task(lived(place, course_through(point)))
            await worker_is_dead(place, lives[point])
            assert place.has_struck(point), f"the worker did not die at {point}"
            await place.revive("worker")
        await asyncio.wait(lives.values())
        yield lives
    finally:
        for life in lives.values():
            life.cancel()
        await asyncio.gather(*lives.values(), return_exceptions=True)


async def worker_is_dead(place: Place, life: asyncio.Task[Ending]) -> None:
    async def look() -> bool:
        if life.done():
            life.result()
        return place.alive("worker")

    await until(look, lambda alive: not alive, "the worker's death")


@pytest.mark.parametrize(
    "point",
    [pytest.param(point, marks=() if point == SOONEST else pytest.mark.slow) for point in IN_ORDER],
)
async def test_the_story_ends_the_same(
    point: str,
    killed: Mapping[str, asyncio.Task[Ending]],
    undisturbed: Mapping[str, Ending],
) -> None:
    assert killed[point].result() == undisturbed[course_through(point).persona]


def test_ten_points_and_both_sides_of_each_movement() -> None:
    assert len(IN_ORDER) >= 10
    for movement in ("disburse", "collect_instalment", "debit_repayment"):
        assert {f"{movement}.before_send", f"{movement}.after_send"} <= POINTS


@pytest.mark.slow
def test_undisturbed_lives_end_as_the_story_tells(undisturbed: Mapping[str, Ending]) -> None:
    early, late = undisturbed["approved"], undisturbed["story"]
    assert early.moved == [
        ("disbursement", OWED_AFTER[0]),
        ("debit", LEVEL),
        ("debit", OWED_AFTER[1]),
    ]
    # Each decision and each movement of money is told once (wanted.md, W13).
    assert early.notices == [
        ("application_approved", 1),
        ("contract_ready", 1),
        ("loan_settled", 1),
        ("money_sent", 1),
        ("payment_received", 1),
    ]
    # Two days late: 77,572 of principal at 24 % a year over 365 days, which is 102.02 rounded.
    penalty = 102
    assert late.moved[:4] == [
        ("disbursement", OWED_AFTER[0]),
        ("debit", LEVEL),
        ("debit", LEVEL),
        ("debit", LEVEL + penalty),
    ]
    assert late.failed == [("debit", LEVEL, "insufficient_funds")]
    assert late.messages == ["collections.reminder"]
    for one in (early, late):
        assert one.loan["state"] == "settled"
        assert sum(one.ledger.values()) == 0
        receivables = {"principal_receivable", "interest_receivable", "penalty_receivable"}
        assert not any(one.ledger.get(account) for account in receivables)
