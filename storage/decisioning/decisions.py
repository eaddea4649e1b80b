"""Decisions with what they were made of: one a stage and attempt, never changed.

The trace holds personal facts, so that it is encrypted as a whole, compressed before that.
"""

import json
import zlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import Json

from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.decision import Decision, Demanded, Outcome, RuleHit, Terms
from domain.decisioning.tracing import Trace
from storage.common.errors import RecordMissing
from storage.common.repository import RowRepository
from storage.common.rows import Cursor, RefName, Row
from storage.definitions import DefinitionRepository

_FAST: Final = 1
"""Traces repeat the same names: the least effort makes a tenth of them."""

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
    policy_sha256: str | None
    fact_catalogue: RefName | None
    grade: str | None
    points: Decimal | None
    terms: Json[Terms] | None
    conditions: Json[tuple[Demanded, ...]]
    trace_enc: bytes | None
    duration_us: int | None


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
        trace: Trace | None = None,
        duration_us: int | None = None,
    ) -> Decision:
        """Record a decision and return what is recorded: the first of a stage and attempt stays.

        `duration_us` is how long the policies took, in microseconds.
        """
        last = trace.steps[-1] if trace is not None else None
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
            policy_sha256=decision.policy.sha256,
            fact_catalogue=str(last.catalogue) if last else None,
            grade=decision.grade,
            points=last.evaluation.points if last else None,
            terms=decision.terms,
            conditions=json.dumps([one.model_dump(mode="json") for one in decision.conditions]),
            trace_enc=self._encrypt_trace(decision_id, trace),
            duration_us=duration_us,
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
        policy = await DefinitionRepository(self._tx).of_ref(RISK_POLICY, row.policy_version)
        return Decision(
            outcome=row.outcome,
            policy=policy.ref,
            score=row.score,
            reject_code=row.reject_code,
            reapply_on=row.reapply_on,
            hits=row.rules,
            grade=row.grade,
            terms=row.terms,
            conditions=row.conditions,
        )

    async def traced(self, code: str, after: Cursor | None, limit: int) -> list[DecisionRow]:
        """Return decisions that a policy made and that keep their traces, the last one first."""
        return await self._page(
            DecisionRow,
            self._select,
            after=after,
            limit=limit,
            order=("decided_at", "id"),
            where=("trace_enc is not null",),
            filters={"policy_version like {}": f"{RISK_POLICY.name}/{code}@%"},
        )

    def trace(self, row: DecisionRow) -> Trace | None:
        """Return what a decision was made of, None of one that no policy made."""
        if row.trace_enc is None:
            return None
        packed = self._keyring.decrypt(row.trace_enc, _associated(row.id))
        return Trace.model_validate_json(zlib.decompress(packed))

    def _encrypt_trace(self, decision_id: str, trace: Trace | None) -> bytes | None:
        if trace is None:
            return None
        packed = zlib.compress(trace.model_dump_json().encode(), _FAST)
        return self._keyring.encrypt(packed, _associated(decision_id))

    async def of(self, application_id: str) -> list[DecisionRow]:
        """Return an application's decisions in the order in which they were recorded."""
        return await self._list(
            "application_id = $1 order by recorded_at, stage, attempt", application_id
        )


def _associated(decision_id: str) -> bytes:
    return f"decisions.trace:{decision_id}".encode()
