"""What sources call back with: a capture that the applicant authorised is done."""

from messages.ids import is_id
from providers.verification.capture import ReportNotice
from services.common.callbacks import Recipient, SharedSecretSender, UnknownOrder
from storage.common.repository import Transaction
from storage.verification.captures import CaptureRepository


class ReportSender(SharedSecretSender[ReportNotice]):
    """The sources of reports."""

    notice = ReportNotice

    def event_id_of(self, notice: ReportNotice) -> str:
        """Return the source's own id of the event."""
        return notice.event_id

    async def recipient_of(self, tx: Transaction, notice: ReportNotice) -> Recipient:
        """Return the process whose capture it is."""
        known = is_id(notice.capture_no, "elt")
        capture = await CaptureRepository(tx).get(notice.capture_no) if known else None
        if capture is None or capture.kind != notice.source:
            raise UnknownOrder("No such capture was begun.")
        return Recipient(capture.workflow_id, notice.capture_no)
