"""How results look to people: fields line by line, lists as tables, amounts with a point."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from domain.common.money import format_amount

_AMOUNTS: Final = frozenset(
    {
        *("accrued_interest", "amount", "available", "balance", "balance_after", "credit"),
        *("credit_limit", "disbursed", "drawn", "fee", "fees", "total_cost", "total_fees"),
        *("interest", "interest_due", "interest_paid", "recovered", "refunded", "settlement_fee"),
        *("interest_waived", "ledger", "next_due_amount", "outstanding", "penalty"),
        *("penalty_paid", "position", "projection"),
        *("principal", "principal_outstanding", "principal_paid", "principal_receivable"),
        *("received", "reserved", "total", "total_due", "total_interest", "total_overdue"),
        "trial_balance",
    }
)
"""Fields whose integers are minor units."""

_LEFT_OUT: Final = frozenset({"principal_paid", "interest_paid", "penalty_paid"})
"""Columns that a narrow table does without: what is outstanding says the same."""

_ALWAYS: Final = frozenset({"ledger", "position"})
"""Columns that are shown even where they hold nothing but zeros: they are there to be compared."""

_INSTANT: Final = re.compile(r"\A(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z\Z")
"""An instant of the API, whose fractions of a second tell people nothing."""


def print_json(console: Console, result: Mapping[str, Any]) -> None:
    """Print a result for programs, on one line."""
    console.print(json.dumps(result, ensure_ascii=False), soft_wrap=True, markup=False)


def print_result(console: Console, result: Mapping[str, Any]) -> None:
    """Print a result for people: its fields, then its lists."""
    currency = str(result.get("currency", "CNY"))
    fields = Table.grid(padding=(0, 2))
    fields.add_column(no_wrap=True)
    fields.add_column(overflow="fold")
    _add_fields(fields, "", result, currency)
    console.print(fields)
    for name, rows in _lists(result):
        console.print()
        console.print(_table(name, rows, currency))


def _add_fields(grid: Table, prefix: str, result: Mapping[str, Any], currency: str) -> None:
    for name, value in result.items():
        if isinstance(value, Mapping):
            _add_fields(grid, f"{prefix}{name}.", value, currency)
        elif not _is_rows(value):
            grid.add_row(_plain(f"{prefix}{name}"), _plain(_text(name, value, currency)))


def _lists(result: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Sequence[Any]]]:
    found: list[tuple[str, Sequence[Any]]] = []
    for name, value in result.items():
        if isinstance(value, Mapping):
            found += _lists(value, f"{prefix}{name}.")
        elif _is_rows(value):
            found.append((f"{prefix}{name}", value))
    return found


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _table(name: str, rows: Sequence[Mapping[str, Any]], currency: str) -> Table:
    table = Table(title=name, title_justify="left", box=box.SIMPLE, padding=0)
    columns = [
        column
        for column, value in rows[0].items()
        if column not in _LEFT_OUT
        and not isinstance(value, (list, Mapping))
        and (column in _ALWAYS or any(row.get(column) for row in rows))
    ]
    for column in columns:
        justify: JustifyMethod = "right" if column in _AMOUNTS else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        own = str(row.get("currency", currency))
        table.add_row(*(_plain(_text(column, row.get(column), own)) for column in columns))
    return table


def _plain(text: str) -> str:
    """Return a text as it was written: brackets are no markup, and nothing steers the terminal."""
    return escape("".join(one if one.isprintable() or one == "\n" else "?" for one in text))


def _text(name: str, value: object, currency: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in _AMOUNTS:
        return format_amount(value, currency)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "none"
    return _INSTANT.sub(r"\1 \2 UTC", str(value))
