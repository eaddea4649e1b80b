"""Taking proposals in: recorded under the policy in force at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from domain.common.definitions import Agreed, UnknownDefinition
from domain.common.errors import NotFound
from domain.credit_analysis.errors import UnknownPolicy
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY, AnalysisPolicy
from domain.credit_analysis.proposal import AnyProposal, parties_of, signers_of
from messages import ids
from messages.credit_analysis import StartCreditAnalysis
from runtime.settings import AnalysisClient
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository, StoredProposal
from storage.credit_analysis.feedback import AnalysisFeedbackRepository, FeedbackRow
from storage.definitions import DefinitionRepository

_UNTIL_RELEASED: Final = timedelta(minutes=5)
"""After so long a client repeats whose policy is not in force: a person has to release one."""

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class RecordedProposal:
    """The analysis of a proposal; `start` begins its process, None if it has begun.

    One that `is_repeat` was asked for before under the same id.
    """

    analysis: AnalysisRow
    start: StartCreditAnalysis | None
    is_repeat: bool = False


@dataclass(frozen=True)
class ReadProposal:
    """A client's analysis, the document as it was sent, and what the client reported last.

    `start` as in `RecordedProposal`.
    """

    analysis: AnalysisRow
    document: str
    latest: FeedbackRow | None
    start: StartCreditAnalysis | None


async def record_proposal(
    tx: Transaction,
    client: AnalysisClient,
    kind: PersonKind,
    proposal: AnyProposal,
    document: str,
    *,
    lender: str,
) -> RecordedProposal:
    """Record a proposal, whose JSON is `document`, to be analysed for a lender.

    The policy of the client that is in force now is the analysis's to its end. An id that the
    client gave before names the first proposal of it, with the policy of then. Raises
    `UnknownPolicy`, and nothing is recorded, if the policy is not in force.
    """
    agreed = await _in_force(tx, client)
    analyses = CreditAnalysisRepository(tx)
    row = await analyses.insert(
        ids.new_id("ana"), client.client, kind, agreed.ref, proposal, document, lender=lender
    )
    if row is not None:
        return RecordedProposal(row, _start(row, agreed, proposal))
    known = await analyses.find(client.client, proposal.id)
    assert known is not None  # noqa: S101 -- its id was taken, and analyses are never deleted
    return RecordedProposal(known, await start_of(tx, known), is_repeat=True)


async def read_proposal(
    tx: Transaction, client: AnalysisClient, kind: str, proposal_id: str
) -> ReadProposal:
    """Return what a client asked for and its state; raises `NotFound`."""
    row = await find_proposal(tx, client, kind, proposal_id)
    stored = await _stored(tx, row)
    reports = await AnalysisFeedbackRepository(tx).feedback(row.id)
    return ReadProposal(
        row, stored.document, reports[-1] if reports else None, await start_of(tx, row)
    )


async def find_proposal(
    tx: Transaction, client: AnalysisClient, kind: str, proposal_id: str
) -> AnalysisRow:
    """Return the analysis of the proposal to which a client gave an id; raises `NotFound`."""
    if kind not in list(PersonKind):
        raise NotFound("kind of analysis")
    row = await CreditAnalysisRepository(tx).find(client.client, proposal_id, PersonKind(kind))
    if row is None:
        raise NotFound("analysis")
    return row


async def start_of(tx: Transaction, row: AnalysisRow) -> StartCreditAnalysis | None:
    """Return what starts the analysis of a recorded proposal, by the policy that it was given.

    For one that a request recorded and, it may be, did not live to start; None if it has begun.
    """
    if row.state_seq:
        return None
    stored = await _stored(tx, row)
    agreed = await DefinitionRepository(tx).of_ref(CREDIT_ANALYSIS_POLICY, row.agreed_policy)
    return _start(row, agreed, stored.proposal)


async def clients_without_policy(
    tx: Transaction, clients: Iterable[AnalysisClient]
) -> list[AnalysisClient]:
    """Return the clients whose policy is not in force: their proposals cannot be taken in."""
    known = {
        one.ref.code for one in await DefinitionRepository(tx).all_in_force(CREDIT_ANALYSIS_POLICY)
    }
    return [client for client in clients if client.policy not in known]


async def _in_force(tx: Transaction, client: AnalysisClient) -> Agreed[AnalysisPolicy]:
    try:
        return await DefinitionRepository(tx).in_force(CREDIT_ANALYSIS_POLICY, client.policy)
    except UnknownDefinition:
        _log.error("analysis_policy_missing", client=client.client, policy=client.policy)
        raise UnknownPolicy(
            f"The policy {client.policy!r} is not in force. Nothing was begun; it is ours to mend.",
            retry_after=_UNTIL_RELEASED,
        ) from None


async def _stored(tx: Transaction, row: AnalysisRow) -> StoredProposal:
    stored = await CreditAnalysisRepository(tx).document(row.id)
    if stored is None:
        raise RecordMissing(f"no recorded proposal of {row.id}")
    return stored


def _start(
    row: AnalysisRow, policy: Agreed[AnalysisPolicy], proposal: AnyProposal
) -> StartCreditAnalysis:
    return StartCreditAnalysis(
        analysis_id=row.id,
        kind=row.kind,
        client=row.client,
        policy=policy,
        parties=tuple(parties_of(proposal)),
        signers=len(signers_of(proposal)),
    )
