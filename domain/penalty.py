"""Penalty interest as data: simple, per actual day, never on penalty."""

from enum import StrEnum


class PenaltyBase(StrEnum):
    """What bears penalty interest: unpaid principal, or principal, interest and fees unpaid."""

    PRINCIPAL = "principal"
    AMOUNT = "amount"


def penalty_days(days_late: int, grace_days: int) -> int:
    """Return the days that bear penalty: none within the grace, all of them beyond it."""
    return days_late if days_late > grace_days else 0
