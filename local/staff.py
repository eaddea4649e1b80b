"""The people to whom the local stack's tokens belong, written into the staff directory.

Who is there is left as they are: roles that somebody changed stay changed.
"""

import asyncio
import sys
from collections.abc import Iterable

from domain.people.principals import Principal, StaffRole
from messages.ids import derived_id
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings, Token
from services.people import directory
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.staff import StaffRepository


def person_id_of(handle: str) -> str:
    """Return the id of a local person."""
    return derived_id("stf", "local", handle)


async def add_people(tx: Transaction, tokens: Iterable[Token], lender: str) -> None:
    """Add whom staff tokens name and the directory does not know, each with the tokens' roles.

    Nobody is added when nobody among them has the role ops, who adds people.
    """
    roles: dict[str, set[StaffRole]] = {}
    for token in tokens:
        match token.role:
            case "applicant" | "partner" | "codec":
                pass
            case role:
                roles.setdefault(token.subject, set()).add(role)
    first = next((handle for handle, held in roles.items() if directory.OPS in held), None)
    if first is None:
        return
    if not await StaffRepository(tx).holders(directory.OPS):
        await directory.add_first_person(tx, _person(first, roles[first], lender))
    known = await StaffRepository(tx).of_handle(first)
    if known is None or directory.OPS not in known.roles:
        return
    caller = Principal(directory.OPS, first, known.id)
    for handle, held in roles.items():
        if await StaffRepository(tx).of_handle(handle) is None:
            await directory.add_person(tx, caller, _person(handle, held, lender))


def _person(handle: str, roles: set[StaffRole], lender: str) -> directory.PersonCreate:
    return directory.PersonCreate(
        person_id=person_id_of(handle), handle=handle, name=handle, roles=roles, lender=lender
    )


async def _add(settings: Settings) -> None:
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with (
        Database.open(settings.database_url, 1, keyring, blind_index) as database,
        database.transaction() as tx,
    ):
        await add_people(tx, settings.tokens, settings.lender)


def main() -> int:
    """Add the people of the environment's tokens; for the local profile only."""
    settings = Settings()
    if settings.environment != "local":
        sys.stderr.write("people are added by `starter.py staff add` outside the local profile\n")
        return 1
    asyncio.run(_add(settings))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
