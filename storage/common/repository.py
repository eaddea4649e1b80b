# ruff: noqa: S608 -- statements join constant texts; values are always parameters
"""What every repository stands on: the transaction it is given, and how a list is read.

A repository is made where it is used, `LoanRepository(tx).get(loan_id)`: it holds nothing but the
connection and the keys of the transaction. All SQL of one aggregate is in one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from runtime.keyring import BlindIndex, Keyring
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
            place = f"${len(values) - 1}, ${len(values)}::text"
            tests.append(f"({instant}, {identity}::text) {beyond} ({place})")
        filtered = f" where {' and '.join(tests)}" if tests else ""
        return await self._all(
            row,
            f"{select}{filtered} order by {instant} {direction}, {identity} {direction}"
            f" limit ${len(values) + 1}",
            *values,
            limit,
        )


class TableRepository(Repository, Generic[RowT]):
    """The SQL of one table: `row` is what a row of it is read as, by its `columns`."""

    table: str
    columns: str
    row: type[RowT]
    key: str = "id"

    async def get(self, key: str) -> RowT | None:
        """Return the row of this key, None if unknown."""
        return await self._find(f"{self.key} = $1", key)

    async def for_update(self, key: str) -> RowT | None:
        """Return the row of this key locked until the transaction ends, None if unknown."""
        return await self._find(f"{self.key} = $1 for no key update", key)

    async def _find(self, where: str, *values: Any) -> RowT | None:
        """Return the row for which `where` holds, None without one."""
        return await self._one(self.row, f"{self._select} where {where}", *values)

    async def _list(self, where: str, *values: Any) -> list[RowT]:
        """Return the rows for which `where`, which may end in their order, holds."""
        return await self._all(self.row, f"{self._select} where {where}", *values)

    @property
    def _select(self) -> str:
        return f"select {self.columns} from {self.table}"


def given(filters: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """Return the conditions of the filters that are given, and their values, from $1 on.

    A filter is a condition with `{}` for its value, `{"state = {}": state}`. One whose value is
    None is not given and does not appear. Conditions are ours, values go as parameters.
    """
    present = {test: value for test, value in filters.items() if value is not None}
    tests = [test.format(f"${number}") for number, test in enumerate(present, start=1)]
    return tests, list(present.values())
