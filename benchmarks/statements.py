"""Counting what PostgreSQL is asked to do, by its own log."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Final

import asyncpg

_EXECUTED: Final = re.compile(r"LOG:  (?:execute [^:]*|statement): (.*)")
_PASSES_NOTHING_ON: Final = re.compile(r"(?:BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE)
_SETTLED_SECONDS: Final = 0.3


class StatementLog:
    """The server's log while every statement is written to it.

    For a database that is thrown away: statements may quote what people handed in.
    """

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", log: Path) -> None:
        self._connection = connection
        self._log = log
        self._read = 0

    async def start(self) -> None:
        """Have every statement written from now on."""
        await self._set("all")
        await asyncio.sleep(_SETTLED_SECONDS)
        self._read = self._log.stat().st_size

    async def stop(self) -> None:
        """Have no statement written any more."""
        await self._set("none")

    async def taken(self) -> Counter[str]:
        """Return the statements since the last time, by text; transaction control counts too."""
        await asyncio.sleep(_SETTLED_SECONDS)
        with self._log.open("rb") as log:
            log.seek(self._read)
            written = log.read()
        self._read += len(written)
        return Counter(
            match[1].strip() for match in _EXECUTED.finditer(written.decode(errors="replace"))
        )

    async def _set(self, level: str) -> None:
        await self._connection.execute(f"alter system set log_statement = '{level}'")
        await self._connection.execute("select pg_reload_conf()")


def transactions(counted: Counter[str]) -> int:
    """Return how many transactions were begun; a statement outside of one is none."""
    return sum(number for text, number in counted.items() if text.upper().startswith("BEGIN"))


def own_work(counted: Counter[str]) -> int:
    """Return how many statements did something: all but BEGIN, COMMIT and ROLLBACK."""
    return sum(number for text, number in counted.items() if not _PASSES_NOTHING_ON.match(text))
