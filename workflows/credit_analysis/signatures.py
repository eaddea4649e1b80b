"""Waiting until all signers of a proposal have consented."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from messages import calls
    from messages.credit_analysis import ConsentGiven, CountSignatures
    from workflows.common.calling import run

LOOKS = tuple(timedelta(hours=hours) for hours in (1, 6, 24))
"""The pauses before the record is asked, unless a signature is told; the last one repeats."""


class AwaitsSignatures:
    """A process that goes on when all have signed. The record knows who has; signals are hints."""

    def __init__(self) -> None:
        self._signatures_told: set[int] = set()
        self._signatures_asked_for = 0
        self._signatures_missing: int | None = None

    @workflow.signal(description="A signer has consented: ask the record")
    def consent_given(self, given: ConsentGiven) -> None:
        """Ask at once; a signature that is told twice counts once."""
        self._signatures_told.add(given.signer)

    async def _all_signed(
        self, analysis_id: str, signers: int, while_missing: Callable[[], Awaitable[None]]
    ) -> None:
        """Return when the record has a signature of each of the `signers`."""
        looked = 0
        while True:
            # What is told from here on has to be looked at again.
            self._signatures_asked_for = len(self._signatures_told)
            counted = await run(
                calls.COUNT_SIGNATURES,
                CountSignatures(analysis_id=analysis_id),
                "how many have signed",
            )
            self._signatures_missing = signers - counted.given
            if self._signatures_missing <= 0:
                return
            await while_missing()
            await self._signature_or_timer(LOOKS[min(looked, len(LOOKS) - 1)])
            looked += 1

    async def _signature_or_timer(self, wait: timedelta) -> None:
        try:
            await workflow.wait_condition(
                lambda: len(self._signatures_told) > self._signatures_asked_for,
                timeout=wait,
                timeout_summary="ask the record for signatures",
            )
        except TimeoutError:
            return
