"""Kinds of definitions of the tests' own: a fee table, and a card that names one."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field

from domain.common.definitions import Content, Finding, InForce, Kind
from tests.staff import person

ANNA: Final = person("analyst", "anna")
OTTO: Final = person("ops", "otto")
OLGA: Final = person("ops", "olga")


class Fee(Content):
    """One fee; `amount` in minor units."""

    name: str
    amount: int = Field(ge=0)


class FeeTable(Content):
    """What is charged beside interest."""

    title: str
    rate: Decimal = Decimal("1.5")
    fees: tuple[Fee, ...] = ()


class Card(Content):
    """A card that charges a fee of a table, by their names."""

    title: str
    fee_table: str
    fee: str


def _fee_table(table: FeeTable, _: InForce) -> Iterable[Finding]:
    for number, fee in enumerate(table.fees):
        if fee.amount > 100_000:
            yield Finding(f"fees.{number}.amount", "no fee is above 1,000.00", "2500")


def _card(card: Card, others: InForce) -> Iterable[Finding]:
    table = others.find("fee_table", card.fee_table)
    if not isinstance(table, FeeTable):
        yield Finding("fee_table", f"no fee table {card.fee_table!r} is in force")
    elif card.fee not in {fee.name for fee in table.fees}:
        yield Finding("fee", f"the fee table has no {card.fee!r}")


FEE_TABLE: Final = Kind("fee_table", FeeTable, _fee_table)
CARD: Final = Kind("card", Card, _card)
KINDS: Final[Mapping[str, Kind[Any]]] = MappingProxyType({"fee_table": FEE_TABLE, "card": CARD})


def table(amount: int = 500, *, fee: str = "issue", title: str = "Fees") -> dict[str, Any]:
    """A fee table with one fee."""
    return {"title": title, "fees": [{"name": fee, "amount": amount}]}


def card(fee_table: str, fee: str = "issue") -> dict[str, Any]:
    """A card."""
    return {"title": "Card", "fee_table": fee_table, "fee": fee}
