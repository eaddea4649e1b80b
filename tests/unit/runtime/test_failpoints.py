"""Fail points strike once where they are armed, and nowhere in production."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import failpoints
from runtime.failpoints import FailpointError, FailpointsRefusedError, arm, failpoint


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("local", {})


def variables(folder: Path, points: str) -> dict[str, str]:
    return {"LOANFLOW_FAILPOINTS": points, "LOANFLOW_FAILPOINT_DIR": str(folder)}


async def test_nothing_strikes_unless_armed() -> None:
    for point in failpoints.POINTS:
        await failpoint(point)


async def test_a_point_strikes_once_across_restarts(tmp_path: Path) -> None:
    armed = variables(tmp_path, "disburse.before_send=raise, book_loan.after_commit=raise")
    arm("local", armed)
    with pytest.raises(FailpointError):
        await failpoint("disburse.before_send")
    await failpoint("disburse.before_send")
    arm("local", armed)
    await failpoint("disburse.before_send")
    with pytest.raises(FailpointError):
        await failpoint("book_loan.after_commit")


async def test_a_point_can_hold(tmp_path: Path) -> None:
    arm("local", variables(tmp_path, "take_step.after_send=hang"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(failpoint("take_step.after_send"), 0.05)
    await failpoint("take_step.after_send")


@pytest.mark.parametrize(
    ("environment", "points", "said"),
    [
        ("production", "disburse.before_send=kill", "must not be set in production"),
        ("local", "disburse.before_sned=kill", "not <point>=<action>"),
        ("local", "disburse.before_send=explode", "not <point>=<action>"),
        ("local", "disburse.before_send", "not <point>=<action>"),
    ],
)
def test_a_wrong_setting_is_refused(
    tmp_path: Path, environment: str, points: str, said: str
) -> None:
    with pytest.raises(FailpointsRefusedError, match=said):
        arm(environment, variables(tmp_path, points))


def test_the_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FailpointsRefusedError, match="existing folder"):
        arm("local", variables(tmp_path / "absent", "disburse.before_send=kill"))
    with pytest.raises(FailpointsRefusedError, match="existing folder"):
        arm("local", {"LOANFLOW_FAILPOINTS": "disburse.before_send=kill"})
