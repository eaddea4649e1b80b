"""Entries of lists from a CSV file: read row by row, with every row that is wrong named.

The first row names the columns `kind`, `key`, `reason`, `source`, `expires_on` (which may be
empty). Nothing of a file is taken that has a wrong row.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import ClassVar, Final

from domain.common.definitions import Finding
from domain.common.errors import DomainError
from domain.decisioning.lists import (
    Entry,
    InvalidEntry,
    InvalidKey,
    KeyKind,
    ListPolicy,
    check_entry,
    normal_key,
)

COLUMNS: Final = ("kind", "key", "reason", "source", "expires_on")

MAX_FAULTS: Final = 50
"""So many faults are told of one file."""

_FORMULA: Final = re.compile(r"[=@\t]|[+-](?![0-9])|.*[0-9][eE]\+[0-9]")
"""What a spreadsheet computes, or has made of a long number: no key and no word of a list."""


class InvalidListFile(DomainError):
    """A file that cannot be taken; findings name row and column, `rows.7.key`."""

    code: ClassVar[str] = "invalid_list_file"

    def __init__(self, findings: Sequence[Finding]) -> None:
        more = "; no more are told" if len(findings) >= MAX_FAULTS else ""
        super().__init__(f"the file has {len(findings)} faults{more}: nothing of it was taken")
        self.findings = tuple(findings)


def read_entries(text: str, policy: ListPolicy, on: date) -> dict[int, Entry]:
    """Return the entries of a file by the numbers of their rows.

    Raises `InvalidListFile` with what is wrong, row by row.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    faults: list[Finding] = []
    entries: dict[int, Entry] = {}
    seen: dict[tuple[KeyKind, str], int] = {}
    for number, row in _rows(rows, faults, policy.import_max_rows):
        found = _entry(number, row, policy, on, faults)
        if found is not None:
            earlier = seen.setdefault((found.kind, found.key), number)
            if earlier == number:
                entries[number] = found
            else:
                faults.append(Finding(f"rows.{number}.key", f"stands in row {earlier} already"))
        if len(faults) >= MAX_FAULTS:
            break
    if not faults and not entries:
        faults.append(Finding("rows", "the file has no row below the names of its columns"))
    if faults:
        raise InvalidListFile(faults[:MAX_FAULTS])
    return entries


def _rows(
    rows: Iterator[list[str]], faults: list[Finding], most: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything, counted as a spreadsheet counts them, from 2 on."""
    try:
        names = tuple(name.strip().lower() for name in next(rows, []))
        if names != COLUMNS:
            faults.append(Finding("rows.1", f"name the columns {','.join(COLUMNS)} in this order"))
            return
        taken = 0
        for number, row in enumerate(rows, start=2):
            if not any(cell.strip() for cell in row):
                continue
            taken += 1
            if taken > most:
                faults.append(Finding("rows", f"a file has {most} rows at most: send it in parts"))
                return
            yield number, row
    except csv.Error:
        faults.append(Finding("rows", "this is not CSV: a quotation mark is not closed, or so"))


def _entry(
    number: int, row: Sequence[str], policy: ListPolicy, on: date, faults: list[Finding]
) -> Entry | None:
    before = len(faults)

    def wrong(column: str, why: str) -> None:
        faults.append(Finding(f"rows.{number}.{column}", why))

    if len(row) != len(COLUMNS):
        wrong("kind", f"the row has {len(row)} cells instead of {len(COLUMNS)}")
        return None
    cells = dict(zip(COLUMNS, (cell.strip(" ") for cell in row), strict=True))
    for column, cell in cells.items():
        if _FORMULA.match(cell):
            wrong(column, "is a formula, or a number that a spreadsheet cut: format it as text")
    if len(faults) > before:
        return None
    kind = next((one for one in KeyKind if one == cells["kind"]), None)
    if kind is None:
        wrong("kind", f"write one of {', '.join(KeyKind)}")
        return None
    if not 1 <= len(cells["source"]) <= 100:
        wrong("source", "say in 1 to 100 characters where this is known from")
        return None
    try:
        entry = Entry(
            kind=kind,
            key=normal_key(kind, cells["key"]),
            reason=cells["reason"],
            source=cells["source"],
            expires_on=_day(cells["expires_on"]),
        )
        check_entry(entry, policy, on)
    except (InvalidKey, InvalidEntry) as error:
        wrong(error.field, error.message)
        return None
    return entry


def _day(text: str) -> date | None:
    if not text:
        return None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise InvalidEntry("write a day as 2027-03-31, or nothing", field="expires_on")
