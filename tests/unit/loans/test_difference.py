"""What changed between two positions: 12,000.00 over 12 months at 12 %, equal principal."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from domain.loans.difference import Change, InstalmentChange, difference
from domain.loans.events import Disbursed, LoanEvent, Paid, Rescheduled
from domain.loans.position import InstalmentState, Position, position
from domain.loans.servicing import SERVICING_POLICY
from domain.loans.terms import LoanTerms
from tests.definitions import shipped

STANDARD = shipped(SERVICING_POLICY, "standard")
MADE, FIRST = date(2026, 1, 15), date(2026, 2, 15)
TERMS = LoanTerms(
    currency="CNY",
    principal=1_200_000,
    annual_rate=Decimal(12),
    instalments=12,
    disbursed_on=MADE,
    first_due_on=FIRST,
    method="equal_principal",
)
DISBURSED = Disbursed(key="d", on=MADE, amount=1_200_000)


def at(on: date, *events: LoanEvent) -> Position:
    return position(TERMS, [DISBURSED, *events], on)


def test_nothing_changed_is_empty() -> None:
    same = difference(at(FIRST), at(FIRST), STANDARD)
    assert not same
    assert (same.loan, same.instalments) == ((), ())


def test_a_change_of_the_loan_alone_is_a_difference() -> None:
    # Money held as credit changes no instalment.
    changed = difference(at(MADE), at(MADE, Paid(key="p", on=MADE, amount=500)), STANDARD)
    assert changed
    assert changed.instalments == ()
    assert changed.loan == (
        Change(field="received", before=0, after=500),
        Change(field="credit", before=0, after=500),
        Change(field="payoff", before=1_200_000, after=1_199_500),
    )


def test_a_change_of_instalments_alone_is_a_difference() -> None:
    before = at(FIRST)
    first = before.instalments[0]
    moved = before.model_copy(
        update={"instalments": (replace(first, fee=5), *before.instalments[1:])}
    )
    changed = difference(before, moved, STANDARD)
    assert changed
    assert changed.loan == ()
    assert changed.instalments == (
        InstalmentChange(number=1, changes=(Change(field="fee", before=0, after=5),)),
    )


def test_a_payment_changes_its_instalment_field_by_field() -> None:
    changed = difference(at(FIRST), at(FIRST, Paid(key="p", on=FIRST, amount=112_000)), STANDARD)
    assert [item.number for item in changed.instalments] == [1]
    assert changed.instalments[0].changes == (
        Change(field="principal_paid", before=0, after=100_000),
        Change(field="interest_paid", before=0, after=12_000),
        Change(field="outstanding", before=112_000, after=0),
        Change(field="state", before=InstalmentState.DUE, after=InstalmentState.PAID),
        Change(field="paid_on", before=None, after=FIRST),
    )


def test_an_instalment_that_is_new_or_gone_changes_in_all_its_fields() -> None:
    more = Rescheduled(key="s", on=FIRST, instalments=12, first_due_on=date(2026, 3, 15))
    before, after = at(FIRST), at(FIRST, more)
    new = difference(before, after, STANDARD).instalments[-1]
    assert new.number == 13
    told = {change.field: (change.before, change.after) for change in new.changes}
    assert told["principal"] == (None, 100_000)
    assert told["due_on"] == (None, date(2027, 2, 15))
    assert told["state"] == (None, InstalmentState.UPCOMING)
    assert "number" not in told
    # What is none before and after, the day it was paid on, is no change.
    assert "paid_on" not in told
    gone = difference(after, before, STANDARD).instalments[-1]
    assert {change.field: (change.after, change.before) for change in gone.changes} == told
