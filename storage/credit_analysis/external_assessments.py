"""External assessments of proposals: one an analysis, the newest event wins."""

from datetime import datetime
from typing import Final

from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from storage.common.repository import TableRepository
from storage.common.rows import Row

_REQUESTED: Final = "requested"


class ExternalAssessmentRow(Row):
    """An assessment; `raw_status` is the external analyst's own term as of `event_date`."""

    id: str
    analysis_id: str
    provider: str
    kind: PersonKind
    status: AnalysisStatus
    raw_status: str
    event_date: datetime | None

    @property
    def is_known_there(self) -> bool:
        """Say whether the external analyst has ever answered."""
        return self.raw_status != _REQUESTED


class ExternalAssessmentRepository(TableRepository[ExternalAssessmentRow]):
    """At most one assessment of an analysis; a final one is never changed."""

    table = "external_assessments"
    row = ExternalAssessmentRow

    async def request(
        self, assessment_id: str, analysis_id: str, provider: str, kind: PersonKind
    ) -> ExternalAssessmentRow | None:
        """Record that an assessment is requested, before it is; a repeat returns what is known."""
        await self._insert(
            self.table,
            id=assessment_id,
            analysis_id=analysis_id,
            provider=provider,
            kind=kind,
            status=AnalysisStatus.PENDING,
            raw_status=_REQUESTED,
        )
        return await self.get(assessment_id)

    async def of(self, analysis_id: str) -> ExternalAssessmentRow | None:
        """Return the assessment of an analysis, None if none was requested."""
        return await self._find("analysis_id = $1", analysis_id)

    async def learn(
        self,
        assessment_id: str,
        status: AnalysisStatus,
        raw_status: str,
        event_date: datetime | None = None,
    ) -> bool:
        """Record what the external analyst says; False if it is older than what is known, or late.

        An assessment that is final stays as it is. What has no date of its own counts as new.
        """
        return await self._changed(
            "update external_assessments set status = $2, raw_status = $3,"
            " event_date = coalesce($4, event_date), changed_at = now()"
            " where id = $1 and status <> all($5::text[])"
            " and ($4::timestamptz is null or event_date is null or event_date < $4)",
            assessment_id,
            status,
            raw_status,
            event_date,
            [status for status in AnalysisStatus if status.is_final],
        )
