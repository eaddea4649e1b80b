"""Showing who did something: people of the staff by their handles, as colleagues know them."""

from collections.abc import Sequence
from typing import TypeVar

from storage.common.repository import Transaction
from storage.common.rows import Row
from storage.people.staff import StaffRepository

RowT = TypeVar("RowT", bound=Row)


async def with_handles(tx: Transaction, rows: Sequence[RowT], *fields: str) -> list[RowT]:
    """Return the rows with the handle in every one of `fields` that names a person by id.

    Machines, the system and whom the directory does not know stay as they are.
    """
    actors = {getattr(row, field) for row in rows for field in fields}
    handles = await StaffRepository(tx).handles(actors)
    return [
        row.model_copy(
            update={
                field: handles.get(getattr(row, field), getattr(row, field)) for field in fields
            }
        )
        for row in rows
    ]
