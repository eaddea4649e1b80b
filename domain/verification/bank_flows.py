"""What the lines of a bank account say of its holder's income and outgoings.

A month's income is what regular payers, and whoever says that it is wages, paid in; the figure is
the median of all complete months, so that one month without wages changes nothing and a single
large credit neither. Transfers between the holder's own accounts, refunds and loans paid out are no
income. All amounts are minor units of one currency; what cannot be told is None, never zero.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Final

from domain.common.data import Data

MIN_MONTHS: Final = 6
MAX_MONTHS: Final = 12
"""So many complete months are looked at; with fewer nothing is said of income and outgoings."""

_REFUNDED_WITHIN: Final = timedelta(days=90)
_ACTIVE_MONTHS: Final = 2
_INCOME_SPREAD, _OUTGOING_SPREAD = 50, 20
"""By so many per cent a regular amount may lie from the median of its months."""

_OWN: Final = (("own_transfer",), ())
_REFUND: Final = (("refund", "reversal"), ("退款", "退货", "冲正", "refund", "reversal"))
_PAID_OUT: Final = (("loan_disbursement",), ("放款", "贷款发放", "loan disbursement"))
_WAGES: Final = (("salary", "pension"), ("工资", "薪", "代发", "养老金", "salary", "wages"))
_LOAN: Final = (("loan_repayment",), ("贷款还款", "还贷", "分期还款", "loan repayment"))
_FIXED: Final = (
    ("rent", "property_fee", "utilities", "telecom", "insurance", "tuition"),
    ("房租", "租金", "物业", "水费", "电费", "燃气", "话费", "保险", "学费", "rent", "insurance"),
)
"""The codes of a source, and the words of a text, by which a line says what it is."""


class FlowLine(Data):
    """One movement: `amount` is above zero for money that came in; `balance` is the one after it.

    `category` is the source's own code, None where it gives none.
    """

    on: date
    amount: int
    balance: int
    counterparty: str = ""
    text: str = ""
    category: str | None = None


class BankFlows(Data):
    """An account's lines in the order of the statement, from the opening balance on."""

    holder: str
    first_day: date
    last_day: date
    opening_balance: int
    lines: tuple[FlowLine, ...]


class FlowSummary(Data):
    """What is kept of the lines.

    `balance_follows` is False where a balance is not the one before plus the line: somebody altered
    the statement, or left a line out. `loan_instalments` are a month's, of loans that were paid in
    the last two months.
    """

    months: int
    balance_follows: bool
    income_monthly: int | None = None
    fixed_outgoings: int | None = None
    loan_instalments: int | None = None


def summary_of(flows: BankFlows) -> FlowSummary:
    """Return what the lines say."""
    months = complete_months(flows.first_day, flows.last_day)[-MAX_MONTHS:]
    follows = _follows(flows)
    if len(months) < MIN_MONTHS:
        return FlowSummary(months=len(months), balance_follows=follows)
    own = _own_word(flows.holder)
    others = [line for line in flows.lines if not _is(line, _OWN) and _party(line) != own]
    credits_, debits = _without_refunds(others)
    paid_out = [line for line in credits_ if not _is(line, _PAID_OUT)]
    loans = [line for line in debits if _is(line, _LOAN)]
    spent = [line for line in debits if not _is(line, _LOAN)]
    return FlowSummary(
        months=len(months),
        balance_follows=follows,
        income_monthly=_usual(_regular(paid_out, months, _INCOME_SPREAD, _WAGES), months),
        fixed_outgoings=_usual(_regular(spent, months, _OUTGOING_SPREAD, _FIXED), months),
        loan_instalments=_instalments(loans, months),
    )


def complete_months(first_day: date, last_day: date) -> list[tuple[int, int]]:
    """Return the years and months of which every day lies between two days."""
    first = _next(first_day) if first_day.day > 1 else (first_day.year, first_day.month)
    found = []
    while date(*_after(first), 1) - timedelta(days=1) <= last_day:
        found.append(first)
        first = _after(first)
    return found


def _next(day: date) -> tuple[int, int]:
    return _after((day.year, day.month))


def _after(month: tuple[int, int]) -> tuple[int, int]:
    year, number = month
    return (year + 1, 1) if number == 12 else (year, number + 1)


def _follows(flows: BankFlows) -> bool:
    balances = [flows.opening_balance, *(line.balance for line in flows.lines)]
    return all(
        after == before + line.amount
        for (before, after), line in zip(pairwise(balances), flows.lines, strict=True)
    )


def _own_word(name: str) -> str:
    return "".join(name.split()).casefold()


def _party(line: FlowLine) -> str:
    return _own_word(line.counterparty)


def _is(line: FlowLine, kind: tuple[Sequence[str], Sequence[str]]) -> bool:
    codes, words = kind
    text = line.text.casefold()
    return line.category in codes or any(word in text for word in words)


def _without_refunds(lines: Sequence[FlowLine]) -> tuple[list[FlowLine], list[FlowLine]]:
    """Return money in and out, without what was paid and came back.

    A credit is a refund if it says so, or if the same party was paid the same amount in the 90 days
    before; the payment that it takes back counts no more than the refund itself.
    """
    received: list[FlowLine] = []
    spent: list[FlowLine] = []
    for line in lines:
        if line.amount <= 0:
            spent.append(line)
            continue
        paid = next(
            (
                place
                for place in reversed(range(len(spent)))
                if spent[place].amount == -line.amount
                and _party(spent[place]) == _party(line)
                and line.on - spent[place].on <= _REFUNDED_WITHIN
            ),
            None,
        )
        if paid is not None:
            del spent[paid]
        elif not _is(line, _REFUND):
            received.append(line)
    return received, spent


def _by_month(lines: Iterable[FlowLine]) -> dict[tuple[int, int], int]:
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for line in lines:
        sums[line.on.year, line.on.month] += abs(line.amount)
    return sums


def _by_party(lines: Iterable[FlowLine]) -> Mapping[str, list[FlowLine]]:
    parties: dict[str, list[FlowLine]] = defaultdict(list)
    for line in lines:
        parties[_party(line)].append(line)
    return parties


def _regular(
    lines: Iterable[FlowLine],
    months: Sequence[tuple[int, int]],
    spread: int,
    named: tuple[Sequence[str], Sequence[str]],
) -> list[FlowLine]:
    """Return lines that say what they are, and those of parties steady in two months of three."""
    found: list[FlowLine] = []
    for party, theirs in _by_party(lines).items():
        unnamed = [line for line in theirs if not _is(line, named)]
        found += [line for line in theirs if _is(line, named)]
        sums = [total for month, total in _by_month(unnamed).items() if month in months]
        if not party or not sums:
            continue
        usual = median_low(sums)
        steady = sum(1 for total in sums if abs(total - usual) * 100 <= usual * spread)
        if steady * 3 >= len(months) * 2:
            found += unnamed
    return found


def _usual(lines: Iterable[FlowLine], months: Sequence[tuple[int, int]]) -> int:
    sums = _by_month(lines)
    return median_low([sums.get(month, 0) for month in months])


def _instalments(lines: Iterable[FlowLine], months: Sequence[tuple[int, int]]) -> int:
    total = 0
    for theirs in _by_party(lines).values():
        sums = {month: paid for month, paid in _by_month(theirs).items() if month in months}
        if any(month in sums for month in months[-_ACTIVE_MONTHS:]):
            total += median_low(sums.values())
    return total
