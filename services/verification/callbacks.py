"""What sources call back with: a data import that the applicant authorised is done."""

from typing import Final

from messages.ids import is_id
from providers.verification.data_import import ReportNotice
from services.common.callbacks import Recipient, SharedSecretSender, UnknownOrder
from storage.common.repository import Transaction
from storage.verification.data_imports import DataImportRepository

_SOURCES: Final = frozenset(
    {"operator_report", "online_banking", "ecommerce", "bank_flows", "bureau_report"}
)


class ReportSender(SharedSecretSender[ReportNotice]):
    """The sources of reports."""

    notice = ReportNotice

    def event_id_of(self, notice: ReportNotice) -> str:
        """Return the source's own id of the event."""
        return notice.event_key

    async def recipient_of(self, tx: Transaction, notice: ReportNotice) -> Recipient:
        """Return the process whose data import it is."""
        known = is_id(notice.capture_no, "elt")
        data_import = await DataImportRepository(tx).get(notice.capture_no) if known else None
        if data_import is None or notice.source in _SOURCES - {data_import.kind}:
            raise UnknownOrder("No such data import was begun.")
        return Recipient(data_import.workflow_id, notice.capture_no)
