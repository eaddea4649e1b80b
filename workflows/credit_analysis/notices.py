"""Telling a client what became of an analysis: every status in order, each until it is taken."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from messages import calls
    from messages.credit_analysis import DeliverNotice
    from workflows.common.calling import run

HANDED_OVER = timedelta(seconds=2)
"""How long the API has to say that it told the first status in its answer; then a notice is sent.

A request whose caller or server is gone so ends in a notice, and the client learns of it.
Technical: the time of two writes of ours."""

LADDER = tuple(
    timedelta(seconds=seconds) for seconds in (0, 30, 120, 600, 1800, 3600, 7200, 21600, 86400)
)
"""The pauses before each attempt at a notice; after the last attempt it is given up, on record.

Part of the interface that clients were promised (`docs/credit-analysis.md`), not of a policy."""


class Notices:
    """The statuses of one analysis that its client has not been told."""

    def __init__(self, analysis_id: str) -> None:
        self._analysis_id = analysis_id
        self._owed: list[int] = []

    def owe(self, state_seq: int) -> None:
        """Have a status told, which is on record."""
        self._owed.append(state_seq)

    async def deliver(self, is_over: Callable[[], bool]) -> None:
        """Deliver every status, each until it is taken or given up, until none follows."""
        while True:
            await workflow.wait_condition(lambda: bool(self._owed) or is_over())
            if not self._owed:
                return
            await self._deliver(self._owed.pop(0))

    async def _deliver(self, state_seq: int) -> None:
        if state_seq == 1:
            await workflow.sleep(HANDED_OVER, summary="the answer may have told it")
        for attempt, pause in enumerate(LADDER, start=1):
            if pause:
                await workflow.sleep(pause, summary=f"notice {state_seq}: attempt {attempt}")
            delivery = await run(
                calls.DELIVER_NOTICE,
                DeliverNotice(
                    analysis_id=self._analysis_id,
                    state_seq=state_seq,
                    last=attempt == len(LADDER),
                ),
                f"notice {state_seq}: attempt {attempt}",
            )
            if delivery.settled:
                return
