"""Letting what concerns one person happen one after the other, in whatever application."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from storage.rows import Connection

_SEED: Final = 4201014
"""Keeps these locks apart from the record's other advisory locks."""


async def lock_persons(connection: "Connection", keys: Iterable[str]) -> None:
    """Lock persons by applicant id or keyed index until the transaction ends.

    The order is that of the keys, so that two who lock the same ones never wait for each other.
    """
    for key in sorted(set(keys)):
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, $2))", key, _SEED
        )
