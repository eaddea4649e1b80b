"""Who a token of the staff acts as: a person of the directory, in a role that they hold."""

from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Protocol

from domain.common.calendar import business_date
from domain.common.zones import zone_of
from domain.people.principals import Principal, StaffRole
from domain.people.staff import PersonLeft, PersonState, RoleNotHeld, UnknownPerson, acting_roles
from runtime.clock import utc_now
from runtime.recent import Recent
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.staff import StaffRepository


class StaffPrincipals(Protocol):
    """Whoever knows the people that tokens name."""

    async def principal(self, handle: str, role: StaffRole) -> Principal:
        """Return the person in a role.

        Raises `UnknownPerson`, `PersonLeft` and `RoleNotHeld`.
        """


@dataclass(frozen=True, slots=True)
class _Known:
    person_id: str
    state: PersonState
    roles: frozenset[StaffRole]
    on: date


class DirectoryPrincipals:
    """The people of the directory, each read again after a second."""

    def __init__(self, database: Database, zone: str) -> None:
        self._database = database
        self._zone = zone_of(zone)
        self._known: dict[str, Recent[_Known]] = {}

    async def principal(self, handle: str, role: StaffRole) -> Principal:
        """Return the person of a handle in a role, their own or that of whom they stand in for.

        Raises `UnknownPerson`, `PersonLeft` and `RoleNotHeld`.
        """
        today = business_date(utc_now(), self._zone)
        recent = self._known.get(handle)
        if recent is None or not recent.is_fresh or recent.value.on != today:
            read_at = monotonic()
            async with self._database.read() as tx:
                recent = Recent(await _read(tx, handle, today), read_at)
            self._known[handle] = recent
        known = recent.value
        if known.state is PersonState.LEFT:
            raise PersonLeft(f"{handle} works here no more")
        if role not in known.roles:
            raise RoleNotHeld(f"{handle} does not hold the role {role}")
        return Principal(role, handle, known.person_id)


async def _read(tx: Transaction, handle: str, today: date) -> _Known:
    row = await StaffRepository(tx).of_handle(handle)
    if row is None:
        raise UnknownPerson(f"the directory has no {handle}")
    others = await StaffRepository(tx).stood_in_for(row.id, today)
    roles = acting_roles(row.roles, (one.roles for one in others))
    return _Known(row.id, row.state, roles, today)
