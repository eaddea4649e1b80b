"""Where a loan stands at the end of a day: what is due, paid, owed, late and earned.

`position(terms, events, as_of)` is a pure function: the same terms and events give the same answer
on every machine and at every time, and events after `as_of` do not change it.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.loan_account import InstalmentAccount, LoanAccount, replay
from domain.loan_events import LoanEvent
from domain.loan_terms import LoanTerms

_BUCKET_DAYS = 30
_LAST_BUCKET = 6


class InstalmentState(StrEnum):
    """An instalment is upcoming, due today, overdue from the day after, or paid."""

    UPCOMING = "upcoming"
    DUE = "due"
    OVERDUE = "overdue"
    PAID = "paid"


class Components(BaseModel):
    """An amount by component, in minor units."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    principal: int = 0
    interest: int = 0
    penalty: int = 0

    @property
    def total(self) -> int:
        """Return the sum of the components."""
        return self.principal + self.interest + self.penalty


class InstalmentPosition(BaseModel):
    """One instalment on a day.

    `principal` and `interest` are those of the plan, `penalty` is what was earned up to the day;
    `outstanding` is the three together, less what was paid and less `interest_waived`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

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


class NextDue(BaseModel):
    """The next unpaid instalment that is not late; `amount` is what credit held leaves to pay."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    on: date
    amount: int


class Position(BaseModel):
    """A loan at the end of the day `as_of`; amounts in minor units of `currency`.

    `due` is everything unpaid that fell due up to the day, `overdue` the part of it that is late.
    `days_past_due` is 0 on a due date and 1 on the day after, for the oldest unpaid instalment.
    `bucket` is M0 when nothing is late, M1 for 1 to 30 days and so on, M6+ after 180 days.
    `received`, `billed`, `paid` and `credit` are cumulative: what came in, what the loan may claim
    (interest from its due date or settlement, penalty as it is earned), what payments covered, and
    what is held for the borrower. `received` equals `paid` and `credit` together.
    Before its disbursement a loan has no instalments.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

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
    bucket: str
    next_due: NextDue | None
    settled: bool
    settled_on: date | None
    instalments: tuple[InstalmentPosition, ...]


def position(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> Position:
    """Return where the loan stands at the end of `as_of`.

    Raises `ConflictingEvent`, `InvalidReversal` or `DisbursementMismatch` when the events
    contradict each other or the terms: try a new event here before recording it.
    """
    account = replay(terms, events, as_of)
    instalments = tuple(_instalment(item, as_of) for item in account.instalments)
    overdue = [item for item in instalments if item.state is InstalmentState.OVERDUE]
    due = [item for item in instalments if item.state is InstalmentState.DUE]
    paid = _paid(instalments)
    overdue_components = _outstanding(overdue)
    due_components = _outstanding(overdue + due)
    days_past_due = max((item.days_past_due for item in overdue), default=0)
    settled = account.disbursed > 0 and not account.is_open
    return Position(
        as_of=as_of,
        currency=terms.currency,
        disbursed=account.disbursed,
        received=account.received,
        billed=_billed(instalments, as_of),
        paid=paid,
        credit=account.credit,
        principal_outstanding=account.disbursed - paid.principal,
        due=due_components,
        total_due=due_components.total,
        overdue=overdue_components,
        total_overdue=overdue_components.total,
        accrued_interest=_accrued_interest(account, as_of),
        days_past_due=days_past_due,
        bucket=delinquency_bucket(days_past_due),
        next_due=_next_due(instalments, as_of, account.credit),
        settled=settled,
        settled_on=max(item.paid_on for item in instalments if item.paid_on) if settled else None,
        instalments=instalments,
    )


def delinquency_bucket(days_past_due: int) -> str:
    """Return M0 for a loan that is not late, M1 for 1 to 30 days past due, ..., M6+ beyond 180."""
    bucket = (days_past_due + _BUCKET_DAYS - 1) // _BUCKET_DAYS
    return f"M{bucket}" if bucket <= _LAST_BUCKET else f"M{_LAST_BUCKET}+"


def _instalment(account: InstalmentAccount, as_of: date) -> InstalmentPosition:
    row = account.row
    outstanding = account.unpaid(as_of)
    state = _state(row.due_on, outstanding, as_of)
    return InstalmentPosition(
        number=row.number,
        due_on=row.due_on,
        principal=row.principal,
        interest=row.interest,
        penalty=account.penalty(as_of),
        principal_paid=account.principal_paid,
        interest_paid=account.interest_paid,
        penalty_paid=account.penalty_paid,
        interest_waived=account.interest_waived,
        outstanding=outstanding,
        days_past_due=(as_of - row.due_on).days if state is InstalmentState.OVERDUE else 0,
        state=state,
        paid_on=account.paid_on,
    )


def _state(due_on: date, outstanding: int, as_of: date) -> InstalmentState:
    if not outstanding:
        return InstalmentState.PAID
    if due_on > as_of:
        return InstalmentState.UPCOMING
    return InstalmentState.DUE if due_on == as_of else InstalmentState.OVERDUE


def _paid(instalments: Iterable[InstalmentPosition]) -> Components:
    principal = interest = penalty = 0
    for item in instalments:
        principal += item.principal_paid
        interest += item.interest_paid
        penalty += item.penalty_paid
    return Components(principal=principal, interest=interest, penalty=penalty)


def _billed(instalments: Iterable[InstalmentPosition], as_of: date) -> Components:
    principal = interest = penalty = 0
    for item in instalments:
        penalty += item.penalty
        if item.due_on <= as_of or item.state is InstalmentState.PAID:
            principal += item.principal
            interest += item.interest - item.interest_waived
    return Components(principal=principal, interest=interest, penalty=penalty)


def _outstanding(instalments: Iterable[InstalmentPosition]) -> Components:
    principal = interest = penalty = 0
    for item in instalments:
        principal += item.principal - item.principal_paid
        interest += item.interest - item.interest_waived - item.interest_paid
        penalty += item.penalty - item.penalty_paid
    return Components(principal=principal, interest=interest, penalty=penalty)


def _accrued_interest(account: LoanAccount, as_of: date) -> int:
    """Return the interest earned in the running period, which has not fallen due yet."""
    if not account.is_open:
        return 0
    return sum(
        item.accrued_interest(as_of) for item in account.instalments if item.row.due_on > as_of
    )


def _next_due(
    instalments: Iterable[InstalmentPosition], as_of: date, credit: int
) -> NextDue | None:
    for item in instalments:
        if item.due_on >= as_of and item.outstanding:
            amount = max(item.outstanding - credit, 0)
            return NextDue(number=item.number, on=item.due_on, amount=amount)
    return None
