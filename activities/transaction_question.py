"""What is asked about a payment that an applicant says he made with his card."""

from datetime import date

from activities.enquiries import Judged, Question
from domain.data_sources import Capability
from domain.elements import CardTransaction
from providers.fireeye_answers import TransactionAuthentication
from providers.fireeye_requests import TransactionQuery


def transaction_question(
    request_id: str, identity_number: str, mobile: str | None, data: CardTransaction, today: date
) -> Question[TransactionAuthentication]:
    """Ask whether the card of the person with this number made the payment."""
    query = TransactionQuery(
        card_number=data.card_number,
        transacted_on=data.paid_on,
        amount=data.amount,
        identity_number=identity_number,
        mobile=mobile,
        location=data.place,
    )
    return Question(
        Capability.TRANSACTION_AUTHENTICATION,
        "authenticate",
        query,
        TransactionAuthentication,
        lambda third: third.fireeye.authenticate_transaction(
            request_id=request_id, query=query, today=today
        ),
        judge=_judged,
    )


def _judged(answer: TransactionAuthentication) -> Judged:
    """Match, mismatch and not found are all final, and were all billed."""
    return Judged(answer.verdict, None if answer.passed else answer.outcome.value, settles=True)
