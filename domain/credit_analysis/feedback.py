"""What clients report back on a credit that was analysed."""

from enum import StrEnum

from domain.credit_analysis.analysis import Part
from domain.credit_analysis.fields import Instant


class ProposalStatus(StrEnum):
    """What became of the credit on the client's side."""

    CREATED = "created"
    DISBURSED = "disbursed"
    PAID = "paid"
    DEFAULTED = "defaulted"


class Feedback(Part):
    """One report: what happened, and when."""

    credit_proposal_status: ProposalStatus
    event_date: Instant
