# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Credit analyses: proposals encrypted, their statuses, and the register's word on each party."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from pydantic import Json

from domain.common.definitions import DefinitionRef
from domain.credit_analysis.decision import (
    AnalysisDecision,
    AnalysisHit,
    AnalysisStatus,
    PartyFacts,
)
from domain.credit_analysis.fields import unmasked
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import AnyProposal
from storage.common.repository import TableRepository, given
from storage.common.rows import Cursor, Row
from storage.common.tenants import OWN_LENDER

_COLUMNS: Final = (
    "id, client, kind, policy, agreed_policy, status, reason, state_seq, policy_version,"
    " decided_policy, coverage, score, hits, review_due_at, received_at, changed_at"
)


class AnalysisRow(Row):
    """Where an analysis stands, without the proposal. `state_seq` 0: its process has not begun.

    `policy` is the code of `agreed_policy`, by which the analysis goes; `decided_policy` is what
    the decision really used, and `policy_version` the same as people write it.
    """

    id: str
    client: str
    kind: PersonKind
    policy: str
    agreed_policy: Json[DefinitionRef]
    status: AnalysisStatus
    reason: str
    state_seq: int
    policy_version: str | None
    decided_policy: Json[DefinitionRef] | None
    coverage: Decimal | None
    score: int | None
    hits: Json[tuple[AnalysisHit, ...]] | None
    review_due_at: datetime | None
    received_at: datetime
    changed_at: datetime


class AnalysisReviewRow(Row):
    """What an analyst decided, and the policy of the stage in which it was decided."""

    analysis_id: str
    word: str
    reviewer: str
    reason: str
    policy: Json[DefinitionRef]
    reviewed_at: datetime


@dataclass(frozen=True)
class StoredProposal:
    """A proposal as it was sent, and as it is read. Both are personal data."""

    kind: PersonKind
    document: str = field(repr=False)

    @property
    def proposal(self) -> AnyProposal:
        """Return the proposal; raises InvalidProposal if rules have become stricter since."""
        return read_proposal(self.kind, self.document)


@dataclass(frozen=True)
class Related:
    """The analyses of one client's registration, this one included, the oldest first; and how many
    there are of the same document number, whoever asked for them."""

    registration: tuple[str, ...]
    same_number: int


