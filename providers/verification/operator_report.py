"""Operator report: the authorised capture of a mobile account, in two steps and then some time.

`begin` has the operator text a code to the user, `confirm` hands the code back, and the report
follows minutes to hours later: by asking `report`, at the latest when a `ReportNotice` arrives.
"""

from typing import Protocol, Self

from pydantic import model_validator

from providers.http.client import ProviderClient
from providers.http.wire import PersonalWire
from providers.verification.capture import (
    Begun,
    CodeEntry,
    Confirmation,
    Key,
    ReportQuery,
    ReportState,
    ReportStatus,
    call_about,
)
from providers.verification.operator_document import OperatorDocument


class OperatorReportState(ReportState):
    """Where the capture stands; the document comes when it is done and only then.

    Reasons of a failure: `source_failed`, `consent_withdrawn`, `account_suspended`.
    """

    document: OperatorDocument | None = None

    @model_validator(mode="after")
    def _a_document_comes_when_done(self) -> Self:
        if (self.status is ReportStatus.DONE) != (self.document is not None):
            raise ValueError("a document is given exactly when the capture is done")
        return self


class OperatorReport(Protocol):
    """A source of operator reports. All raise ProviderUnavailable or ProviderRejected.

    Rejections worth telling apart: `capture_not_found`, `capture_conflict` (the number is taken by
    another person), `not_confirmed` (`report` before the code was accepted).
    """

    async def begin(
        self, *, capture_no: str, consent_id: str, name: str, identity_number: str, mobile: str
    ) -> Begun:
        """Text a code to `mobile`; a repeat under the same number sends none.

        Reasons: `name_mismatch`, `mobile_mismatch`, `operator_unsupported` and
        `source_maintenance` (unavailable).
        """

    async def confirm(
        self, *, request_id: str, capture_no: str, reference: str, code: str
    ) -> Confirmation:
        """Hand the code back; each try has a `request_id` of its own, a repeat is no new try."""

    async def report(self, *, capture_no: str, reference: str) -> OperatorReportState:
        """Return where the capture stands, with the document once it is done."""


class OperatorReportRequest(PersonalWire):
    """Whose account, by which consent, as sent."""

    capture_no: Key
    consent_id: Key
    name: str
    identity_number: str
    mobile: str


class HttpOperatorReport:
    """OperatorReport over the common contract; the capture number is the request id."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def begin(
        self, *, capture_no: str, consent_id: str, name: str, identity_number: str, mobile: str
    ) -> Begun:
        """See OperatorReport.begin."""
        request = OperatorReportRequest(
            capture_no=capture_no,
            consent_id=consent_id,
            name=name,
            identity_number=identity_number,
            mobile=mobile,
        )
        return await call_about(
            self._client,
            "operator_report",
            "begin",
            request,
            Begun,
            capture_no=capture_no,
            request_id=capture_no,
        )

    async def confirm(
        self, *, request_id: str, capture_no: str, reference: str, code: str
    ) -> Confirmation:
        """See OperatorReport.confirm."""
        request = CodeEntry(capture_no=capture_no, reference=reference, code=code)
        return await call_about(
            self._client,
            "operator_report",
            "confirm",
            request,
            Confirmation,
            capture_no=capture_no,
            request_id=request_id,
        )

    async def report(self, *, capture_no: str, reference: str) -> OperatorReportState:
        """See OperatorReport.report."""
        request = ReportQuery(capture_no=capture_no, reference=reference)
        return await call_about(
            self._client,
            "operator_report",
            "report",
            request,
            OperatorReportState,
            capture_no=capture_no,
            request_id=capture_no,
        )
