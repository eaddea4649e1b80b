# ruff: noqa: S608 -- statements join constant texts; values are always parameters
"""What every repository is built on: the transaction it is given, and how a list is read.

A repository is made where it is used, `LoanRepository(tx).get(loan_id)`: it holds nothing but the
connection and the keys of the transaction. All SQL of one aggregate is in one of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from domain.common.definitions import DefinitionRef
from runtime.keyring import BlindIndex, Keyring
from storage.common.errors import IdempotencyMismatch
from storage.common.rows import Cursor, Row

if TYPE_CHECKING:
    from storage.common.rows import Connection
    from storage.definitions import DefinitionCache

RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True, slots=True, repr=False)
class Transaction:
    """One connection, with the keys of personal columns and the definitions in force.

    `Database` says what it may do.
    """

    connection: "Connection"
    keyring: Keyring
    blind_index: BlindIndex
    definitions: "DefinitionCache"


class Repository:
    """The SQL of one aggregate on the connection of one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._connection = tx.connection
        self._keyring = tx.keyring
        self._blind_index = tx.blind_index

    async def _one(self, row: type[RowT], statement: str, *values: Any) -> RowT | None:
        """Return the row that `statement` finds, None without one."""
        return row.read_if_any(await self._connection.fetchrow(statement, *values))

    async def _all(self, row: type[RowT], statement: str, *values: Any) -> list[RowT]:
        """Return every row that `statement` finds, in its order."""
        return [row.read(record) for record in await self._connection.fetch(statement, *values)]

    async def _changed(self, statement: str, *values: Any) -> bool:
        """Say whether a statement, which writes one row at most, wrote one."""
        return await self._connection.fetchval(f"{statement} returning true", *values) is True

    async def _insert(self, table: str, **columns: Any) -> bool:
        """Insert a row; False, and nothing changes, if there is one of the same key."""
        return await self._changed(*_insertion(table, columns))

    def _encrypt(self, column: str, row_id: object, text: str | None) -> bytes | None:
        """Return a text encrypted for the one column (`staff.name`) of the one row; None of None.

        A value that is copied to another row or column cannot be decrypted there.
        """
        if text is None:
            return None
        return self._keyring.encrypt(text.encode(), f"{column}:{row_id}".encode())

    def _decrypt(self, column: str, row_id: object, encrypted: bytes) -> str:
        """Return the text that `_encrypt` encrypted for the same column and row."""
        return self._keyring.decrypt(encrypted, f"{column}:{row_id}".encode()).decode()

    def _decrypt_if_any(self, column: str, row_id: object, encrypted: bytes | None) -> str | None:
        """Return the same, None of None."""
        return None if encrypted is None else self._decrypt(column, row_id, encrypted)

    async def _page(
        self,
        row: type[RowT],
        select: str,
        *,
        after: Cursor | None,
        limit: int,
        order: tuple[str, str] = ("created_at", "id"),
        oldest_first: bool = False,
        where: Sequence[str] = (),
        filters: Mapping[str, Any] | None = None,
    ) -> list[RowT]:
        """Return a page of a list, the newest first unless `oldest_first`.

        `order` names the instant and the id that order the list, `where` the conditions that always
        hold, `filters` those that may be given (see `given`).
        """
        instant, identity = order
        direction, beyond = ("asc", ">") if oldest_first else ("desc", "<")
        tests, values = given(filters or {})
        tests = [*where, *tests]
        if after is not None:
            values += [after.at, after.id]
            cursor = f"${len(values) - 1}, ${len(values)}::text"
            tests.append(f"({instant}, {identity}::text) {beyond} ({cursor})")
        filtered = f" where {' and '.join(tests)}" if tests else ""
        return await self._all(
            row,
            f"{select}{filtered} order by {instant} {direction}, {identity} {direction}"
            f" limit ${len(values) + 1}",
            *values,
            limit,
        )


class RowRepository(Repository, Generic[RowT]):
    """The SQL of one table: `row` is what a row of it is read as, each field a column."""

    table: str
    row: type[RowT]

    async def _find(self, where: str, *values: Any) -> RowT | None:
        """Return the row for which `where` holds, None without one."""
        return await self._one(self.row, f"{self._select} where {where}", *values)

    async def _list(self, where: str, *values: Any) -> list[RowT]:
        """Return the rows for which `where`, which may end in their order, holds."""
        return await self._all(self.row, f"{self._select} where {where}", *values)

    async def _insert_row(self, **columns: Any) -> RowT | None:
        """Insert a row and return it as it is read; None if there is one of the same key."""
        statement, *values = _insertion(self.table, columns)
        return await self._one(self.row, f"{statement} returning {self.row.columns()}", *values)

    @property
    def _select(self) -> str:
        return f"select {self.row.columns()} from {self.table}"


class TableRepository(RowRepository[RowT]):
    """The same of a table whose rows have an id of ours in the column `key`."""

    key: str = "id"

    async def get(self, key: str) -> RowT | None:
        """Return the row of this key, None if unknown."""
        return await self._find(f"{self.key} = $1", key)

    async def for_update(self, key: str) -> RowT | None:
        """Return the row of this key locked until the transaction ends, None if unknown."""
        return await self._find(f"{self.key} = $1 for no key update", key)

    async def _insert_once(self, new: Row, *, same: Sequence[str], **columns: Any) -> RowT:
        """Insert what `new` and `columns` say, and return it; a repeat returns the recorded row.

        Raises `IdempotencyMismatch` unless the recorded row has the `same` fields as `new`.
        """
        inserted = await self._insert_row(**dict(new), **columns)
        if inserted is not None:
            return inserted
        return require_same(await self.get(getattr(new, self.key)), new, *same)


def _insertion(table: str, columns: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a statement that inserts a row unless there is one of the same key, and its values."""
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    statement = (
        f"insert into {table} ({', '.join(columns)}) values ({places}) on conflict do nothing"
    )
    return statement, *(stored(value) for value in columns.values())


def require_same(row: RowT | None, new: Row, *fields: str) -> RowT:
    """Return what is recorded; raises `IdempotencyMismatch` unless its `fields` are those of `new`.

    None is what cannot be recorded because something else is recorded instead.
    """
    if row is None or any(getattr(row, name) != getattr(new, name) for name in fields):
        raise IdempotencyMismatch("something else is recorded under this id, or instead of it")
    return row


def stored(value: Any) -> Any:
    """Return a value as a column holds it: models and mappings as JSON, references as names."""
    match value:
        case DefinitionRef():
            return str(value)
        case BaseModel():
            return value.model_dump_json()
        case Mapping():
            return json.dumps(dict(value))
        case _:
            return value


def given(filters: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """Return the conditions of the filters that are given, and their values, from $1 on.

    A filter is a condition with `{}` for its value, `{"state = {}": state}`. One whose value is
    None is not given and does not appear. Conditions are ours, values go as parameters.
    """
    present = {test: value for test, value in filters.items() if value is not None}
    tests = [test.format(f"${number}") for number, test in enumerate(present, start=1)]
    return tests, list(present.values())