class CreditAnalysisRepository(TableRepository[AnalysisRow]):
    """The analyses."""

    table = "credit_analyses"
    columns = _COLUMNS
    row = AnalysisRow

    async def insert(
        self,
        analysis_id: str,
        client: str,
        kind: PersonKind,
        policy: DefinitionRef,
        proposal: AnyProposal,
        document: str,
        *,
        lender: str = OWN_LENDER,
    ) -> AnalysisRow | None:
        """Record a new analysis of `document`, the proposal's JSON; None if its id is taken.

        A client's ids are unique over both kinds, whoever asks first.
        """
        return await self._one(
            AnalysisRow,
            "insert into credit_analyses (id, client, kind, proposal_idx, registration_idx,"
            " document_number_idx, document_enc, policy, agreed_policy, status, reason, lender)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', 'received', $10)"
            f" on conflict (client, proposal_idx) do nothing returning {_COLUMNS}",
            analysis_id,
            client,
            kind,
            self._proposal_index(proposal.id),
            self._registration_index(proposal.registration_id),
            self._blind_index.of("document_number", unmasked(proposal.document_number)),
            self._keyring.encrypt(document.encode(), _place(analysis_id)),
            policy.code,
            policy.model_dump_json(),
            lender,
        )

    async def find(
        self, client: str, proposal_id: str, kind: PersonKind | None = None
    ) -> AnalysisRow | None:
        """Return the analysis to which a client gave an id, None if there is none of that kind."""
        tests, values = given(
            {
                "client = {}": client,
                "proposal_idx = {}": self._proposal_index(proposal_id),
                "kind = {}": kind,
            }
        )
        return await self._find(" and ".join(tests), *values)

    async def related(self, analysis_id: str) -> Related:
        """Return what else is on record of the same registration and of the same number."""
        registered = await self._connection.fetch(
            "select other.id from credit_analyses other join credit_analyses this"
            " on this.client = other.client and this.registration_idx = other.registration_idx"
            " where this.id = $1 order by other.received_at, other.id",
            analysis_id,
        )
        same_number = await self._connection.fetchval(
            "select count(*) from credit_analyses other join credit_analyses this"
            " on this.document_number_idx = other.document_number_idx where this.id = $1",
            analysis_id,
        )
        return Related(tuple(record["id"] for record in registered), same_number)

    async def document(self, analysis_id: str) -> StoredProposal | None:
        """Return the proposal, None if unknown."""
        record = await self._connection.fetchrow(
            "select kind, document_enc from credit_analyses where id = $1", analysis_id
        )
        if record is None:
            return None
        text = self._keyring.decrypt(record["document_enc"], _place(analysis_id)).decode()
        return StoredProposal(PersonKind(record["kind"]), text)

    async def set_status(
        self,
        analysis_id: str,
        status: AnalysisStatus,
        reason: str,
        state_seq: int,
        at: datetime,
        *,
        review_due_at: datetime | None = None,
    ) -> bool:
        """Record a status; False, and nothing changes, unless `state_seq` is newer."""
        changed = await self._connection.fetchval(
            "update credit_analyses set status = $2, reason = $3, state_seq = $4, changed_at = $5,"
            " review_due_at = coalesce($6, review_due_at)"
            " where id = $1 and state_seq < $4 returning true",
            analysis_id,
            status,
            reason,
            state_seq,
            at,
            review_due_at,
        )
        return changed is True

    async def record_check(self, analysis_id: str, facts: PartyFacts, provider: str) -> PartyFacts:
        """Record what a register said of a party and return what is recorded: the first stays."""
        await self._connection.execute(
            "insert into analysis_checks (analysis_id, party, mismatch, adverse_facts,"
            " constituted_on, provider) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            analysis_id,
            facts.party,
            facts.mismatch,
            facts.adverse_facts,
            facts.constituted_on,
            provider,
        )
        return await self.check(analysis_id, facts.party) or facts

    async def check(self, analysis_id: str, party: str) -> PartyFacts | None:
        """Return what is recorded of a party, None if nothing is."""
        record = await self._connection.fetchrow(
            "select party, mismatch, adverse_facts, constituted_on from analysis_checks"
            " where analysis_id = $1 and party = $2",
            analysis_id,
            party,
        )
        return None if record is None else PartyFacts.model_validate(dict(record))

    async def checks(self, analysis_id: str) -> tuple[PartyFacts, ...]:
        """Return what is recorded of all parties, in the order of their names."""
        records = await self._connection.fetch(
            "select party, mismatch, adverse_facts, constituted_on from analysis_checks"
            ' where analysis_id = $1 order by party collate "C"',
            analysis_id,
        )
        return tuple(PartyFacts.model_validate(dict(record)) for record in records)

    async def record_decision(
        self, analysis_id: str, decision: AnalysisDecision, policy: DefinitionRef
    ) -> None:
        """Keep what the policy read and wanted, and which it was; the first decision stays."""
        await self._connection.execute(
            "update credit_analyses set policy_version = $2, coverage = $3, hits = $4, score = $5,"
            " decided_policy = $6 where id = $1 and policy_version is null",
            analysis_id,
            str(policy),
            decision.coverage,
            json.dumps([hit.model_dump(mode="json") for hit in decision.hits]),
            decision.score,
            policy.model_dump_json(),
        )

    async def record_review(
        self,
        analysis_id: str,
        *,
        word: str,
        reviewer: str,
        reason: str,
        policy: DefinitionRef,
        at: datetime,
    ) -> None:
        """Keep an analyst's decision that counted; the first stays."""
        await self._connection.execute(
            "insert into analysis_reviews (analysis_id, word, reviewer, reason, policy,"
            " reviewed_at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            analysis_id,
            word,
            reviewer,
            reason,
            policy.model_dump_json(),
            at,
        )

    async def review(self, analysis_id: str) -> AnalysisReviewRow | None:
        """Return the decision of an analyst, None where nobody decided or had to."""
        return await self._one(
            AnalysisReviewRow,
            "select analysis_id, word, reviewer, reason, policy, reviewed_at"
            " from analysis_reviews where analysis_id = $1",
            analysis_id,
        )

    async def queue(self, after: Cursor | None, limit: int) -> list[AnalysisRow]:
        """Return what waits for an analyst, the one due first at the head."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            order=("review_due_at", "id"),
            oldest_first=True,
            where=("status = 'in_manual_analysis'",),
        )

    def _proposal_index(self, proposal_id: str) -> bytes:
        return self._blind_index.of("proposal", proposal_id)

    def _registration_index(self, registration_id: str | None) -> bytes | None:
        if registration_id is None:
            return None
        return self._blind_index.of("registration", registration_id)


def _place(analysis_id: str) -> bytes:
    return f"credit_analyses.document:{analysis_id}".encode()
