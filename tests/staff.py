"""People of the staff as callers, without a directory."""

from domain.people.principals import Principal, StaffRole
from local.staff import person_id_of


def person(role: StaffRole, handle: str) -> Principal:
    """The person of a handle in a role, under the id that the tests' directories give them."""
    return Principal(role, handle, person_id_of(handle))
