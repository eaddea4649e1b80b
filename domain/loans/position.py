"""Where a loan stands at the end of a day: what is due, paid, owed, late and earned.

`position(terms, events, as_of)` is a pure function: the same terms and events give the same answer
on every machine and at every time, and events after `as_of` do not change it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from domain.common.data import Data
from domain.loans.account import LoanAccount, replay
from domain.loans.charge_off import ChargeOff
from domain.loans.charges import is_charge
from domain.loans.delinquency import Delinquency
from domain.loans.events import LoanEvent
from domain.loans.income import claimed, interest_ahead_of_bill, unreleased_fees
from domain.loans.instalment_account import Amounts, InstalmentAccount
from domain.loans.terms import LoanTerms


class InstalmentState(StrEnum):
    """An instalment is upcoming, due today, overdue from the day after, paid, or written off."""

    UPCOMING = "upcoming"
    DUE = "due"
    OVERDUE = "overdue"
    PAID = "paid"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True, slots=True)
class Components:
    """An amount by component, in minor units.

    `receivable` is money that came back after it was accounted for and is owed again.
    """

    principal: int = 0
    interest: int = 0
    penalty: int = 0
    fee: int = 0
    receivable: int = 0

    @property
    def total(self) -> int:
        """Return the sum of the components."""
        return self.principal + self.interest + self.penalty + self.fee + self.receivable


@dataclass(frozen=True, slots=True)
class InstalmentPosition:
    """One instalment on a day.

    `principal`, `interest` and `fee` are those of the plan as it stands, with what was charged;
    `penalty` is what was earned up to the day or charged. `outstanding` is the four together, less
    what was paid, waived and written off. A charge with a due date of its own is shown as one,
    numbered beyond them (`is_charge`). `bucket` is where the terms sort it once it is late.
    `interest_waived` includes interest that a settlement or
    a write-off left unearned.
    """

    number: int
    due_on: date
    principal: int
    interest: int
    penalty: int
    principal_paid: int
    interest_paid: int
    penalty_paid: int
    interest_waived: int
    outstanding: int
    days_past_due: int
    state: InstalmentState
    paid_on: date | None
    fee: int = 0
    fee_paid: int = 0
    principal_waived: int = 0
    fee_waived: int = 0
    penalty_waived: int = 0
    written_off: int = 0
    is_charge: bool = False
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Arrears:
    """What is late in one bucket of the terms: how many instalments, and their unpaid amount."""

    bucket: str
    instalments: int
    amount: int


@dataclass(frozen=True, slots=True)
class NextDue:
    """The next unpaid instalment that is not late; `amount` is what credit held leaves to pay."""

    number: int
    on: date
    amount: int


class Position(Data):
    """A loan at the end of the day `as_of`; amounts in minor units of `currency`.

    `due` is everything unpaid that fell due up to the day, `overdue` the part of it that is late,
    `outstanding` everything unpaid of the whole plan. `days_past_due` counts from the oldest unpaid
    instalment by the terms' convention: 0 on a due date and 1 on the day after unless agreed
    otherwise; `risk_class` follows from the terms' table, and `arrears` are what is late by its
    buckets. `payoff` is what settles the loan on the
    day.

    `received`, `billed`, `paid`, `waived`, `written_off`, `recovered`, `refunded` and `credit` are
    cumulative: what came in, what the loan may claim (interest and fees of the plan from their due
    date, as far as paid before it, or from settlement; what was charged from then on; penalty as it
    is earned; always less what was waived),
    what payments covered, what was forgone of principal, what was given up, what came in after
    that, what was paid back, and what is held for the borrower. `deducted` are the fees taken out
    of the proceeds; they count as received, billed and paid. `received` equals `paid`, `credit`
    and `refunded` together, less what is owed again (`outstanding.receivable`, lost or not).

    For the books: `interest_ahead` is interest that is income before it is billed, negative what is
    billed before it is income; `deferred_fees` are fees that are not income yet; `charge_off` is
    the charge-off that stands. `receivable_due_on` is the first day on which money is due that came
    back and is owed again.

    The instalments are the plan as it stands. Before its disbursement a loan has none.
    """

    as_of: date
    currency: str
    disbursed: int
    received: int
    billed: Components
    paid: Components
    credit: int
    principal_outstanding: int
    due: Components
    total_due: int
    overdue: Components
    total_overdue: int
    accrued_interest: int
    days_past_due: int
    next_due: NextDue | None
    settled: bool
    settled_on: date | None
    instalments: tuple[InstalmentPosition, ...]
    outstanding: Components = Components()
    risk_class: str = ""
    payoff: int = 0
    deducted: int = 0
    principal_waived: int = 0
    written_off: Components = Components()
    written_off_on: date | None = None
    recovered: int = 0
    refunded: int = 0
    interest_ahead: int = 0
    deferred_fees: int = 0
    charge_off: ChargeOff | None = None
    arrears: tuple[Arrears, ...] = ()
    receivable_due_on: date | None = None

    @property
    def charged_off_on(self) -> date | None:
        """Return the day of the charge-off that stands."""
        return None if self.charge_off is None else self.charge_off.on

    @property
    def charge_off_reason(self) -> str | None:
        """Return the reason of the charge-off that stands."""
        return None if self.charge_off is None else self.charge_off.reason.value


def position(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> Position:
    """Return where the loan stands at the end of `as_of`.

    Raises `ConflictingEvent`, `InvalidReversal`, `InvalidEvent`, `InvalidTerms` or
    `DisbursementMismatch` when the events contradict each other or the terms: try a new event here
    before recording it.
    """
    return position_of(replay(terms, events, as_of), as_of)


def position_of(account: LoanAccount, as_of: date) -> Position:
    """Return the position that an account replayed up to `as_of` is in."""
    terms = account.terms
    shown = [_instalment(item, terms.delinquency, as_of) for item in account.owed]
    if terms.delinquency.buckets:
        shown = _sorted_by_age(shown, terms.delinquency, as_of)
    overdue = [item for item in shown if item.state is InstalmentState.OVERDUE]
    due = overdue + [item for item in shown if item.state is InstalmentState.DUE]
    paid = _sum((item.paid for item in account.owed), fee=account.deducted)
    claims = account.receivables
    written_off = _sum(item.written_off for item in account.owed)
    written_off = replace(written_off, receivable=claims.written_off)
    principal_waived = sum(item.principal_waived for item in shown)
    gone = paid.principal + principal_waived + written_off.principal
    owes = claims.unpaid > 0 or any(item.outstanding for item in shown)
    settled = account.disbursed > 0 and not owes and account.written_off_on is None
    over = not owes or account.written_off_on is not None
    days_past_due = max((item.days_past_due for item in due), default=0)
    due_components, overdue_components = _outstanding(due), _outstanding(overdue)
    outstanding = _outstanding(shown)
    if claims.unpaid:
        late = [item for item in claims if item.unpaid and item.due_on <= as_of]
        days_past_due = max(
            days_past_due,
            *(terms.delinquency.days_past_due((as_of - item.due_on).days) for item in late),
            0,
        )
        due_claims = sum(item.unpaid for item in late)
        late_claims = sum(item.unpaid for item in late if item.due_on < as_of)
        due_components = replace(due_components, receivable=due_claims)
        overdue_components = replace(overdue_components, receivable=late_claims)
        outstanding = replace(outstanding, receivable=claims.unpaid)
    return Position.model_construct(
        as_of=as_of,
        currency=terms.currency,
        disbursed=account.disbursed,
        received=account.received,
        billed=_billed(account, shown, as_of),
        paid=paid,
        credit=account.credit,
        principal_outstanding=account.disbursed - gone,
        due=due_components,
        total_due=due_components.total,
        overdue=overdue_components,
        total_overdue=overdue_components.total,
        accrued_interest=_accrued_interest(account, as_of) if owes else 0,
        days_past_due=days_past_due,
        next_due=_next_due(shown, as_of, account),
        settled=settled,
        settled_on=_settled_on(shown, account) if settled else None,
        instalments=tuple(shown),
        outstanding=outstanding,
        risk_class=terms.delinquency.classify(days_past_due),
        payoff=max(account.settlement(as_of).total - account.credit, 0) if owes else 0,
        deducted=account.deducted,
        principal_waived=principal_waived,
        written_off=written_off,
        written_off_on=account.written_off_on,
        recovered=account.recovered,
        refunded=account.refunded,
        interest_ahead=0 if over else interest_ahead_of_bill(terms, account.instalments, as_of),
        deferred_fees=0 if over else unreleased_fees(terms, account.instalments, as_of),
        charge_off=account.charge_off,
        arrears=_arrears(due, terms.delinquency),
        receivable_due_on=min((item.due_on for item in claims if item.unpaid), default=None),
    )


def _instalment(
    account: InstalmentAccount, delinquency: Delinquency, as_of: date
) -> InstalmentPosition:
    paid, waived, written_off = account.paid, account.waived, account.written_off.total
    penalty = account.penalty(as_of)
    outstanding = (
        account.principal_unpaid
        + account.interest_unpaid
        + account.fee_unpaid
        + penalty
        - paid.penalty
        - waived.penalty
        - account.written_off.penalty
    )
    due_on = account.due_on
    state = _state(due_on, outstanding, written_off, as_of)
    late = state is InstalmentState.OVERDUE or state is InstalmentState.DUE
    return InstalmentPosition(
        number=account.row.period.number,
        due_on=due_on,
        principal=account.principal,
        interest=account.interest,
        penalty=penalty,
        principal_paid=paid.principal,
        interest_paid=paid.interest,
        penalty_paid=paid.penalty,
        interest_waived=waived.interest,
        outstanding=outstanding,
        days_past_due=delinquency.days_past_due((as_of - due_on).days) if late else 0,
        state=state,
        paid_on=account.paid_on,
        fee=account.fee,
        fee_paid=paid.fee,
        principal_waived=waived.principal,
        fee_waived=waived.fee,
        penalty_waived=waived.penalty,
        written_off=written_off,
        is_charge=is_charge(account.row.period.number),
    )


def _sorted_by_age(
    shown: list[InstalmentPosition], delinquency: Delinquency, as_of: date
) -> list[InstalmentPosition]:
    late = sum(1 for item in shown if item.days_past_due and not item.is_charge)
    aged = []
    for item in shown:
        if item.days_past_due:
            age = delinquency.age(item.due_on, as_of, late_since=max(late, 1))
            item = replace(item, bucket=delinquency.bucket_of(age))
            late -= not item.is_charge
        aged.append(item)
    return aged


def _arrears(due: Iterable[InstalmentPosition], delinquency: Delinquency) -> tuple[Arrears, ...]:
    late = [item for item in due if item.bucket]
    return tuple(
        Arrears(
            bucket=bucket.name,
            instalments=sum(1 for item in late if item.bucket == bucket.name),
            amount=sum(item.outstanding for item in late if item.bucket == bucket.name),
        )
        for bucket in delinquency.buckets
        if any(item.bucket == bucket.name for item in late)
    )


def _state(due_on: date, outstanding: int, written_off: int, as_of: date) -> InstalmentState:
    if written_off:
        return InstalmentState.WRITTEN_OFF
    if not outstanding:
        return InstalmentState.PAID
    if due_on > as_of:
        return InstalmentState.UPCOMING
    return InstalmentState.DUE if due_on == as_of else InstalmentState.OVERDUE


def _sum(amounts: Iterable[Amounts], fee: int = 0) -> Components:
    principal = interest = penalty = 0
    for one in amounts:
        principal += one.principal
        interest += one.interest
        penalty += one.penalty
        fee += one.fee
    return Components(principal, interest, penalty, fee)


def _billed(account: LoanAccount, shown: Sequence[InstalmentPosition], as_of: date) -> Components:
    """Return what may be claimed; of what is not due yet only what was charged or paid already."""
    principal = interest = penalty = 0
    fee = account.deducted
    for item, on_day in zip(account.owed, shown, strict=True):
        penalty += on_day.penalty - item.waived.penalty
        if item.due_on <= as_of or item.paid_on is not None:
            principal += item.principal - item.waived.principal
            interest += item.interest - item.waived.interest
            fee += item.fee - item.waived.fee
        else:
            principal += item.paid.principal
            interest += claimed(item.charged.interest, item.paid.interest, item.interest_unpaid)
            fee += claimed(item.charged.fee, item.paid.fee, item.fee_unpaid)
    return Components(principal, interest, penalty, fee)


def _outstanding(instalments: Iterable[InstalmentPosition]) -> Components:
    principal = interest = penalty = fee = 0
    for item in instalments:
        if item.state is InstalmentState.WRITTEN_OFF or not item.outstanding:
            continue
        principal += item.principal - item.principal_paid - item.principal_waived
        interest += item.interest - item.interest_waived - item.interest_paid
        penalty += item.penalty - item.penalty_waived - item.penalty_paid
        fee += item.fee - item.fee_waived - item.fee_paid
    return Components(principal, interest, penalty, fee)


def _accrued_interest(account: LoanAccount, as_of: date) -> int:
    """Return the interest earned in the running period, which has not fallen due yet."""
    return sum(item.earned_interest(as_of) for item in account.owed if item.due_on > as_of)


def _settled_on(instalments: Iterable[InstalmentPosition], account: LoanAccount) -> date | None:
    days = [item.paid_on for item in instalments if item.paid_on]
    return max(days, default=account.terms.disbursed_on)


def _next_due(
    instalments: Iterable[InstalmentPosition], as_of: date, account: LoanAccount
) -> NextDue | None:
    for item in instalments:
        if item.due_on >= as_of and item.outstanding and item.state != InstalmentState.WRITTEN_OFF:
            with_it = sum(
                claim.unpaid for claim in account.receivables if as_of < claim.due_on <= item.due_on
            )
            amount = max(item.outstanding + with_it - account.credit, 0)
            return NextDue(number=item.number, on=item.due_on, amount=amount)
    return None
