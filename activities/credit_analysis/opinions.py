"""The external assessment: another analyst asked once, and asked again what became of it."""

from dataclasses import dataclass

import structlog

from activities.common.performing import performs
from activities.common.refusals import found
from activities.credit_analysis.analyses import REFUSES_THE_QUESTION, stored_proposal
from activities.credit_analysis.enquiries import ask_for_opinion, read_opinion
from activities.sources.enquiries import DataSourceGateway
from messages import calls
from messages.credit_analysis import (
    AskOpinion,
    OpinionStatus,
)
from providers.credit_analysis.qitech import PROVIDER as QITECH
from providers.http.errors import ProviderRejected
from storage.credit_analysis.analyses import StoredProposal
from storage.credit_analysis.opinions import ExternalOpinionRepository, OpinionRow
from storage.database import Database

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class AnalysisOpinions:
    """What asking the other analyst needs."""

    database: Database
    gateway: DataSourceGateway

    @performs(calls.ASK_OPINION)
    async def ask_opinion(self, request: AskOpinion) -> OpinionStatus:
        """Have the other analyst look at the proposal, once."""
        async with self.database.transaction() as tx:
            stored = await stored_proposal(tx, request.analysis_id)
            asked = found(
                await ExternalOpinionRepository(tx).request(
                    request.opinion_id, request.analysis_id, QITECH, stored.kind
                ),
                f"opinion {request.opinion_id}",
            )
        if asked.status.is_final:
            return OpinionStatus(opinion_id=asked.id, status=asked.status)
        return await self._asked(asked, stored)

    @performs(calls.QUERY_OPINION)
    async def query_opinion(self, request: AskOpinion) -> OpinionStatus:
        """Ask what became of the opinion; one that they do not know is asked for again."""
        async with self.database.read() as tx:
            asked = found(
                await ExternalOpinionRepository(tx).get(request.opinion_id),
                f"opinion {request.opinion_id}",
            )
            stored = await stored_proposal(tx, request.analysis_id)
        if asked.status.is_final:
            return OpinionStatus(opinion_id=asked.id, status=asked.status)
        said = await read_opinion(self.gateway, asked)
        if said is None:
            return await self._asked(asked, stored)
        async with self.database.transaction() as tx:
            await ExternalOpinionRepository(tx).learn(asked.id, said.status, said.raw_status)
        return OpinionStatus(opinion_id=asked.id, status=said.status)

    async def _asked(self, asked: OpinionRow, stored: StoredProposal) -> OpinionStatus:
        try:
            said = await ask_for_opinion(self.gateway, asked, stored.document)
        except ProviderRejected as error:
            if error.code not in REFUSES_THE_QUESTION:
                raise
            _log.warning("opinion_refused", opinion_id=asked.id, code=error.code)
            return OpinionStatus(opinion_id=asked.id, status=None)
        async with self.database.transaction() as tx:
            await ExternalOpinionRepository(tx).learn(asked.id, said.status, said.raw_status)
        return OpinionStatus(opinion_id=asked.id, status=said.status)
