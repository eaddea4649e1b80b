"""What is applied for in the story, and in which role. Amounts are minor units."""

from typing import Final

from domain.common.money import money as in_currency

PRODUCT: Final = "cash"
CHANNEL: Final = "app"
CURRENCY: Final = "CNY"
AMOUNT: Final = 1_000_000
MONTHS: Final = 12
RATE: Final = 24
ZONE: Final = "Asia/Shanghai"

FRONT: Final = "partner"
"""The role in which a channel's own server acts for its customers."""


def money(amount: int) -> str:
    """Write an amount for people."""
    return in_currency(amount, CURRENCY)
