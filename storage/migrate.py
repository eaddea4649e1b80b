"""Bring a database to the newest schema.

All outstanding migrations run in one transaction under an advisory lock: they all take place or
none does, and of two migrators the second finds nothing left to do. They only go forward.
"""

from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_LOCK: Final = 4_201_001
"""Names our migrations among the advisory locks of the database."""


async def migrate(url: str) -> str:
    """Migrate the database at `url` and return the revision that it has then.

    Raises what the connection and the migrations raise.
    """
    # The driver reads the URL by itself, so that it means the same here as in the pool.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade)
            revision = await connection.run_sync(_revision)
    finally:
        await engine.dispose()
    return revision or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
