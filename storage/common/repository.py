"""What every repository stands on: the transaction it is given, and how a list is read.

A repository is made where it is used, `LoanRepository(tx).get(loan_id)`: it holds nothing but the
connection and the keys of the transaction. All SQL of one aggregate is in one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

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
        where: Sequence[str] = (),
        equal: Mapping[str, Any] | None = None,
    ) -> list[RowT]:
        """Return a page of a list, the newest first.

        `order` names the instant and the id that order the list, `where` conditions that always
        hold, `equal` columns by the value that they must have; a filter of None is not given and
        does not appear in the statement. Column names are ours, values go as parameters.
        """
        instant, identity = order
        conditions, values = list(where), []
        if after is not None:
            values += [after.at, after.id]
            conditions.append(f"({instant}, {identity}::text) < ($1, $2::text)")
        for column, value in (equal or {}).items():
            if value is not None:
                values.append(value)
                conditions.append(f"{column} = ${len(values)}")
        values.append(limit)
        filtered = f" where {' and '.join(conditions)}" if conditions else ""
        return await self._all(
            row,
            f"{select}{filtered} order by {instant} desc, {identity} desc limit ${len(values)}",
            *values,
        )
