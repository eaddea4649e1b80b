"""Set up an installation: the newest schema, and the definitions that are shipped.

`python -m services.set_up` with `DATABASE_URL`; repeated, it changes nothing.
"""

import asyncio
import os
import sys

import asyncpg
from sqlalchemy.exc import DBAPIError

from runtime.keyring import BlindIndex, Keyring
from services.definitions.shipped import InvalidShippedDefinition, load_shipped
from storage.common.repository import Transaction
from storage.definitions import DefinitionCache
from storage.migrate import migrate


async def set_up(url: str) -> str:
    """Migrate the database at `url`, load the catalogue, return the revision that it has then.

    Raises what the connection and the migrations raise, and `InvalidShippedDefinition`.
    """
    revision = await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await load_shipped(_without_personal_data(connection))
    finally:
        await connection.close()
    return revision


def _without_personal_data(connection: "asyncpg.Connection[asyncpg.Record]") -> Transaction:
    """Return a transaction for what is not encrypted: set-up is given no keys."""
    return Transaction(connection, Keyring("", {}), BlindIndex(b""), DefinitionCache())


def main() -> int:
    """Set up the database of the environment; the exit code is 1 when that fails."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        sys.stderr.write("set DATABASE_URL to the database to set up\n")
        return 1
    try:
        revision = asyncio.run(set_up(url))
    except (OSError, asyncpg.PostgresError, InvalidShippedDefinition) as error:
        return _failed(error)
    except DBAPIError as error:
        return _failed(error.orig)
    sys.stdout.write(f"the database is at revision {revision}\n")
    return 0


def _failed(cause: BaseException | None) -> int:
    sys.stderr.write(f"the database was not set up: {cause}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
