"""Gathering facts: every party checked at its register, then consents and an external assessment.

A source that is down makes the analysis `pending`, one without data `waiting_for_data`; both are
asked until they answer, or until the policy's days are over.
"""

import asyncio
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from domain.credit_analysis.decision import AnalysisStatus
    from domain.credit_analysis.policy import pause_after
    from messages import calls
    from messages.calls import Call
    from messages.credit_analysis import CheckedParty, CheckParty, PartyVerdict
    from workflows.common.calling import SOON, SOON_WITHIN, run
    from workflows.credit_analysis.state import AnalysisState

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel | None)

AT_ONCE = 10
"""So many calls of one proposal run side by side. Technical: one of many parties must not crowd
out the others."""

UNTIL_IT_ANSWERS = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=5),
)
"""For a source that is down: the client has been answered, so nobody waits on the line.

Technical, unlike the pauses before one without data is asked again: an attempt that fails costs
nothing, and how soon a source is back is no matter of policy."""


class Sources:
    """The third parties that an analysis asks, a few at once and as long as it takes."""

    def __init__(self, state: AnalysisState) -> None:
        self._state = state
        self.slots = asyncio.Semaphore(AT_ONCE)

    async def query(self, call: Call[Input, Result], request: Input, summary: str) -> Result:
        """Run an activity on a provider; while it does not answer the analysis is `pending`."""
        try:
            return await run(call, request, summary, retry_policy=SOON, within=SOON_WITHIN)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
        await self._state.enter(AnalysisStatus.PENDING, "source_unavailable")
        return await run(
            call, request, f"{summary}: until it answers", retry_policy=UNTIL_IT_ANSWERS
        )


class PartyChecks:
    """Every party of the proposal, compared with the register that knows it."""

    def __init__(self, state: AnalysisState, sources: Sources) -> None:
        self._state = state
        self._sources = sources

    async def are_clear(self) -> bool:
        """Check all parties side by side; True when every register agrees."""
        await asyncio.gather(*(self._check(party) for party in self._state.start.parties))
        return all(item.verdict is PartyVerdict.MATCH for item in self._state.checked.values())

    async def _check(self, party: str) -> None:
        request = CheckParty(
            analysis_id=self._state.start.analysis_id,
            party=party,
            policy=self._state.start.policy.ref,
        )
        pauses = self._state.policy.waiting.register_pauses
        asked = 0
        while True:
            checked = await self._answer(request)
            self._state.checked[party] = checked
            if checked.verdict is not PartyVerdict.WAITING:
                self._state.show()
                return
            await self._state.enter(
                AnalysisStatus.WAITING_FOR_DATA, checked.reason or "data_missing"
            )
            await workflow.sleep(pause_after(pauses, asked), summary=f"ask about {party} again")
            asked += 1

    async def _answer(self, request: CheckParty) -> CheckedParty:
        async with self._sources.slots:
            return await self._sources.query(calls.CHECK_PARTY, request, f"check {request.party}")
