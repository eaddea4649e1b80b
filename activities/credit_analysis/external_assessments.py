"""The external assessment: an external analyst asked once, and asked again what became of it."""

from dataclasses import dataclass

import structlog

from activities.common.performing import performs
from activities.common.refusals import found
from activities.credit_analysis.analyses import REFUSES_THE_QUESTION, stored_proposal
from activities.credit_analysis.enquiries import read_assessment, request_assessment
from activities.sources.enquiries import DataSourceGateway
from messages import calls
from messages.credit_analysis import (
    AssessmentStatus,
    RequestAssessment,
)
from providers.credit_analysis.qitech import PROVIDER as QITECH
from providers.http.errors import ProviderRejected
from storage.credit_analysis.analyses import StoredProposal
from storage.credit_analysis.external_assessments import (
    ExternalAssessmentRepository,
    ExternalAssessmentRow,
)
from storage.database import Database

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class ExternalAssessments:
    """What asking the external analyst needs."""

    database: Database
    gateway: DataSourceGateway

    @performs(calls.REQUEST_ASSESSMENT)
    async def request_assessment(self, request: RequestAssessment) -> AssessmentStatus:
        """Have the external analyst look at the proposal, once."""
        async with self.database.transaction() as tx:
            stored = await stored_proposal(tx, request.analysis_id)
            asked = found(
                await ExternalAssessmentRepository(tx).request(
                    request.assessment_id, request.analysis_id, QITECH, stored.kind
                ),
                f"external assessment {request.assessment_id}",
            )
        if asked.status.is_final:
            return AssessmentStatus(status=asked.status)
        return await self._asked(asked, stored)

    @performs(calls.QUERY_ASSESSMENT)
    async def query_assessment(self, request: RequestAssessment) -> AssessmentStatus:
        """Ask what became of the assessment; one that they do not know is asked for again."""
        async with self.database.read() as tx:
            asked = found(
                await ExternalAssessmentRepository(tx).get(request.assessment_id),
                f"external assessment {request.assessment_id}",
            )
            stored = await stored_proposal(tx, request.analysis_id)
        if asked.status.is_final:
            return AssessmentStatus(status=asked.status)
        said = await read_assessment(self.gateway, asked)
        if said is None:
            return await self._asked(asked, stored)
        async with self.database.transaction() as tx:
            await ExternalAssessmentRepository(tx).learn(asked.id, said.status, said.raw_status)
        return AssessmentStatus(status=said.status)

    async def _asked(
        self, asked: ExternalAssessmentRow, stored: StoredProposal
    ) -> AssessmentStatus:
        try:
            said = await request_assessment(self.gateway, asked, stored.document)
        except ProviderRejected as error:
            if error.code not in REFUSES_THE_QUESTION:
                raise
            _log.warning("assessment_refused", assessment_id=asked.id, code=error.code)
            return AssessmentStatus(status=None)
        async with self.database.transaction() as tx:
            await ExternalAssessmentRepository(tx).learn(asked.id, said.status, said.raw_status)
        return AssessmentStatus(status=said.status)
