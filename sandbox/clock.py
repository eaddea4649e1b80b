"""The simulators' own clock: third parties do not share the product's."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251 -- runtime.clock belongs to the product
