"""Who says a reviewer's word: a person of the directory, or only a name that somebody typed."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.people.authority import NotAuthorised
from domain.people.principals import Principal, StaffRole
from domain.people.staff import PersonState, acting_roles
from messages.ids import is_id
from storage.common.repository import Transaction
from storage.people.staff import StaffRepository

_REVIEWER: Final[StaffRole] = "reviewer"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides. `person_id` is None for a name that the directory does not know."""

    name: str
    person_id: str | None
    skills: frozenset[str]

    @property
    def principal(self) -> Principal:
        """Return them as who acts."""
        return Principal(_REVIEWER, self.name, self.person_id)

    @property
    def actor(self) -> str:
        """Return who it was, for the record."""
        return self.person_id or self.name


async def reviewer_of(tx: Transaction, name: str, today: date) -> Reviewer:
    """Return who a name stands for, an id or a handle of the directory or any other.

    Raises `NotAuthorised` for a person who works here no more or is no reviewer on that day.
    """
    directory = StaffRepository(tx)
    row = await (directory.get(name) if is_id(name, "stf") else directory.of_handle(name))
    if row is None:
        return Reviewer(name, None, frozenset())
    roles = acting_roles(
        row.roles, (one.roles for one in await directory.stood_in_for(row.id, today))
    )
    if row.state is PersonState.LEFT or _REVIEWER not in roles:
        raise NotAuthorised("only a person with the role reviewer decides applications")
    return Reviewer(row.handle, row.id, frozenset(row.skills))
