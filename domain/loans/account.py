"""The running account of a loan: its events folded in order, one instalment at a time.

Everything shown elsewhere is read from it. Money is allocated in `domain.loans.distribution` alone.
"""

from collections.abc import Iterable
from datetime import date

from domain.common.errors import DisbursementMismatch, InvalidEvent
from domain.loans.allocation import Component, Excess
from domain.loans.charge_off import ChargeOff, charge_off_after, is_cured, owes_due
from domain.loans.distribution import Distribution
from domain.loans.events import (
    AnyEvent,
    Charged,
    ChargedOff,
    ChargeOffUndone,
    Disbursed,
    DueDatesMoved,
    HolidayGranted,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    Recovered,
    Refunded,
    Rescheduled,
    Waived,
    WrittenOff,
    events_in_force,
)
from domain.loans.fees import FeeEvent, event_fee
from domain.loans.instalment_account import Amounts, InstalmentAccount
from domain.loans.loan_schedule import LoanSchedule
from domain.loans.plan_terms import Holiday
from domain.loans.schedule import deducted_fees
from domain.loans.settlement import Settlement, settle, settlement_on
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import refuse_rate

_FEE_EVENTS = {event.value: event for event in FeeEvent}


class LoanAccount:
    """A loan's money up to some day, built by applying its events in order.

    `received` is what came in and stayed in, fees deducted from the proceeds included.
    """

    def __init__(self, terms: LoanTerms) -> None:
        self.terms = terms
        self.disbursed = 0
        self.deducted = 0
        self.received = 0
        self.refunded = 0
        self.recovered = 0
        self.credit = 0
        self.written_off_on: date | None = None
        self.charge_off: ChargeOff | None = None
        self.instalments: list[InstalmentAccount] = []
        self._schedule = LoanSchedule(terms)
        self._distribution = Distribution(terms.allocation)
        self._disbursements = 0
        self._redated: dict[int, tuple[date, date]] = {}
        self._today = date.min
        self._paid_to = 0

    def apply(self, event: AnyEvent) -> None:
        """Take one event; they come in the order in which they count."""
        self.advance(event.on)
        was_due = self.charge_off is not None and owes_due(self.instalments, event.on)
        self._take(event)
        if self.charge_off is not None and isinstance(event, Paid | PaidOff | Waived):
            cured = is_cured(self.charge_off, self.instalments, event.on, was_due=was_due)
            self.charge_off = None if cured else self.charge_off
        if self.terms.fees and event.kind in _FEE_EVENTS and self.instalments:
            self._charge_for(_FEE_EVENTS[event.kind], event.on)
        if self.credit and not isinstance(event, Paid):
            self.advance(event.on)

    def _take(self, event: AnyEvent) -> None:
        match event:
            case Paid():
                self._receive(event.amount, event.on, event.excess)
            case PaidOff():
                self._pay_off(event.amount, event.on)
            case Disbursed():
                self._disburse(event)
            case RateChanged() | Rescheduled() | HolidayGranted():
                self._replan(event)
            case Charged() | Waived() | WrittenOff() | Recovered() | Refunded():
                self._correct(event)
            case DueDatesMoved():
                self._move_due_dates(event)
            case ChargedOff() | ChargeOffUndone():
                is_open = self.written_off_on is None and self.is_open(event.on)
                self.charge_off = charge_off_after(
                    event, self.instalments, self.charge_off, is_open=is_open
                )

    def _move_due_dates(self, event: DueDatesMoved) -> None:
        items = {item.row.period.number: item for item in self.instalments}
        for moved in event.dates:
            item = items.get(moved.instalment)
            if item is None or item.due_on != moved.was or min(moved.was, moved.now) <= event.on:
                raise InvalidEvent(
                    f"instalment {moved.instalment} is not ahead, due on {moved.was}",
                    field="dates",
                )
            self._redated[moved.instalment] = item.row.period.due_on, moved.now
            item.refresh()

    def _correct(self, event: Charged | Waived | WrittenOff | Recovered | Refunded) -> None:
        match event:
            case Charged():
                self._charge(event.component, event.amount, event.on)
            case Waived():
                self._waive(event)
            case WrittenOff():
                self._write_off(event)
            case Recovered():
                self._recover(event)
            case _:
                self._refund(event)

    def advance(self, on: date) -> None:
        """Let the days pass up to `on`: credit held pays each instalment on its due date."""
        if self.credit and self.written_off_on is None:
            for instalment in self._unpaid():
                if not self.credit or instalment.due_on > on:
                    break
                day = max(instalment.due_on, self._today)
                self.credit = self._distribution.pay_due(instalment, self.credit, day)
        self._today = max(on, self._today)

    def _unpaid(self) -> list[InstalmentAccount]:
        """Return the instalments from the first that is not paid on."""
        items, first = self.instalments, self._paid_to
        while first < len(items) and items[first].paid_on is not None:
            first += 1
        self._paid_to = first
        return items[first:]

    def is_open(self, on: date) -> bool:
        """Say whether the loan owes anything, due or not."""
        return any(
            item.principal_unpaid or item.interest_unpaid or item.unpaid(on)
            for item in self._unpaid()
        )

    def settlement(self, on: date) -> Settlement:
        """Return what settling the open loan on `on` costs, before credit held."""
        return settlement_on(self.terms, self.instalments, on)

    def _disburse(self, event: Disbursed) -> None:
        if self.written_off_on is not None:
            raise InvalidEvent(f"the loan is written off on {event.on}", field="on")
        terms, number = self.terms, self._disbursements
        if number > len(terms.tranches):
            raise DisbursementMismatch(f"{event.key} disburses a loan that was disbursed before")
        expected = (terms.disbursed_on, terms.first_disbursement)
        if number:
            tranche = terms.tranches[number - 1]
            expected = tranche.on, tranche.amount
        if (event.on, event.amount) != expected:
            raise DisbursementMismatch(
                f"{event.key} disburses {event.amount} on {event.on}; the terms say "
                f"{expected[1]} on {expected[0]}"
            )
        self._disbursements += 1
        self.disbursed += event.amount
        if number == 0:
            self.deducted = deducted_fees(terms)
            self.received += self.deducted
        self._rebind(self._schedule.disburse(event.on, event.amount), event.on)

    def _receive(self, amount: int, on: date, excess: Excess | None = None) -> None:
        if self.written_off_on is not None:
            self._collect(amount)
            return
        self.received += amount
        self.credit = self._distribution.cover(self._unpaid(), self.credit + amount, on)
        rule = excess or self.terms.allocation.excess
        if self.credit and rule is not Excess.CREDIT and self.instalments:
            own = min(self.credit, amount)
            self.credit -= own
            # A new plan may set free what was paid in advance: it adds to the credit meanwhile.
            left = self._use_excess(own, on, rule)
            self.credit += left

    def _use_excess(self, funds: int, on: date, rule: Excess) -> int:
        if rule in (Excess.NEXT_INSTALMENT, Excess.LAST_INSTALMENT):
            from_last = rule is Excess.LAST_INSTALMENT
            return self._distribution.pay_ahead(self.instalments, funds, on, from_last=from_last)
        shorten = rule is Excess.SHORTEN_TERM
        index, taken = self._schedule.prepay(on, funds, shorten=shorten)
        if taken:
            self._rebind(index, on)
            self.instalments[index].prepay(taken, on)
        return funds - taken

    def _pay_off(self, amount: int, on: date) -> None:
        if self.written_off_on is not None or not self.is_open(on):
            self._receive(amount, on, Excess.CREDIT)
            return
        if self.credit + amount < self.settlement(on).total:
            self._receive(amount, on, Excess.CREDIT)
            return
        self.received += amount
        released = settle(self.terms, self.instalments, on)
        self.credit = self._distribution.pay_all(
            self.instalments, self.credit + amount + released, on
        )

    def _charge(self, component: Component, amount: int, on: date) -> None:
        if not self.instalments or self.written_off_on is not None:
            raise InvalidEvent(f"there is no loan to charge on {on}", field="on")
        ahead = (item for item in self.instalments if item.due_on >= on)
        next(ahead, self.instalments[-1]).charge(component, amount)
        self._paid_to = 0

    def _charge_for(self, event: FeeEvent, on: date) -> None:
        terms = self.terms
        amount = event_fee(terms.fees, event, terms.principal, terms.interest_rounding)
        if amount:
            self._charge(Component.FEE, amount, on)

    def _waive(self, event: Waived) -> None:
        left = event.amount
        for item in self.instalments:
            if event.instalment not in (None, item.row.period.number):
                continue
            if event.component is Component.PRINCIPAL and item.due_on > event.on:
                continue
            taken = item.cover(item.waived, event.component, left, event.on)
            if taken:
                item.note_paid(event.on)
            left -= taken

    def _write_off(self, event: WrittenOff) -> None:
        if self.written_off_on is not None or not self.is_open(event.on):
            raise InvalidEvent(f"nothing is owed to write off on {event.on}", field="on")
        for item in self.instalments:
            item.write_off(event.on)
        self.written_off_on = event.on

    def _recover(self, event: Recovered) -> None:
        if self.written_off_on is None:
            raise InvalidEvent(
                f"the loan is not written off on {event.on}: money is a payment", field="kind"
            )
        self._collect(event.amount)

    def _collect(self, amount: int) -> None:
        """Take money on a loan written off: a recovery, beyond what was lost a credit."""
        lost = sum(item.written_off.total for item in self.instalments)
        recovered = min(amount, lost - self.recovered)
        self.recovered += recovered
        self.received += amount - recovered
        self.credit += amount - recovered

    def _refund(self, event: Refunded) -> None:
        if event.amount > self.credit:
            raise InvalidEvent(
                f"{event.key} refunds {event.amount}, the credit held is {self.credit}",
                field="amount",
            )
        self.credit -= event.amount
        self.refunded += event.amount

    def _replan(self, event: RateChanged | Rescheduled | HolidayGranted) -> None:
        if self.written_off_on is not None:
            raise InvalidEvent(f"the loan is written off on {event.on}", field="on")
        if not isinstance(event, HolidayGranted) and event.annual_rate is not None:
            refuse_rate(event.annual_rate, "annual_rate")
        match event:
            case RateChanged():
                self._rebind(self._schedule.change_rate(event.on, event.annual_rate), event.on)
            case HolidayGranted():
                holiday = Holiday(on=event.on, count=event.count, extend=event.extend)
                self._rebind(self._schedule.grant_holiday(holiday), event.on)
            case _:
                self._reschedule(event)

    def _reschedule(self, event: Rescheduled) -> None:
        if not self.instalments:
            raise InvalidEvent(f"there is no loan to reschedule on {event.on}", field="on")
        moved = Amounts()
        if event.include_overdue:
            for item in self.instalments:
                if item.row.period.end <= event.on:
                    unpaid = item.move_out(event.on)
                    for component in Component:
                        moved.add(component, getattr(unpaid, component))
        index = self._schedule.reschedule(
            event.on,
            instalments=event.instalments,
            first_due_on=event.first_due_on,
            frequency=event.frequency,
            annual_rate=event.annual_rate,
            added=moved.principal,
        )
        self._rebind(index, event.on)
        for component in (Component.INTEREST, Component.FEE, Component.PENALTY):
            amount = getattr(moved, component)
            if amount:
                self.instalments[index].charge(component, amount)

    def _rebind(self, index: int, on: date) -> None:
        """Follow the plan's rows from `index` on; money paid in advance on them is paid anew."""
        rows = self._schedule.rows
        self._paid_to = min(self._paid_to, index)
        back = [item.release() for item in self.instalments[index:]]
        for item, row in zip(self.instalments[index:], rows[index:], strict=False):
            item.rebind(row)
        self.instalments += [
            InstalmentAccount(self.terms, row, redated=self._redated)
            for row in rows[len(self.instalments) :]
        ]
        if not any(back):
            return
        left = 0
        for item, amount in zip(self.instalments[index:], back, strict=False):
            left += self._distribution.pay_ahead([item], amount, on, from_last=False)
        self.credit += self._distribution.pay_ahead(
            self.instalments[index:], left, on, from_last=False
        )


def replay(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> LoanAccount:
    """Return the account at the end of `as_of`; raises what `events_in_force` and `apply` raise."""
    account = LoanAccount(terms)
    for event in events_in_force(events, as_of):
        account.apply(event)
    account.advance(as_of)
    return account
