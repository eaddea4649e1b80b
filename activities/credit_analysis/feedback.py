"""A client's reports on an analysis, passed on to the external analyst who was asked."""

from dataclasses import dataclass

import structlog

from activities.common.performing import performs
from activities.common.refusals import found
from activities.credit_analysis.enquiries import give_feedback
from activities.sources.enquiries import DataSourceGateway
from messages import calls, ids
from messages.credit_analysis import AboutAnalysis, PickedReport, RelayedReport, RelayReport
from providers.http.errors import ProviderRejected
from storage.common.audit import AuditRepository
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.credit_analysis.external_assessments import ExternalAssessmentRepository
from storage.credit_analysis.feedback import AnalysisFeedbackRepository, RelayState
from storage.database import Database

NOT_NEXT = "not_next"

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class AnalysisReports:
    """What passing reports on needs."""

    database: Database
    gateway: DataSourceGateway

    @performs(calls.PICK_REPORT)
    async def pick_report(self, request: AboutAnalysis) -> PickedReport:
        """Return which report is to be passed on next; none where nobody was asked."""
        async with self.database.read() as tx:
            report = await AnalysisFeedbackRepository(tx).next_to_relay(request.analysis_id)
            asked = await ExternalAssessmentRepository(tx).of(request.analysis_id)
            row = found(
                await CreditAnalysisRepository(tx).get(request.analysis_id),
                f"analysis {request.analysis_id}",
            )
        if report is None:
            return PickedReport()
        if asked is None or not asked.is_known_there:
            return PickedReport(wait=not row.status.is_final)
        return PickedReport(sequence=report.sequence)

    @performs(calls.RELAY_REPORT)
    async def relay_report(self, request: RelayReport) -> RelayedReport:
        """Pass a report on, unless it was or one of an earlier event has come meanwhile."""
        async with self.database.read() as tx:
            report = await AnalysisFeedbackRepository(tx).next_to_relay(request.analysis_id)
            asked = found(
                await ExternalAssessmentRepository(tx).of(request.analysis_id),
                f"external assessment of {request.analysis_id}",
            )
        if report is None or report.sequence != request.sequence:
            return RelayedReport(outcome=NOT_NEXT)
        state, outcome = RelayState.SENT, "ok"
        try:
            await give_feedback(
                self.gateway, asked, report.credit_proposal_status, report.event_date
            )
        except ProviderRejected as error:
            state, outcome = RelayState.REFUSED, error.code
            _log.warning("feedback_refused", assessment_id=asked.id, code=outcome)
        await self._record(request, state, outcome)
        return RelayedReport(outcome=state.value)

    @performs(calls.GIVE_UP_REPORT)
    async def give_up_report(self, request: RelayReport) -> None:
        """Record that a report is not attempted any more: a person has to look."""
        _log.error("feedback_given_up", analysis_id=request.analysis_id, report=request.sequence)
        await self._record(request, RelayState.DEAD, "given_up")

    async def _record(self, request: RelayReport, state: RelayState, outcome: str) -> None:
        aggregate = ids.credit_analysis_workflow(request.analysis_id)
        async with self.database.transaction() as tx:
            if await AnalysisFeedbackRepository(tx).relayed(request.sequence, state, outcome):
                await AuditRepository(tx).add(
                    actor="process",
                    role="system",
                    action="relay_feedback",
                    subject=aggregate,
                    outcome=state.value,
                    detail={"report": request.sequence, "said": outcome},
                    key=f"{aggregate}:feedback:{request.sequence}",
                )
