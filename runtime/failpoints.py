"""Named points at which a test ends, holds or fails a worker, to prove that nothing is lost there.

`LOANFLOW_FAILPOINTS` arms them: `disburse.before_send=kill,book_loan.after_commit=raise`. Each
strikes once, remembered by a marker file in `LOANFLOW_FAILPOINT_DIR`, so that the process started
afterwards passes. Nothing strikes unless a process called `arm`, which production refuses.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

Action = Literal["kill", "hang", "raise"]

POINTS: Final = frozenset(
    {
        "verify_element.before_call",
        "verify_element.after_call",
        "verify_elements.after_calls",
        "verify_elements.after_record",
        "start_data_import.after_call",
        "assess_application.before_record",
        "disburse.before_send",
        "disburse.after_send",
        "book_loan.after_commit",
        "collect_instalment.before_send",
        "collect_instalment.after_send",
        "collect_instalment.after_record",
        "debit_repayment.before_send",
        "debit_repayment.after_send",
        "apply_repayment.after_commit",
        "grant_preapprovals.after_commit",
        "send_messages.before_send",
        "send_messages.after_send",
        "take_step.after_send",
    }
)
"""`after_send` lies between a third party's answer and its record."""

_ACTIONS: Final[Mapping[str, Action]] = {"kill": "kill", "hang": "hang", "raise": "raise"}

_armed: dict[str, Action] = {}
_markers: list[Path] = []


class FailpointsRefusedError(ValueError):
    """The setting names no point or action, lacks a folder, or is made in production."""


class FailpointError(RuntimeError):
    """What a point set to `raise` raises."""


def arm(environment: str, variables: Mapping[str, str]) -> None:
    """Read the points to strike from the process's environment variables; disarms all others.

    Raises FailpointsRefusedError.
    """
    _armed.clear()
    _markers.clear()
    text = variables.get("LOANFLOW_FAILPOINTS", "").strip()
    if not text:
        return
    if environment != "local":
        raise FailpointsRefusedError("LOANFLOW_FAILPOINTS must not be set in production")
    folder = variables.get("LOANFLOW_FAILPOINT_DIR", "")
    if not Path(folder).is_dir() or not folder:
        raise FailpointsRefusedError("LOANFLOW_FAILPOINT_DIR must name an existing folder")
    for part in text.split(","):
        point, _, action = part.strip().partition("=")
        if point not in POINTS or action not in _ACTIONS:
            raise FailpointsRefusedError(
                f"{part.strip()!r} is not <point>=<action>; points are {', '.join(sorted(POINTS))};"
                f" actions are {', '.join(_ACTIONS)}"
            )
        _armed[point] = _ACTIONS[action]
    _markers.append(Path(folder))


async def failpoint(point: str) -> None:
    """Strike here if `point` is armed and did not strike before."""
    action = _armed.get(point)
    if action is None or not _is_first(point):
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "hang":
        await asyncio.Event().wait()
    raise FailpointError(point)


def _is_first(point: str) -> bool:
    try:
        (_markers[0] / f"{point}.struck").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
