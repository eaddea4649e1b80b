"""Credit analyses: proposals encrypted, their statuses, what the register says of each party."""

import json
from collections.abc import Sequence
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
from storage.common.repository import TableRepository, given, stored
from storage.common.rows import Cursor, RefName, Row
from storage.common.tenants import OWN_LENDER

_DOCUMENT: Final = "credit_analyses.document"


class AnalysisRow(Row):
    """The state of an analysis, without the proposal. `state_seq` 0: its process has not begun.

    `policy` is the code of `agreed_policy`, by which the analysis goes; `decided_policy` is what
    the decision really used.
    """

    id: str
    client: str
    kind: PersonKind
    policy: str
    agreed_policy: RefName
    status: AnalysisStatus
    reason: str
    state_seq: int
    decided_policy: RefName | None
    coverage: Decimal | None
    score: int | None
    hits: Json[tuple[AnalysisHit, ...]] | None
    review_due_at: datetime | None
    received_at: datetime
    changed_at: datetime


class ListedAnalysis(AnalysisRow):
    """An analysis with the id by which its client knows it."""

    proposal_id: str


class AnalysisReviewRow(Row):
    """What an analyst decided, and the policy of the stage in which it was decided."""

    analysis_id: str
    word: str
    reviewer: str
    reason: str
    policy: RefName
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
        return await self._insert_row(
            id=analysis_id,
            client=client,
            kind=kind,
            proposal_idx=self._proposal_index(proposal.id),
            registration_idx=self._registration_index(proposal.registration_id),
            document_number_idx=self._blind_index.of(
                "document_number", unmasked(proposal.document_number)
            ),
            document_enc=self._encrypt(_DOCUMENT, analysis_id, document),
            policy=policy.code,
            agreed_policy=policy,
            status=AnalysisStatus.PENDING,
            reason="received",
            lender=lender,
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
        """Return what else is recorded of the same registration and of the same number."""
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
        text = self._decrypt(_DOCUMENT, analysis_id, record["document_enc"])
        return StoredProposal(PersonKind(record["kind"]), text)

    async def with_proposal_ids(self, rows: Sequence[AnalysisRow]) -> list[ListedAnalysis]:
        """Return rows with the ids that their clients gave them, which only the proposals hold."""
        records = await self._connection.fetch(
            "select id, document_enc from credit_analyses where id = any($1)",
            [row.id for row in rows],
        )
        documents = {one["id"]: one["document_enc"] for one in records}
        return [
            ListedAnalysis.model_construct(
                **dict(row),
                proposal_id=json.loads(self._decrypt(_DOCUMENT, row.id, documents[row.id]))["id"],
            )
            for row in rows
        ]

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
        return await self._changed(
            "update credit_analyses set status = $2, reason = $3, state_seq = $4, changed_at = $5,"
            " review_due_at = coalesce($6, review_due_at)"
            " where id = $1 and state_seq < $4",
            analysis_id,
            status,
            reason,
            state_seq,
            at,
            review_due_at,
        )

    async def record_check(self, analysis_id: str, facts: PartyFacts, provider: str) -> PartyFacts:
        """Record what a register said of a party and return what is recorded: the first stays."""
        await self._insert(
            "analysis_checks", analysis_id=analysis_id, provider=provider, **dict(facts)
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
        """Record what the policy read and decided, and which it was; the first decision stays."""
        await self._connection.execute(
            "update credit_analyses set decided_policy = $2, coverage = $3, hits = $4, score = $5"
            " where id = $1 and decided_policy is null",
            analysis_id,
            stored(policy),
            decision.coverage,
            json.dumps([hit.model_dump(mode="json") for hit in decision.hits]),
            decision.score,
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
        """Record an analyst's decision that counted; the first stays."""
        await self._insert(
            "analysis_reviews",
            analysis_id=analysis_id,
            word=word,
            reviewer=reviewer,
            reason=reason,
            policy=policy,
            reviewed_at=at,
        )

    async def review(self, analysis_id: str) -> AnalysisReviewRow | None:
        """Return the decision of an analyst, None where nobody decided or had to."""
        return await self._one(
            AnalysisReviewRow,
            "select analysis_id, word, reviewer, reason, policy, reviewed_at"
            " from analysis_reviews where analysis_id = $1",
            analysis_id,
        )

    async def queue(
        self, after: Cursor | None, limit: int, *, client: str | None = None
    ) -> list[AnalysisRow]:
        """Return what waits for an analyst, the one due first at the head."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            order=("review_due_at", "id"),
            oldest_first=True,
            where=("status = 'in_manual_analysis'",),
            filters={"client = {}": client},
        )

    async def page(
        self,
        after: Cursor | None,
        limit: int,
        *,
        status: AnalysisStatus,
        client: str | None = None,
    ) -> list[AnalysisRow]:
        """Return the analyses of a status, the newest first."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            order=("received_at", "id"),
            filters={"status = {}": status, "client = {}": client},
        )

    def _proposal_index(self, proposal_id: str) -> bytes:
        return self._blind_index.of("proposal", proposal_id)

    def _registration_index(self, registration_id: str | None) -> bytes | None:
        if registration_id is None:
            return None
        return self._blind_index.of("registration", registration_id)
