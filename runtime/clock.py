"""The one place where a process reads the machine's clock.

Workflows ask `workflow.now()` and domain functions take `as_of`; everything else calls `utc_now`,
so that a search for it finds every place where wall time enters the system.
"""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251 -- this is the wrapper the ban points to
