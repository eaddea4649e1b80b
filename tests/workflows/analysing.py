"""A credit analysis as its client lives through it."""

import json
from dataclasses import dataclass
from typing import Any

from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.scr_consents import SCR_CONSENT_TEXT, SHOWN
from messages import ids
from messages.credit_analysis import (
    AnalysisReviewCommand,
    AnalysisView,
    ConsentGiven,
)
from runtime.clock import utc_now
from runtime.settings import AnalysisClient
from services.credit_analysis.intake import record_proposal
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.credit_analysis.external_assessments import (
    ExternalAssessmentRepository,
    ExternalAssessmentRow,
)
from storage.credit_analysis.notices import AnalysisNoticeRepository, NoticeRow
from storage.credit_analysis.scr_consents import ScrConsentRepository
from tests.definitions import shipped
from tests.proposals import STANDARD
from tests.workflows.lender import Handle, Lender, eventually

CLIENT = "shop"


@dataclass(frozen=True)
class Analysing:
    """A running analysis."""

    lender: Lender
    id: str

    @property
    def workflow_id(self) -> str:
        return ids.credit_analysis_workflow(self.id)

    @property
    def handle(self) -> Handle:
        return self.lender.handle(self.workflow_id)

    async def answer(self) -> AnalysisView:
        """What the client's request is answered with; recorded as told, as the API does."""
        view: AnalysisView = await self.handle.execute_update("answer", result_type=AnalysisView)
        if view.state_seq:
            async with self.lender.database.transaction() as tx:
                await AnalysisNoticeRepository(tx).answered(self.id, view.state_seq)
        return view

    async def review(self, word: str, by: str = "rita", reason: str = "seen") -> AnalysisView:
        view: AnalysisView = await self.handle.execute_update(
            f"review_{word}",
            AnalysisReviewCommand(reviewer=by, reason=reason),
            result_type=AnalysisView,
        )
        return view

    async def result(self) -> AnalysisView:
        return AnalysisView.model_validate(await self.handle.result())

    async def row(self) -> AnalysisRow:
        async with self.lender.database.read() as tx:
            row = await CreditAnalysisRepository(tx).get(self.id)
        assert row is not None
        return row

    async def reaches(self, status: AnalysisStatus) -> AnalysisRow:
        return await eventually(self.row, lambda row: row.status is status)

    async def sign(self, signer: int) -> None:
        """Record a signer's consent and tell the process, as the API does."""
        consent_id = ids.derived_id("con", self.id, str(signer))
        async with self.lender.database.transaction() as tx:
            await ScrConsentRepository(tx).sign(
                consent_id,
                text_version=shipped(SCR_CONSENT_TEXT, SHOWN).version,
                text_sha256=shipped(SCR_CONSENT_TEXT, SHOWN).sha256,
                at=utc_now(),
            )
        await self.handle.signal("consent_given", ConsentGiven(signer=signer))

    async def assessment(self) -> ExternalAssessmentRow | None:
        async with self.lender.database.read() as tx:
            return await ExternalAssessmentRepository(tx).of(self.id)

    async def notices(self) -> list[NoticeRow]:
        async with self.lender.database.read() as tx:
            return await AnalysisNoticeRepository(tx).of(self.id)


async def analyse(
    lender: Lender,
    given: dict[str, Any],
    kind: PersonKind = PersonKind.LEGAL,
    policy: str = STANDARD,
) -> Analysing:
    """Record a proposal and start its analysis as the API does."""
    document = json.dumps(given)
    proposal = read_proposal(kind, document)
    client = AnalysisClient(client=CLIENT, api_key_sha256="0" * 64, policy=policy)
    async with lender.database.transaction() as tx:
        recorded = await record_proposal(tx, client, kind, proposal, document, lender="own")
    assert recorded.start is not None
    await lender.siblings.start_credit_analysis(recorded.start)
    return Analysing(lender, recorded.analysis.id)
