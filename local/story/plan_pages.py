"""How the trial of a plan looks: to people as tables, to spreadsheets as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from domain.common.frequency import MONTHLY
from domain.common.money import format_amount, money
from domain.loans.terms import LoanTerms
from domain.pricing.trial import Trial
from domain.pricing.trial_rows import Totals, TrialRow
from local.story.pages import fits

_COLUMNS: Final = (
    *("number", "due_on", "days", "principal", "interest", "fee", "total", "balance_after"),
    "text",
)


def print_trial(console: Console, terms: LoanTerms, found: Trial) -> None:
    """Print plan, totals, rates and costs."""
    console.print(_rows(console, terms, found))
    console.print(_rates(found))
    console.print(_costs(found))
    console.print(f"plan hash {found.hash}")


def csv_of(found: Trial) -> str:
    """Return the rows as CSV with a head: amounts in minor units, interest explained in `text`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in found.rows:
        writer.writerow([getattr(row, column) for column in _COLUMNS])
    return out.getvalue()


def _rows(console: Console, terms: LoanTerms, found: Trial) -> Table:
    """Return the plan; on a narrow screen without its days, always without fees of nothing."""
    has_fees = any(row.fee for row in found.rows)
    wide = _rows_with(terms, found, has_days=True, has_fees=has_fees)
    if fits(console, wide):
        return wide
    return _rows_with(terms, found, has_days=False, has_fees=has_fees)


def _rows_with(terms: LoanTerms, found: Trial, *, has_days: bool, has_fees: bool) -> Table:
    count = sum(1 for row in found.rows if row.number)
    what = "months" if terms.frequency == MONTHLY else "instalments"
    table = Table(
        title=f"{money(terms.principal, terms.currency)} over"
        f" {count} {what} at {terms.annual_rate} % a year",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )

    def amounts(of: Totals | TrialRow) -> list[str]:
        fee = (of.fee,) if has_fees else ()
        shown = (of.principal, of.interest, *fee, of.total)
        return [format_amount(amount, found.currency) for amount in shown]

    days = ("days",) if has_days else ()
    fees = ("fees",) if has_fees else ()
    table.add_column("no.", justify="right")
    table.add_column("due on", no_wrap=True)
    for name in (*days, "principal", "interest", *fees, "total", "owed after"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found.rows:
        owed = format_amount(row.balance_after, found.currency)
        between = (str(row.days),) if has_days else ()
        table.add_row(str(row.number), row.due_on.isoformat(), *between, *amounts(row), owed)
    table.add_section()
    for year in found.by_year:
        table.add_row("", str(year.year), *([""] * has_days), *amounts(year))
    table.add_section()
    table.add_row("", "total", *([""] * has_days), *amounts(found.totals))
    return table


def _rates(found: Trial) -> Table:
    table = _table("rates, percent a year", ("rate",), ("value",))
    for rate in found.rates:
        value = rate.reason if rate.value is None else f"{rate.value:.4f}"
        table.add_row(rate.name, value)
    return table


def _table(title: str, words: Sequence[str], figures: Sequence[str]) -> Table:
    """Return a table with columns of words, then of figures."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for name in words:
        table.add_column(name)
    for name in figures:
        table.add_column(name, justify="right")
    return table


def _costs(found: Trial) -> Table | str:
    sheet = found.costs.sheet
    if sheet is None:
        return f"no cost sheet: {found.costs.reason}"
    table = _table("costs", ("cost", "charged by", "how"), ("amount", "% a year"))
    for item in sheet.items:
        amount = format_amount(item.amount, sheet.currency)
        table.add_row(item.name, item.charged_by, item.computed, amount, f"{item.annualised:.4f}")
    table.add_section()
    total = format_amount(sheet.total_cost, sheet.currency)
    table.add_row("total", "", sheet.method_label, total, f"{sheet.annual_cost:.4f}")
    for cost in sheet.contingent:
        table.add_row(cost.name, cost.collector, cost.standard, "-", "-")
    return table
