"""Back-testing a version of a policy on the last decisions of the policy that it is to follow."""

import asyncio
from collections.abc import Sequence
from typing import Final

from domain.decisioning.backtesting import BackTest, Decided, NothingToTry, back_test
from domain.decisioning.tracing import PolicyVersion
from services.decisioning.policies import drafted_policy
from storage.common.rows import Cursor
from storage.database import Database
from storage.decisioning.decisions import DecisionRepository, DecisionRow

PAGE: Final = 500
"""So many decisions are read at a time."""


async def back_test_version(database: Database, code: str, version: int, last: int) -> BackTest:
    """Try a version of a policy on the `last` decisions that the policy made.

    It is tried with the policies and the catalogue of facts in force. Raises `UnknownDefinition`,
    DefinitionInvalid for one that cannot be compiled, and `NothingToTry`.
    """
    async with database.read() as tx:
        tried = await drafted_policy(tx, code, version)
    found, after = BackTest(), None
    while found.tried < last:
        async with database.read() as tx:
            decisions = DecisionRepository(tx)
            rows = await decisions.traced(code, after, min(PAGE, last - found.tried))
            # Decrypting and evaluating take their time: others are served meanwhile.
            part = await asyncio.to_thread(_tried, decisions, rows, tried)
        found.join(part)
        if len(rows) < PAGE:
            break
        after = Cursor(rows[-1].decided_at, rows[-1].id)
    if not found.tried:
        raise NothingToTry(f"the policy {code} has made no decision that keeps its facts")
    return found


def _tried(
    decisions: DecisionRepository, rows: Sequence[DecisionRow], version: PolicyVersion
) -> BackTest:
    traces = [(row.id, decisions.trace(row)) for row in rows]
    return back_test(
        (Decided(row_id, trace.steps[-1]) for row_id, trace in traces if trace is not None), version
    )
