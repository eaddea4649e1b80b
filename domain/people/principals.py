"""Who acts: a borrower, a partner's machine, or a member of staff, in one role."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["applicant", "partner", "reviewer", "collector", "analyst", "ops"]


@dataclass(frozen=True)
class Principal:
    """A caller. `subject` is a customer reference, a channel or a member of staff, by role."""

    role: Role
    subject: str

    @property
    def is_staff(self) -> bool:
        """Say whether the caller works for the lender and sees everybody's resources."""
        return self.role not in ("applicant", "partner")
