"""Months, counted back."""

from datetime import date


def months_before(on: date, months: int) -> date:
    """Return the first day of the month so many months earlier."""
    ordinal = 12 * on.year + on.month - 1 - months
    return date(ordinal // 12, ordinal % 12 + 1, 1)
