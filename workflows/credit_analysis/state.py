"""Where an analysis stands: the one place that writes it, and what others see of it."""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.credit_analysis.decision import AnalysisStatus
    from messages import calls
    from messages import search_attributes as attributes
    from messages.credit_analysis import (
        AnalysisView,
        CheckedParty,
        RecordAnalysis,
        StartCreditAnalysis,
    )
    from workflows.common.calling import run_recording
    from workflows.common.details import details_table
    from workflows.credit_analysis.notices import Notices

WAITS_FOR = {
    AnalysisStatus.PENDING: "provider",
    AnalysisStatus.WAITING_FOR_DATA: "client",
    AnalysisStatus.IN_MANUAL_ANALYSIS: "reviewer",
}


class AnalysisState:
    """The status, whether it is on record, and what has been found out so far."""

    def __init__(self, start: StartCreditAnalysis) -> None:
        self.start = start
        self.policy = start.policy.content
        self.status = AnalysisStatus.PENDING
        self.reason = "received"
        self.state_seq = 0
        self.recorded = 0
        """The last status that is on record, by `state_seq`; 0 before the first."""
        self.notices = Notices(start.analysis_id)
        self.recording = asyncio.Lock()
        """Held while a status is changed and recorded, so that they are recorded in order."""
        self.checked: dict[str, CheckedParty] = {}
        self.signatures_missing: int | None = None
        self.assessment: AnalysisStatus | None = None
        self.review_due_at: datetime | None = None
        self.show()

    async def enter(self, status: AnalysisStatus, reason: str) -> None:
        """Record a status, unless it stands already or an analyst's decision came first."""
        async with self.recording:
            if self.status.is_final or (self.state_seq > 0 and self.status is status):
                return
            self.change(status, reason)
            await run_recording(
                calls.RECORD_ANALYSIS,
                RecordAnalysis(
                    analysis_id=self.start.analysis_id,
                    status=status,
                    reason=reason,
                    state_seq=self.state_seq,
                    at=workflow.now(),
                    review_due_at=(
                        self.review_due_at if status is AnalysisStatus.IN_MANUAL_ANALYSIS else None
                    ),
                ),
                f"record: {status}",
            )
            self.is_recorded()

    def change(self, status: AnalysisStatus, reason: str) -> None:
        """Set the status, holding `recording`: the only place that writes it."""
        self.state_seq += 1
        self.status, self.reason = status, reason
        workflow.upsert_search_attributes(
            [
                attributes.ANALYSIS_STATUS.value_set(status.value),
                attributes.WAITING.value_set(WAITS_FOR.get(status, "nothing")),
                attributes.NEEDS_HUMAN.value_set(status is AnalysisStatus.IN_MANUAL_ANALYSIS),
            ]
        )
        self.show()

    def is_recorded(self) -> None:
        """Note that the status is on record now: its client is owed a notice."""
        self.recorded = self.state_seq
        self.notices.owe(self.state_seq)

    def is_over(self) -> bool:
        """Say whether no status follows any more, and the last one is on record."""
        return self.status.is_final and self.recorded == self.state_seq

    def view(self) -> AnalysisView:
        """Return what commands are answered with."""
        return AnalysisView(
            analysis_id=self.start.analysis_id,
            status=self.status,
            reason=self.reason,
            state_seq=self.state_seq,
        )

    def show(self) -> None:
        """Write what operators read in the Temporal UI."""
        rows = [
            ("analysis of a", self.start.kind.value),
            ("status", self.status.value),
            ("reason", self.reason),
            ("policy", str(self.start.policy.ref)),
        ]
        rows += [
            (item.party, item.verdict + (f" ({item.reason})" if item.reason else ""))
            for item in self.checked.values()
        ]
        if self.signatures_missing is not None:
            rows.append(("signatures missing", str(self.signatures_missing)))
        if self.assessment is not None:
            rows.append(("external assessment", self.assessment.value))
        if self.review_due_at is not None:
            rows.append(("review until", f"{self.review_due_at:%Y-%m-%d %H:%M} UTC"))
        workflow.set_current_details(details_table(rows))
