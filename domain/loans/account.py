"""The running account of a loan: its events folded in order, one instalment at a time.

Everything shown elsewhere is read from it. Money is allocated in `domain.loans.distribution` alone,
and plans change in `domain.loans.replanning`. An event that cannot be is refused, naming its field;
one that only came to be impossible by news of earlier days is taken as far as it goes.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from domain.common.errors import DisbursementMismatch, InvalidEvent, InvalidTerms
from domain.loans.allocation import Component, Excess, Returned
from domain.loans.charge_off import ChargeOff, charge_off_after, is_cured
from domain.loans.charges import Charges
from domain.loans.daily_replanning import DailyReplanning
from domain.loans.distribution import Distribution
from domain.loans.events import (
    Accelerated,
    AnyEvent,
    Charged,
    ChargedBack,
    ChargedOff,
    ChargeOffUndone,
    Disbursed,
    DueDatesMoved,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    Recovered,
    Refunded,
    Split,
    Waived,
    WrittenOff,
)
from domain.loans.fees import FeeEvent, event_fee
from domain.loans.history import entries
from domain.loans.instalment_account import InstalmentAccount
from domain.loans.lateness import Lateness
from domain.loans.plan_terms import InterestBasis
from domain.loans.receivables import Receivables
from domain.loans.replanning import DECIDED_BY, Replanning, Replans
from domain.loans.schedule import deducted_fees
from domain.loans.settlement import Settlement, settle, settlement_on
from domain.loans.terms import LoanTerms

_FEE_EVENTS = {event.value: event for event in FeeEvent} | {"charged_back": FeeEvent.REVERSED}


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
        self.receivables = Receivables()
        self.charges = Charges(terms)
        self._lateness = Lateness(terms)
        self.charge_off: ChargeOff | None = None
        self._distribution = Distribution(terms.allocation)
        is_daily = terms.interest_basis is not InterestBasis.SCHEDULED
        self._replanning = (DailyReplanning if is_daily else Replanning)(terms, self._distribution)
        self._holds_credit = not is_daily
        self.instalments: list[InstalmentAccount] = self._replanning.instalments
        self._disbursements = 0
        self._today = date.min
        self._is_late_news = False

    def apply(self, event: AnyEvent, *, disturbed: bool = False) -> None:
        """Take one event, in the order in which they count; a disturbed one is never refused."""
        self.advance(event.on)
        is_payment = isinstance(event, Paid) and event.split is None
        if self.written_off_on is None and not is_payment:
            self._replanning.forecast(event.on)
        self._is_late_news = disturbed
        was_due = self.charge_off is not None and self._owes_due(event.on)
        self._take(event)
        if self.charge_off is not None and isinstance(event, Paid | PaidOff | Waived):
            is_due, is_open = self._owes_due(event.on), self.is_open(event.on)
            cured = is_cured(self.charge_off, was_due=was_due, is_due=is_due, is_open=is_open)
            self.charge_off = None if cured else self.charge_off
        if self.terms.fees and event.kind in _FEE_EVENTS and self.is_open(event.on):
            self._charge_for(_FEE_EVENTS[event.kind], event.on)
        if self.credit and not isinstance(event, Paid):
            self.advance(event.on)

    def _take(self, event: AnyEvent) -> None:
        is_over = self._refuse_over(event) if isinstance(event, Replans) else False
        match event:
            case Paid():
                self._receive(event)
            case PaidOff():
                self._pay_off(event)
            case Disbursed():
                self._disburse(event)
            case Charged() | Waived() | WrittenOff() | Recovered() | Refunded() | ChargedBack():
                self._correct(event)
            case DueDatesMoved():
                self._move_due_dates(event)
            case ChargedOff() | ChargeOffUndone():
                self._charge_off(event)
            case _ if isinstance(event, Replans) and not is_over:
                self._replan(event)

    def _move_due_dates(self, event: DueDatesMoved) -> None:
        items = {item.row.period.number: item for item in self.instalments}
        for moved in event.dates:
            item = items.get(moved.instalment)
            if item is None or item.due_on != moved.was or min(moved.was, moved.now) <= event.on:
                reason = f"instalment {moved.instalment} is not ahead, due on {moved.was}"
                self._refuse(reason, "dates")
                continue
            self._replanning.redate(item, moved.now)

    def _correct(
        self, event: Charged | Waived | WrittenOff | Recovered | Refunded | ChargedBack
    ) -> None:
        match event:
            case Charged():
                self._charge(event)
            case Waived():
                self._waive(event)
            case WrittenOff():
                self._write_off(event)
            case Recovered():
                self._recover(event)
            case ChargedBack():
                self._take_back(event)
            case _:
                self._refund(event)

    def advance(self, on: date) -> None:
        """Let the days pass up to `on`: credit held pays each instalment on its due date."""
        self._replanning.advance(on)
        if self.credit and self.written_off_on is None:
            self.credit = self.receivables.pay(self.credit, on)
            for instalment in self._unpaid():
                if not self.credit or instalment.due_on > on:
                    break
                day = max(instalment.due_on, self._today)
                self.credit = self._distribution.pay_due(instalment, self.credit, day)
        if self._lateness.costs and self.written_off_on is None:
            gone = sum(item.paid.principal + item.waived.principal for item in self.instalments)
            self._lateness.pass_to(on, self.instalments, self.disbursed - gone)
        self._today = max(on, self._today)

    def conclude(self, on: date) -> None:
        """Let the days pass up to `on`, the day that is looked at."""
        self.advance(on)
        if self.written_off_on is None:
            self._replanning.forecast(on)

    @property
    def owed(self) -> Sequence[InstalmentAccount]:
        """Return the instalments, and the charges that have a due date of their own, by that."""
        return self.charges.among(self.instalments)

    def _unpaid(self) -> Sequence[InstalmentAccount]:
        return self.charges.among(self._replanning.unpaid())

    def is_open(self, on: date) -> bool:
        """Say whether the loan owes anything, due or not."""
        return bool(self.receivables.unpaid) or any(
            item.principal_unpaid or item.interest_unpaid or item.unpaid(on)
            for item in self._unpaid()
        )

    def _owes_due(self, on: date) -> bool:
        """Say whether the loan owes anything that fell due by a day."""
        return any(claim.unpaid and claim.due_on <= on for claim in self.receivables) or any(
            item.due_on <= on and item.unpaid(on) for item in self.owed
        )

    def settlement(self, on: date) -> Settlement:
        """Return what settling the open loan on `on` costs, before credit held."""
        cost = settlement_on(self.terms, self.owed, on)
        cost.receivable = self.receivables.unpaid
        return cost

    def _refuse(self, reason: str, field: str) -> None:
        """Refuse an event, unless it was possible by what was known when it was recorded."""
        if not self._is_late_news:
            raise InvalidEvent(reason, field=field)

    def _refuse_over(self, event: AnyEvent) -> bool:
        """Refuse what changes the plan of a loan that has none ahead; say whether it has none.

        A rate may change at any time: it counts for what is disbursed later, if anything is.
        """
        is_whole = self.disbursed == self.terms.principal
        if self.written_off_on is not None:
            self._refuse(f"the loan is written off on {event.on}", "on")
        elif isinstance(event, RateChanged):
            return is_whole and not self.is_open(event.on)
        elif not self.instalments:
            self._refuse(f"there is no loan to reschedule on {event.on}", "on")
        elif is_whole and not self.is_open(event.on):
            self._refuse(f"the loan is settled on {event.on}: no plan is left to change", "on")
        else:
            return False
        return True

    def _replan(self, event: Replans) -> None:
        replanning = self._replanning
        before = replanning.state() if self._is_late_news else None
        try:
            self.credit += replanning.replan(event, self.receivables)
            if isinstance(event, Accelerated):
                self.charges.call_in(event.on)
        except InvalidTerms as refused:
            if before is None:
                known = refused.field in type(event).model_fields
                own = refused.field if known else DECIDED_BY[event.kind]
                raise InvalidTerms(refused.message, field=own) from refused
            replanning.restore(before)

    def _disburse(self, event: Disbursed) -> None:
        if self.written_off_on is not None:
            self._refuse(f"the loan is written off on {event.on}", "on")
        terms, number = self.terms, self._disbursements
        if number > len(terms.tranches):
            raise DisbursementMismatch(
                f"{event.key} disburses a loan that was disbursed before", field="kind"
            )
        expected, at_once = (terms.disbursed_on, terms.first_disbursement), 0
        if number:
            tranche = terms.tranches[number - 1]
            expected, at_once = (tranche.on, tranche.amount), tranche.down_payment
        if (event.on, event.amount) != expected:
            raise DisbursementMismatch(
                f"{event.key} disburses {event.amount} on {event.on}; the terms say "
                f"{expected[1]} on {expected[0]}",
                field="on" if event.on != expected[0] else "amount",
            )
        self._disbursements += 1
        self.disbursed += event.amount
        if number == 0:
            self.deducted = deducted_fees(terms)
            self.received += self.deducted
        try:
            self.credit += self._replanning.disburse(event.on, event.amount, at_once)
        except InvalidTerms as refused:
            raise InvalidEvent(refused.message, field="on") from refused
        if self.written_off_on is not None:
            self._give_up(event.on)

    def _receive(self, event: Paid) -> None:
        amount, on = event.amount, event.on
        named = self._named(event)
        if self.written_off_on is not None:
            self._collect(amount)
            return
        self.received += amount
        if event.split is not None and not self._is_late_news:
            self._pay_by_hand(event.split, event)
            return
        self.credit = self.receivables.pay(self.credit + amount, on)
        if event.directed and named is not None:
            self._replanning.before_payment(on, named)
            self.credit = self._distribution.pay_named(named, self.credit, on)
        self._cover(min(self.credit, amount), on, event.excess)

    def _cover(self, amount: int, on: date, excess: Excess | None = None) -> None:
        """Pay what is due from the credit; what is left of `amount` follows the rule for excess."""
        self._replanning.before_payment(on)
        self.credit = self._distribution.cover(self._unpaid(), self.credit, on)
        rule = excess or self.terms.allocation.excess
        is_kept = self._holds_credit and rule is Excess.CREDIT
        if self.credit and not is_kept and self.instalments:
            own = min(self.credit, amount)
            self.credit -= own
            # A new plan may set free what was paid in advance: it adds to the credit meanwhile.
            self.credit += self._replanning.use_excess(own, on, rule)

    def _named(self, event: Paid | Waived) -> InstalmentAccount | None:
        """Return the instalment that an event names; refuse a number that there is not."""
        if event.instalment is None:
            if isinstance(event, Paid) and event.directed:
                raise InvalidEvent("name the instalment that is paid first", field="instalment")
            return None
        numbers = {item.row.period.number: item for item in self.instalments}
        if event.instalment not in numbers:
            known = f"{min(numbers)} to {max(numbers)}" if numbers else "none yet"
            reason = f"there is no instalment {event.instalment}: the loan has {known}"
            self._refuse(reason, "instalment")
        return numbers.get(event.instalment)

    def _pay_by_hand(self, split: Split, event: Paid) -> None:
        if split.total != event.amount:
            reason = f"the parts come to {split.total}, the payment to {event.amount}"
            raise InvalidEvent(reason, field="split")
        # Interest by the day is owed when it is earned: by hand one pays what has fallen due.
        owed = [one for one in self.owed if self._holds_credit or one.due_on <= event.on]
        for component in Component:
            part = getattr(split, component)
            left = self._distribution.pay_component(owed, component, part, event.on)
            if left:
                reason = f"{part - left} of {component} is owed, not {part}"
                raise InvalidEvent(reason, field="split")

    def _pay_off(self, event: PaidOff) -> None:
        amount, on = event.amount, event.on
        if self.written_off_on is not None:
            self._collect(amount)
            return
        self.received += amount
        if not self.is_open(on) or self.credit + amount < self.settlement(on).total:
            self.credit = self.receivables.pay(self.credit + amount, on)
            self._cover(min(self.credit, amount), on)
            return
        released = settle(self.terms, self.owed, on)
        funds = self.receivables.pay(self.credit + amount + released, date.max)
        self.credit = self._distribution.pay_all(self.owed, funds, on)
        self._replanning.close(on)

    def _take_back(self, event: ChargedBack) -> None:
        if self.written_off_on is not None:
            self._give_back(event)
            return
        self.received -= event.amount
        self._owe(event.amount, event.on)

    def _give_back(self, event: ChargedBack) -> None:
        """Take back money on a loan written off: it is lost too, unless credit covers it."""
        self.received -= event.amount
        covered = min(event.amount, self.credit)
        self.credit -= covered
        self.receivables.add(event.amount - covered, event.on)
        self.receivables.write_off()

    def _owe(self, amount: int, on: date) -> None:
        """Take an amount out of the credit held; what that does not cover is owed again."""
        covered = min(amount, self.credit)
        self.credit -= covered
        due_on = on
        if self.terms.allocation.returned is Returned.NEXT_INSTALMENT:
            ahead = (item.due_on for item in self._unpaid() if item.due_on > on and item.unpaid(on))
            due_on = next(ahead, on)
        self.receivables.add(amount - covered, due_on)

    def _charge(self, event: Charged) -> None:
        on = event.on
        if not self.instalments or self.written_off_on is not None:
            self._refuse(f"there is no loan to charge on {on}", "on")
        elif not self.is_open(on):
            self._refuse(f"the loan is settled on {on}: nothing is charged any more", "on")
        elif event.due_on is None:
            self._replanning.charge(event.component, event.amount, on)
        elif event.due_on < on:
            self._refuse(f"a charge made on {on} is due on that day or later", "due_on")
        else:
            self.charges.add(event.component, event.amount, event.due_on)

    def _charge_for(self, event: FeeEvent, on: date) -> None:
        terms = self.terms
        amount = event_fee(terms.fees, event, terms.principal, terms.interest_rounding)
        if amount and self.written_off_on is None:
            self._replanning.charge(Component.FEE, amount, on)

    def _waive(self, event: Waived) -> None:
        named = self._named(event)
        items = self.owed if named is None else [named]
        if event.component is None:
            self._distribution.waive(items, event.amount, event.on)
            return
        left = event.amount
        for item in items:
            if event.component is Component.PRINCIPAL and item.due_on > event.on:
                continue
            taken = item.cover(item.waived, event.component, left, event.on)
            if taken:
                item.note_paid(event.on)
            left -= taken

    def _write_off(self, event: WrittenOff) -> None:
        on = event.on
        if self.written_off_on is not None or not self.is_open(on):
            self._refuse(f"nothing is owed to write off on {on}", "on")
            return
        if self.credit and self.credit >= self.settlement(on).total:
            self._refuse(f"the credit held covers what is owed on {on}: pay the loan off", "on")
        self._give_up(on)
        self.written_off_on = on

    def _give_up(self, on: date) -> None:
        """Write off what the borrower's own money does not cover."""
        self.credit = self.receivables.pay(self.credit, date.max)
        for component in Component:
            for item in self.owed:
                if component is Component.PRINCIPAL or item.due_on <= on:
                    self.credit -= item.cover(item.paid, component, self.credit, on)
        for item in self.owed:
            item.write_off(on)
        self.receivables.write_off()
        self._replanning.close(on)

    def _charge_off(self, event: ChargedOff | ChargeOffUndone) -> None:
        is_open = self.written_off_on is None and self.is_open(event.on)
        try:
            self.charge_off = charge_off_after(
                event, self.instalments, self.charge_off, is_open=is_open
            )
        except InvalidEvent as refused:
            self._refuse(refused.message, refused.field)

    def _recover(self, event: Recovered) -> None:
        if self.written_off_on is not None:
            self._collect(event.amount)
            return
        self._refuse(f"the loan is not written off on {event.on}: money is a payment", "kind")
        self._receive(Paid(key=event.key, on=event.on, amount=event.amount))

    def _collect(self, amount: int) -> None:
        """Take money on a loan written off: a recovery, beyond what was lost a credit."""
        lost = sum(item.written_off.total for item in self.owed)
        lost += self.receivables.written_off
        recovered = min(amount, lost - self.recovered)
        self.recovered += recovered
        self.received += amount - recovered
        self.credit += amount - recovered

    def _refund(self, event: Refunded) -> None:
        if event.amount > self.credit:
            self._refuse(
                f"{event.key} refunds {event.amount}, the credit held is {self.credit}", "amount"
            )
        self.refunded += event.amount
        self._owe(event.amount, event.on)
        if self.written_off_on is not None:
            self.receivables.write_off()


def replay(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> LoanAccount:
    """Return the account at the end of `as_of`; raises what `entries` and `apply` raise."""
    account = LoanAccount(terms)
    for entry in entries(events, as_of):
        account.apply(entry.event, disturbed=entry.disturbed)
    account.conclude(as_of)
    return account
