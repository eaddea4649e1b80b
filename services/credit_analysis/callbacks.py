"""What QI Tech calls back with: an analysis that we asked for has come to a status."""

from datetime import datetime

from messages.ids import credit_analysis_workflow
from providers.credit_analysis.qitech import SIGNATURE, QiTechNotice, status_of, verify_webhook
from services.common.callbacks import CallbackSender, Recipient, UnknownOrder
from storage.common.repository import Transaction
from storage.credit_analysis.external_assessments import ExternalAssessmentRepository


class QiTechSender(CallbackSender[QiTechNotice]):
    """QI Tech; it signs with `key` that it calls us at `endpoint`, by `method`."""

    header = SIGNATURE
    notice = QiTechNotice

    def __init__(self, key: str, endpoint: str, method: str = "POST") -> None:
        self._key = key
        self._endpoint = endpoint
        self._method = method

    def verify(self, body: bytes, signature: str | None, now: datetime) -> None:
        """Verify QI Tech's own form of signature; it has no date."""
        del now
        verify_webhook(self._key, self._endpoint, self._method, body, signature)

    def event_id_of(self, notice: QiTechNotice) -> str:
        """Return whose status it is, which and when."""
        return notice.event_key

    async def recipient_of(self, tx: Transaction, notice: QiTechNotice) -> Recipient:
        """Return the analysis that asked for it."""
        assessment = await ExternalAssessmentRepository(tx).get(notice.assessment_id)
        if assessment is None:
            raise UnknownOrder("No such analysis was asked for.")
        return Recipient(credit_analysis_workflow(assessment.analysis_id), assessment.id)

    async def learn(self, tx: Transaction, notice: QiTechNotice) -> None:
        """Record the status, unless a later one is known."""
        await ExternalAssessmentRepository(tx).learn(
            notice.assessment_id,
            status_of(notice.analysis_status),
            notice.analysis_status,
            notice.event_date,
        )
