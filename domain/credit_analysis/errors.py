"""The refusals of the credit analysis."""

from dataclasses import dataclass

from domain.common.errors import DomainError, TryLater


@dataclass(frozen=True)
class Fault:
    """One wrong field: its path, such as `guarantors.0.document_number`, and why."""

    field: str
    code: str
    message: str


class InvalidProposal(DomainError):
    """A proposal that is not as the documents say."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        told = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:5])
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        super().__init__(told + more)
        self.faults = faults


class AlreadyProcessed(DomainError):
    """The client has given this id to an earlier proposal."""


class UnknownPolicy(TryLater):
    """A client's settings name a policy that is not in force: ours to mend, nothing was begun."""


class ReviewClosed(DomainError):
    """The analysis is not in manual analysis: decided, or not yet there."""


class ConsentClosed(DomainError):
    """Nobody waits for this consent any more: its time is over, or the analysis went on without."""
