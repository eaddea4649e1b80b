"""What sources call back with: a capture that the applicant authorised is done."""

from datetime import datetime

from messages.ids import is_id
from providers.http.signature import HEADER, verify_signature
from providers.verification.capture import ReportNotice
from services.common.callbacks import CallbackSender, Recipient, UnknownOrder
from storage.common.repository import Transaction
from storage.verification.captures import CaptureRepository


class ReportSender(CallbackSender[ReportNotice]):
    """The sources of reports; `secret` is shared with them."""

    header = HEADER
    notice = ReportNotice

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def verify(self, body: bytes, signature: str | None, now: datetime) -> None:
        """Verify our own form of signature."""
        verify_signature(self._secret, signature, body, now)

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
