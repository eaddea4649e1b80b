"""What a credit analysis can come to, of what it is made, and which rule wanted what."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.common.data import Data


class AnalysisStatus(StrEnum):
    """Where an analysis stands, in the nine words of the API."""

    AUTOMATICALLY_APPROVED = "automatically_approved"
    AUTOMATICALLY_REPROVED = "automatically_reproved"
    IN_MANUAL_ANALYSIS = "in_manual_analysis"
    MANUALLY_APPROVED = "manually_approved"
    MANUALLY_REPROVED = "manually_reproved"
    WAITING_FOR_DATA = "waiting_for_data"
    AUTOMATICALLY_CHALLENGED = "automatically_challenged"
    MANUALLY_CHALLENGED = "manually_challenged"
    PENDING = "pending"

    @property
    def is_final(self) -> bool:
        """Say whether this analysis says no more. A challenge is answered by a new request."""
        return self not in _OPEN


_OPEN: Final = frozenset(
    {
        AnalysisStatus.IN_MANUAL_ANALYSIS,
        AnalysisStatus.WAITING_FOR_DATA,
        AnalysisStatus.PENDING,
    }
)


class Wish(StrEnum):
    """What a rule wants, the strongest first."""

    REPROVE = "reprove"
    CHALLENGE = "challenge"
    REFER = "refer"


class PartyFacts(Data):
    """What a register said of one party; `mismatch` is its reason, None for a match.

    `constituted_on` is a company's, by the register. `adverse_facts` counts entries of any kind.
    """

    party: str
    mismatch: str | None = None
    adverse_facts: int | None = None
    constituted_on: date | None = None


class AnalysisHit(Data):
    """One rule's answer: what it read and what it wants. Nothing personal."""

    rule: str
    wish: Wish
    read: str


class AnalysisDecision(Data):
    """A status with its reason and the rules that made it.

    `coverage` is collateral and guarantors' assets over the amount, None where they cannot be
    compared; `score` runs from 300 to 1000.
    """

    status: AnalysisStatus
    reason: str
    coverage: Decimal | None
    score: int
    hits: tuple[AnalysisHit, ...]
