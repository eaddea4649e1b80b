"""Taking proposals in: on record, under the policy in force at this moment."""

from collections.abc import Iterable
from typing import Final

import structlog

from domain.common.definitions import Agreed, UnknownDefinition
from domain.credit_analysis.errors import UnknownPolicy
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY, AnalysisPolicy
from domain.credit_analysis.proposal import AnyProposal, parties_of, signers_of
from messages import ids
from messages.credit_analysis import StartCreditAnalysis
from runtime.settings import AnalysisClient
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.definitions import DefinitionRepository

_log: Final = structlog.stdlib.get_logger(__name__)


async def take_in(
    tx: Transaction,
    client: AnalysisClient,
    kind: PersonKind,
    proposal: AnyProposal,
    document: str,
) -> StartCreditAnalysis | None:
    """Record a proposal, whose JSON is `document`, and return what starts its analysis.

    The policy of the client that is in force now is the analysis's to its end. None: the client's
    id of the proposal is taken. Raises `UnknownPolicy`, and nothing is recorded, if it is not in
    force.
    """
    agreed = await _in_force(tx, client)
    row = await CreditAnalysisRepository(tx).insert(
        ids.new_id("ana"), client.client, kind, agreed.ref, proposal, document
    )
    return None if row is None else _start(row, agreed, proposal)


async def start_of(tx: Transaction, row: AnalysisRow) -> StartCreditAnalysis:
    """Return what starts the analysis of a recorded proposal, by the policy that it was given.

    For one that a request recorded and, it may be, did not live to start.
    """
    stored = await CreditAnalysisRepository(tx).document(row.id)
    if stored is None:
        raise RecordMissing(f"no proposal of {row.id} on record")
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
            f"The policy {client.policy!r} is not in force. Nothing was begun; it is ours to mend."
        ) from None


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
