"""Every refusal of the credit analysis.

* CreditAnalysisError
  * InvalidProposal: a proposal or report is not as the documents say; names each field
  * AlreadyProcessed: the client has given the id to an earlier proposal
  * UnknownPolicy: the policy of a client is not in force, so that nothing can be begun
  * ReviewClosed: an analyst's decision comes when none is waited for
  * ConsentError
    * ConsentClosed: nobody waits for this signer's consent any more
    * UnknownConsentText: the text that was shown is not the one of today
"""

from dataclasses import dataclass

from domain.common.errors import DomainError, TryLater


class CreditAnalysisError(DomainError):
    """The credit analysis refuses."""


@dataclass(frozen=True)
class Fault:
    """One wrong field: its path, such as `guarantors.0.document_number`, and why."""

    field: str
    code: str
    message: str


class InvalidProposal(CreditAnalysisError):
    """A proposal that is not as the documents say."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        told = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:5])
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        super().__init__(told + more)
        self.faults = faults


class AlreadyProcessed(CreditAnalysisError):
    """The client has given this id to an earlier proposal."""


class UnknownPolicy(CreditAnalysisError, TryLater):
    """A client's settings name a policy that is not in force: ours to mend, nothing was begun."""


class ReviewClosed(CreditAnalysisError):
    """The analysis is not in manual analysis: decided, or not yet there."""


class ConsentError(CreditAnalysisError):
    """A signer's consent cannot be taken."""


class ConsentClosed(ConsentError):
    """Nobody waits for this consent any more: its time is over, or the analysis went on without."""


class UnknownConsentText(ConsentError):
    """The signer was shown another text than that of today."""
