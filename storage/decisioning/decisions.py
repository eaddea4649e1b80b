"""Decisions with every rule's hit: one a stage and attempt, never changed."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Json

from domain.decisioning.decision import Decision, Outcome, RuleHit
from domain.decisioning.policy import DECISION_POLICY
from storage.common.errors import RecordMissing
from storage.common.repository import RowRepository
from storage.common.rows import RefName, Row
from storage.definitions import DefinitionRepository

Stage = Literal["automatic", "review"]


class DecisionRow(Row):
    """A recorded decision: what was known, which rules hit, who decided, under which policy."""

    id: str
    application_id: str
    stage: Stage
    attempt: int
    outcome: Outcome
    policy_version: RefName
    score: int | None
    facts: Json[dict[str, Any]]
    rules: Json[tuple[RuleHit, ...]]
    reject_code: str | None
    reapply_on: date | None
    decided_by: str
    decided_at: datetime


class DecisionRepository(RowRepository[DecisionRow]):
    """Append-only: the first decision of a stage and attempt stays."""

    table = "decisions"
    row = DecisionRow

    async def record(
        self,
        *,
        decision_id: str,
        application_id: str,
        stage: Stage,
        attempt: int,
        decision: Decision,
        facts: Mapping[str, Any],
        decided_by: str,
        decided_at: datetime,
    ) -> Decision:
        """Record a decision and return what is recorded: the first of a stage and attempt stays."""
        is_first = await self._insert(
            self.table,
            id=decision_id,
            application_id=application_id,
            stage=stage,
            attempt=attempt,
            outcome=decision.outcome,
            policy_version=decision.policy,
            score=decision.score,
            facts=facts,
            rules=json.dumps([hit.model_dump(mode="json") for hit in decision.hits]),
            reject_code=decision.reject_code,
            reapply_on=decision.reapply_on,
            decided_by=decided_by,
            decided_at=decided_at,
        )
        recorded = decision if is_first else await self.decision(application_id, stage, attempt)
        if recorded is None:
            raise RecordMissing(f"no {stage} decision {attempt} of {application_id}")
        return recorded

    async def get(self, application_id: str, stage: Stage, attempt: int) -> DecisionRow | None:
        """Return the record of one decision, None if it was not made."""
        return await self._find(
            "application_id = $1 and stage = $2 and attempt = $3", application_id, stage, attempt
        )

    async def decision(self, application_id: str, stage: Stage, attempt: int) -> Decision | None:
        """Return one decision as the policy gave it, None if it was not made."""
        row = await self.get(application_id, stage, attempt)
        if row is None:
            return None
        policy = await DefinitionRepository(self._tx).of_ref(DECISION_POLICY, row.policy_version)
        return Decision(
            outcome=row.outcome,
            policy=policy.ref,
            score=row.score,
            reject_code=row.reject_code,
            reapply_on=row.reapply_on,
            hits=row.rules,
        )

    async def of(self, application_id: str) -> list[DecisionRow]:
        """Return an application's decisions in the order in which they were recorded."""
        return await self._list(
            "application_id = $1 order by recorded_at, stage, attempt", application_id
        )
