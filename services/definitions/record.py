"""How an act on a definition is recorded: in the audit trail, and for others."""

from collections.abc import Mapping
from typing import Any

from domain.people.principals import Principal
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.definitions import ReleaseRow


def aggregate_of(kind: str, code: str) -> str:
    """Return the name of a definition in the audit trail and the outbox."""
    return f"definition:{kind}/{code}"


async def record(
    tx: Transaction,
    caller: Principal,
    action: str,
    kind: str,
    code: str,
    outcome: str,
    **detail: Any,
) -> None:
    """Write who did what to a definition into the audit trail."""
    await AuditRepository(tx).add_by(
        caller, f"definition_{action}", aggregate_of(kind, code), outcome, detail=detail
    )


async def record_release(
    tx: Transaction, caller: Principal, action: str, release: ReleaseRow, detail: Mapping[str, Any]
) -> None:
    """Write the same of a release, and tell others that something comes into force or does not."""
    content = {
        "version": release.version,
        "effective_from": release.effective_from.isoformat(),
        **detail,
    }
    await record(
        tx,
        caller,
        action,
        release.kind,
        release.code,
        str(release.version),
        reason=release.reason,
        **content,
    )
    aggregate = aggregate_of(release.kind, release.code)
    await OutboxRepository(tx).add(
        aggregate,
        f"definition_{action}",
        f"{aggregate}:{release.id}",
        {"kind": release.kind, "code": release.code, **content},
    )
