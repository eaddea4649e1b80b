"""Who acts: a borrower, a partner's machine, or a person of the lender's staff, in one role."""

from dataclasses import dataclass
from typing import Final, Literal

StaffRole = Literal["reviewer", "collector", "analyst", "ops"]
"""What a person of the staff may act as."""

Role = Literal["applicant", "partner", "codec", "reviewer", "collector", "analyst", "ops"]
"""What a caller may act as; the first three are machines."""

STAFF_ROLES: Final[tuple[StaffRole, ...]] = ("reviewer", "collector", "analyst", "ops")


@dataclass(frozen=True)
class Principal:
    """A caller. `subject` is a customer reference, a channel or a person's handle, by role.

    `person_id` names the person of the directory; machines have none.
    """

    role: Role
    subject: str
    person_id: str | None = None

    @property
    def is_staff(self) -> bool:
        """Say whether the caller works for the lender and sees everybody's resources."""
        return self.role in STAFF_ROLES

    @property
    def actor(self) -> str:
        """Return who did it, for the record: a person by id, a machine as `partner:acme`."""
        return self.person_id or f"{self.role}:{self.subject}"
