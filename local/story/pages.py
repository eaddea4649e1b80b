"""How results look to people: fields line by line, lists as tables, amounts with a point."""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from domain.common.money import format_amount

AMOUNTS: Final = frozenset(
    {
        *("accrued_interest", "amount", "amount_max", "amount_min", "amount_step", "available"),
        *("amount_after", "amount_before", "approved_amount"),
        *("balance", "balance_after", "credit", "credit_limit", "deducted", "disbursed", "drawn"),
        *("deferred_fees", "interest_ahead", "paid_principal", "opening", "closing"),
        *("fee", "fee_paid", "fee_waived", "fees", "interest", "interest_due", "interest_paid"),
        *("interest_waived", "ledger", "monthly_income", "monthly_turnover", "next_due_amount"),
        *("outstanding", "payoff", "penalty", "penalty_paid", "penalty_waived", "position"),
        *("principal", "principal_outstanding", "principal_paid", "principal_receivable"),
        *("principal_waived", "proceeds", "projection", "received", "recovered", "refunded"),
        *(
            "receivable",
            "reserved",
            "settlement_fee",
            "total",
            "total_cost",
            "total_due",
            "total_fees",
        ),
        *("total_interest", "total_overdue", "trial_balance", "written_off"),
    }
)
"""Fields of the API's answers whose integers are minor units; a test holds them to its document."""

_NARROW: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "instalments": (
            *("number", "due_on", "principal", "interest", "fee", "penalty", "outstanding"),
            "state",
        ),
        "plan": ("number", "due_on", "principal", "interest", "fee", "total", "balance_after"),
    }
)
"""The columns of lists that have more of them than a screen has room for."""

_ALWAYS: Final = frozenset({"ledger", "position"})
"""Columns that are shown even where they hold nothing but zeros: they are there to be compared."""

_UNLIMITED: Final = 10_000

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
    for name, rows, own in _lists(result, currency):
        console.print()
        table = _table(name, rows, own)
        if fits(console, table):
            console.print(table)
        else:
            _print_one_by_one(console, name, rows, own)


def fits(console: Console, table: Table) -> bool:
    """Say whether a screen has room for a table without breaking or cutting any text."""
    anywhere = console.options.update(max_width=_UNLIMITED)
    return Measurement.get(console, anywhere, table).maximum <= console.width


def _add_fields(grid: Table, prefix: str, result: Mapping[str, Any], currency: str) -> None:
    for name, value in result.items():
        if isinstance(value, Mapping) and AMOUNTS.issuperset(value):
            grid.add_row(_plain(f"{prefix}{name}"), _components(value, currency))
        elif isinstance(value, Mapping):
            _add_fields(grid, f"{prefix}{name}.", value, str(value.get("currency", currency)))
        elif not _is_rows(value):
            grid.add_row(_plain(f"{prefix}{name}"), _plain(_text(name, value, currency)))


def _components(amounts: Mapping[str, int], currency: str) -> str:
    """Return amounts by component on one line, without those that are zero."""
    told = (
        f"{name} {format_amount(amount, currency)}" for name, amount in amounts.items() if amount
    )
    return ", ".join(told) or format_amount(0, currency)


def _lists(
    result: Mapping[str, Any], currency: str, prefix: str = ""
) -> list[tuple[str, Sequence[Any], str]]:
    """Return the lists of a result: each with its name and the currency of its amounts."""
    found: list[tuple[str, Sequence[Any], str]] = []
    for name, value in result.items():
        if isinstance(value, Mapping):
            own = str(value.get("currency", currency))
            found += _lists(value, own, f"{prefix}{name}.")
        elif _is_rows(value):
            found.append((f"{prefix}{name}", value, currency))
    return found


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _table(name: str, rows: Sequence[Mapping[str, Any]], currency: str) -> Table:
    """Return a table that is as wide as its texts: none of them is broken."""
    table = Table(title=name, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    wanted = _NARROW.get(name.rpartition(".")[2], rows[0].keys())
    columns = [
        column
        for column in wanted
        if not isinstance(rows[0].get(column), (list, Mapping))
        and (column in _ALWAYS or any(row.get(column) for row in rows))
    ]
    for column in columns:
        justify: JustifyMethod = "right" if column in AMOUNTS else "left"
        table.add_column(column, justify=justify, no_wrap=True)
    for row in rows:
        own = str(row.get("currency", currency))
        table.add_row(*(_plain(_text(column, row.get(column), own)) for column in columns))
    return table


def _print_one_by_one(
    console: Console, name: str, rows: Sequence[Mapping[str, Any]], currency: str
) -> None:
    """Print rows that are too wide for a table as fields, line by line."""
    console.print(f"{name} ({len(rows)})", style="bold", markup=False)
    for row in rows:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        known = {field: value for field, value in row.items() if value not in (None, [], {})}
        _add_fields(grid, "  ", known, str(row.get("currency", currency)))
        console.print(grid)
        console.print()


def _plain(text: str) -> str:
    """Return a text as it was written: brackets are no markup, and nothing steers the terminal."""
    return escape("".join(one if one.isprintable() or one == "\n" else "?" for one in text))


def _text(name: str, value: object, currency: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in AMOUNTS:
        return format_amount(value, currency)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "none"
    return _INSTANT.sub(r"\1 \2 UTC", str(value))
