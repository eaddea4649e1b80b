"""Consents: every signer is asked by a link, and all have to sign before an external analyst is."""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.credit_analysis.decision import AnalysisStatus
    from domain.credit_analysis.policy import pause_after
    from messages import calls
    from messages.credit_analysis import AboutAnalysis, InviteSigner
    from workflows.common.calling import run
    from workflows.common.waiting import Updates
    from workflows.credit_analysis.sources import Sources
    from workflows.credit_analysis.state import AnalysisState

LOOKS = (60, 360, 1440)
"""The minutes before our own database is asked, unless a signature is told; the last one repeats.

Technical: signatures are told as they are given, this only mends a signal that was lost."""


class Signatures:
    """The signers' consents. The database knows who has signed; signals are hints to look."""

    def __init__(self, state: AnalysisState, sources: Sources) -> None:
        self._state = state
        self._sources = sources
        self._updates = Updates()

    def given_by(self, signer: int) -> None:
        """Look at once; a signature that is told twice counts once."""
        self._updates.receive(str(signer))

    async def obtain(self, until: datetime) -> bool:
        """Wait until every signer has consented; False when one of them cannot be asked."""
        signers = self._state.start.signers
        if not signers:
            return True
        asked = await asyncio.gather(*(self._invite(signer, until) for signer in range(signers)))
        if not all(asked):
            return False
        await self._all_signed(signers)
        self._state.show()
        return True

    async def _invite(self, signer: int, until: datetime) -> bool:
        request = InviteSigner(
            analysis_id=self._state.start.analysis_id, signer=signer, expires_at=until
        )
        async with self._sources.slots:
            invited = await self._sources.query(
                calls.INVITE_SIGNER, request, f"ask signer {signer} to consent"
            )
        return invited.reached

    async def _all_signed(self, signers: int) -> None:
        looked = 0
        while True:
            # What is told from here on has to be looked at again.
            self._updates.follow()
            counted = await run(
                calls.COUNT_SIGNATURES,
                AboutAnalysis(analysis_id=self._state.start.analysis_id),
                "how many have signed",
            )
            self._state.signatures_missing = signers - counted.given
            if self._state.signatures_missing <= 0:
                return
            await self._state.enter(AnalysisStatus.WAITING_FOR_DATA, "scr_signatures_missing")
            await self._updates.next_or_timer(
                pause_after(LOOKS, looked), "ask the database for signatures"
            )
            looked += 1
