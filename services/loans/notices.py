"""What a borrower is told of a loan."""

from datetime import date
from typing import Any

from domain.loans.events import Accelerated, DueDatesMoved, LoanEvent, Paid, PaidOff
from domain.loans.position import Position
from domain.messaging.events import MessagePurpose
from domain.messaging.rendering import reference_of
from messages import ids
from services.messaging.outbox import Notice, amount


def money_sent(loan_id: str, minor: int, currency: str) -> Notice:
    """Return that the money of a new loan was paid out, `minor` units of it."""
    return _notice(MessagePurpose.MONEY_SENT, loan_id, "disbursed", minor, currency)


def payment_received(
    loan_id: str, key: str, minor: int, currency: str, on: date, *, is_settled: bool
) -> Notice:
    """Return that a payment was booked; the last one says instead that the loan is paid off."""
    if is_settled:
        about = ids.loan_workflow(loan_id)
        said = {"contract": reference_of(loan_id), "settled_on": on.isoformat()}
        return Notice(MessagePurpose.LOAN_SETTLED, f"{about}:{key}", about, said)
    return _notice(MessagePurpose.PAYMENT_RECEIVED, loan_id, key, minor, currency)


def servicing_notice(
    loan_id: str, event: LoanEvent, after: Position, currency: str
) -> Notice | None:
    """Return what a borrower is told of a servicing transaction, None of most.

    `after` is where the loan stands with it. Of due dates that moved the message names the nearest.
    """
    about = ids.loan_workflow(loan_id)
    said: dict[str, Any] = {"contract": reference_of(loan_id)}
    match event:
        case Paid() | PaidOff():
            return payment_received(
                loan_id, event.key, event.amount, currency, event.on, is_settled=after.settled
            )
        case Accelerated():
            purpose = MessagePurpose.LOAN_ACCELERATED
            said |= {"amount": amount(after.total_due, currency), "due_on": event.on.isoformat()}
        case DueDatesMoved():
            purpose = MessagePurpose.DUE_DATES_MOVED
            nearest = min(one.now for one in event.dates)
            said |= {"moved": len(event.dates), "due_on": nearest.isoformat()}
        case _:
            return None
    return Notice(purpose, f"{about}:{event.key}", about, said)


def debit_failed(loan_id: str, repayment_id: str, minor: int, currency: str) -> Notice:
    """Return that a debit from the borrower's card failed."""
    return _notice(MessagePurpose.DEBIT_FAILED, loan_id, repayment_id, minor, currency)


def contract_ready(drawdown_id: str, loan_id: str, minor: int, currency: str) -> Notice:
    """Return that the contract of a drawdown is signed."""
    about = ids.drawdown_workflow(drawdown_id)
    said = {"contract": reference_of(loan_id), "amount": amount(minor, currency)}
    return Notice(MessagePurpose.CONTRACT_READY, about, about, said)


def _notice(purpose: MessagePurpose, loan_id: str, key: str, minor: int, currency: str) -> Notice:
    about = ids.loan_workflow(loan_id)
    said = {"contract": reference_of(loan_id), "amount": amount(minor, currency)}
    return Notice(purpose, f"{about}:{key}", about, said)
