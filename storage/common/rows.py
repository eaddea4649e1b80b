"""What every repository shares: rows, connections and the position in a list."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

import asyncpg
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Record = asyncpg.Record


class Row(BaseModel):
    """One row as the business reads it: immutable, columns converted to their types."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def columns(cls) -> str:
        """Return the columns that a row is read of: its fields but for those that are excluded."""
        return ", ".join(name for name, field in cls.model_fields.items() if not field.exclude)

    @classmethod
    def read(cls, record: "Record") -> Self:
        """Return the row that `record` holds."""
        return cls.model_validate(dict(record))

    @classmethod
    def read_if_any(cls, record: "Record | None") -> Self | None:
        """Return the row that `record` holds, None without one."""
        return None if record is None else cls.read(record)


RefName = str
"""A version of a definition as a row names it: `product/cash@7`."""


@dataclass(frozen=True)
class Cursor:
    """The position after which a list goes on: its ordering instant and, among equals, the id."""

    at: datetime
    id: str
