"""Servicing: what is recorded of a loan besides its payments by debit."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from activities.common.performing import performs
from activities.loans.books import LoanBooks
from domain.loans.difference import difference
from domain.loans.records import cash_moved
from messages import calls
from messages.loans import PostTransaction
from services.loans.caps import check_caps_on
from services.loans.notices import servicing_notice
from services.messaging.outbox import tell
from storage.common.audit import AuditRepository
from storage.database import Database
from storage.loans.journal import EntryKind
from storage.loans.loans import LoanRepository

ENTRY_KINDS: Final = MappingProxyType[str, EntryKind](
    {
        "paid": "repayment",
        "paid_off": "payoff",
        "reversed": "reversal",
        "charged": "charge",
        "waived": "waiver",
        "rate_changed": "rate_change",
        "rescheduled": "reschedule",
        "holiday_granted": "holiday",
        "due_day_changed": "reschedule",
        "re_aged": "reschedule",
        "interest_paused": "rate_change",
        "accelerated": "reschedule",
        "charged_back": "reversal",
        "due_dates_moved": "reschedule",
        "written_off": "write_off",
        "charged_off": "charge_off",
        "charge_off_undone": "charge_off_undone",
        "recovered": "recovery",
        "refunded": "refund",
    }
)
"""The kind of journal entry that each kind of event posts."""


@dataclass(frozen=True)
class Servicing:
    """Posts servicing transactions."""

    database: Database

    @performs(calls.POST_TRANSACTION)
    async def post_transaction(self, request: PostTransaction) -> None:
        """Post a transaction once, and publish what it changed instalment by instalment.

        Raises what `domain.loans.position` raises when the event contradicts those on record, and
        `RateCapExceeded` when a cap in force forbids what it makes of the loan.
        """
        record, event = request.transaction, request.transaction.event
        async with self.database.transaction() as tx:
            books = await LoanBooks.open(tx, request.loan_id)
            if await LoanRepository(tx).event(event.key) is not None:
                return
            await check_caps_on(tx, books.loan, books.events, event)
            before = books.position(request.business_date)
            after = await books.post(
                event.key,
                ENTRY_KINDS[event.kind],
                request.business_date,
                request.state_seq,
                event=event,
                cash=cash_moved(event, books.events),
            )
            changes = difference(before, after, books.servicing)
            await books.publish(
                event.kind,
                event.key,
                after,
                {"on": event.on.isoformat(), "changes": changes.model_dump(mode="json")},
            )
            notice = servicing_notice(books.loan.id, event, after, books.loan.currency)
            if notice is not None:
                await tell(tx, notice)
            await AuditRepository(tx).add(
                actor=record.actor,
                role=record.role,
                action=f"record_{event.kind}",
                subject=request.loan_id,
                outcome="recorded",
                detail={"event": event.key, "reference": record.reference},
                key=event.key,
            )
