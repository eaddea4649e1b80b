"""Add the first person of an installation's staff directory, who then adds the others.

`python -m services.people.first_person HANDLE NAME`, with the settings of the API; the name is
stored encrypted. It is refused once somebody holds the role ops.
"""

import argparse
import asyncio
import re
import sys

import asyncpg
from pydantic import ValidationError

from domain.common.errors import DomainError
from domain.people.staff import HANDLE
from messages.ids import new_id
from runtime.keyring import BlindIndex, Keyring, KeyringError
from runtime.settings import Settings
from services.people.directory import PersonCreate, add_first_person
from storage.database import Database


async def first_person(settings: Settings, handle: str, name: str) -> str:
    """Add the person and return the id; raises `DirectoryNotEmpty` and what PostgreSQL raises."""
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with (
        Database.open(settings.database_url, 1, keyring, blind_index) as database,
        database.transaction() as tx,
    ):
        person = await add_first_person(
            tx,
            PersonCreate(person_id=new_id("stf"), handle=handle, name=name, lender=settings.lender),
        )
    return person.id


def _handle(text: str) -> str:
    if not re.fullmatch(HANDLE, text):
        raise argparse.ArgumentTypeError(
            "2 to 32 lower case letters, digits and dashes, such as ops-1; no name"
        )
    return text


def main() -> int:
    """Add the person that the arguments name; the exit code is 1 when that fails."""
    parser = argparse.ArgumentParser(description="Add the first person of the staff directory.")
    parser.add_argument("handle", type=_handle, help="the subject of the person's tokens")
    parser.add_argument("name", help="the person's name, which is stored encrypted")
    given = parser.parse_args()
    try:
        person_id = asyncio.run(first_person(Settings(), given.handle, given.name))
    except (OSError, asyncpg.PostgresError, DomainError, KeyringError, ValidationError) as error:
        sys.stderr.write(f"nobody was added: {error}\n")
        return 1
    sys.stdout.write(f"{given.handle} is {person_id}, with the role ops\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
