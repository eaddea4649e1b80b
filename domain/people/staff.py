"""The staff directory: people, their roles, teams, skills and deputies.

A person is known by an opaque id in the database and by a handle, a short login that tells an
outsider nothing, to colleagues. Machines (partners' servers, an applicants' front) are no people.
"""

from collections.abc import Collection, Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import StringConstraints

from domain.common.data import Data
from domain.common.errors import DomainError, FieldError
from domain.people.principals import Principal, StaffRole

HANDLE: Final = r"^[a-z][a-z0-9-]{1,31}$"

Handle = Annotated[str, StringConstraints(pattern=HANDLE)]
"""A person's short login: lower case letters, digits and dashes; never used for another person."""

Skill = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""What a person can do, for handing out work: `mandarin`, `fraud`."""

TeamCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]

_OPS: Final[StaffRole] = "ops"


class PersonState(StrEnum):
    """Whether a person works here; who has left never comes back under the same handle."""

    ACTIVE = "active"
    LEFT = "left"


class UnknownPerson(DomainError):
    """The directory has no such person."""


class PersonLeft(DomainError):
    """The person works here no more."""


class RoleNotHeld(DomainError):
    """A person acts in a role that the directory does not give them."""


class HandleTaken(DomainError):
    """The handle is, or was, another person's."""


class OwnRoles(DomainError):
    """A person would change what they may do themself."""


class LastOps(DomainError):
    """Nobody would be left who may change the directory."""


class UnknownTeam(DomainError):
    """There is no such team."""


class TeamTaken(DomainError):
    """The code is another team's."""


class InvalidDeputy(FieldError):
    """Nobody can stand in like this; `field` names what to change."""


class DirectoryNotEmpty(DomainError):
    """There is an ops person already, who adds the others."""


class Deputyship(Data):
    """That `deputy_id` acts in the roles of `person_id` from one day to another, both included."""

    id: str
    person_id: str
    deputy_id: str
    first_day: date
    last_day: date


def check_deputyship(named: Deputyship, today: date) -> None:
    """Raise `InvalidDeputy` unless somebody else stands in, for days that are not all over."""
    if named.person_id == named.deputy_id:
        raise InvalidDeputy("nobody is their own deputy", field="deputy_id")
    if named.last_day < named.first_day:
        raise InvalidDeputy(f"ends before it begins on {named.first_day}", field="last_day")
    if named.last_day < today:
        raise InvalidDeputy(f"is over: today is {today}", field="last_day")


def check_not_own(caller: Principal, person_id: str) -> None:
    """Raise `OwnRoles` when a caller would change what they may do themself."""
    if caller.person_id == person_id:
        raise OwnRoles("somebody else with the role ops has to change your roles")


def check_others_hold_ops(person_id: str, holders: Collection[str]) -> None:
    """Raise `LastOps` when `person_id` is the only one of the active `holders` of the role ops."""
    if set(holders) == {person_id}:
        raise LastOps("give the role ops to somebody else first")


def check_may_direct(caller: Principal, holders: Collection[str]) -> None:
    """Raise `RoleNotHeld` unless the caller is one of the active `holders` of the role ops.

    A deputy is none: standing in for somebody does not let them change who may do what.
    """
    if caller.role != _OPS or caller.person_id not in holders:
        raise RoleNotHeld("the directory is changed by who holds the role ops themself")


def acting_roles(
    own: Iterable[StaffRole], stood_in_for: Iterable[Iterable[StaffRole]]
) -> frozenset[StaffRole]:
    """Return what a person may act as today: own roles, and those of whom they stand in for."""
    return frozenset(own).union(*stood_in_for)
