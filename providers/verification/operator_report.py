"""Operator report: the authorised data import of a mobile account, in two steps and then some time.

The beginning has the operator text a code to the user, a `CodeEntry` hands the code back, and the
report follows minutes to hours later: by asking for it, at the latest when a `ReportNotice`
arrives.
"""

from pydantic import Field

from domain.sources import Capability
from providers.verification.data_import import BeginRequest, Begun, ReportQuery, ReportState
from providers.verification.operator_document import OperatorDocument, OperatorFacts, facts_of


class OperatorReportRequest(BeginRequest[Begun]):
    """Text a code to `mobile`; a repeat under the same number sends none.

    Reasons: `name_mismatch`, `mobile_mismatch`, `operator_unsupported` and `source_maintenance`
    (unavailable). Refusals worth telling apart: `capture_conflict` (the number is taken by another
    person), and of the later steps `capture_not_found` and `not_confirmed` (a report before the
    code was accepted).
    """

    capability = Capability.OPERATOR_REPORT

    mobile: str


class OperatorReportQuery(ReportQuery):
    """Ask for the report.

    Calls to the `emergency_mobiles`, which stay with us, are counted; None: nothing is compared.
    Reasons of a failure: `source_failed`, `consent_withdrawn`, `account_suspended`.
    """

    capability = Capability.OPERATOR_REPORT
    state = ReportState[OperatorDocument]

    emergency_mobiles: frozenset[str] | None = Field(default=None, exclude=True)

    def facts_of(self, document: OperatorDocument) -> OperatorFacts:
        """Return the aggregates."""
        return facts_of(document, self.emergency_mobiles)
