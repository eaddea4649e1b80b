# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Decisions with every rule's hit: one a stage and attempt, never changed."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import Json

from domain.decisioning.decision import Decision, Outcome, RuleHit
from storage.common.errors import RecordMissing
from storage.common.repository import Repository
from storage.common.rows import Row

Stage = Literal["automatic", "review"]
_COLUMNS: Final = (
    "id, application_id, stage, attempt, outcome, policy_version, score, facts, rules,"
    " reject_code, reapply_on, decided_by, decided_at"
)


class DecisionRow(Row):
    """A recorded decision: what was known, which rules hit, who decided."""

    id: str
    application_id: str
    stage: Stage
    attempt: int
    outcome: Outcome
    policy_version: str
    score: int | None
    facts: Json[dict[str, Any]]
    rules: Json[tuple[RuleHit, ...]]
    reject_code: str | None
    reapply_on: date | None
    decided_by: str
    decided_at: datetime

    @property
    def decision(self) -> Decision:
        """Return the decision as the policy gave it."""
        return Decision(
            outcome=self.outcome,
            policy_version=self.policy_version,
            score=self.score,
            reject_code=self.reject_code,
            reapply_on=self.reapply_on,
            hits=self.rules,
        )


class DecisionRepository(Repository):
    """The decisions."""

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
        await self._connection.execute(
            f"insert into decisions ({_COLUMNS})"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            " on conflict do nothing",
            decision_id,
            application_id,
            stage,
            attempt,
            decision.outcome,
            decision.policy_version,
            decision.score,
            json.dumps(dict(facts)),
            json.dumps([hit.model_dump(mode="json") for hit in decision.hits]),
            decision.reject_code,
            decision.reapply_on,
            decided_by,
            decided_at,
        )
        stored = await self.get(application_id, stage, attempt)
        if stored is None:
            raise RecordMissing(f"no {stage} decision {attempt} of {application_id}")
        return stored.decision

    async def get(self, application_id: str, stage: Stage, attempt: int) -> DecisionRow | None:
        """Return one decision, None if it was not made."""
        return await self._one(
            DecisionRow,
            f"select {_COLUMNS} from decisions"
            " where application_id = $1 and stage = $2 and attempt = $3",
            application_id,
            stage,
            attempt,
        )

    async def of(self, application_id: str) -> list[DecisionRow]:
        """Return an application's decisions in the order in which they were recorded."""
        return await self._all(
            DecisionRow,
            f"select {_COLUMNS} from decisions where application_id = $1"
            " order by recorded_at, stage, attempt",
            application_id,
        )
