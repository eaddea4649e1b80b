"""What must hold for loans of every kind and for any history of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from domain.common.errors import NothingOutstanding
from domain.loans.allocation import Component
from domain.loans.difference import difference
from domain.loans.events import Disbursed, LoanEvent, Paid, PaidOff, Reversed, Waived, WrittenOff
from domain.loans.ledger import balances, cash_balance, journal_between
from domain.loans.payoff import payoff_quote
from domain.loans.plan_terms import Residue
from domain.loans.position import InstalmentState, Position, position
from domain.loans.schedule import Plan, build_plan
from domain.loans.servicing import SERVICING_POLICY
from domain.loans.terms import LoanTerms
from tests.definitions import shipped
from tests.property.loans import History, agreed_terms, histories, stands

STANDARD = shipped(SERVICING_POLICY, "standard")


@given(agreed_terms())
def test_a_plan_repays_exactly_what_was_lent(agreed: tuple[LoanTerms, Plan]) -> None:
    terms, plan = agreed
    rows = [row for row in plan.rows if row.number]
    extended = sum(holiday.count for holiday in terms.holidays if holiday.extend)
    if terms.instalments:
        together = terms.advance_rentals - 1
        assert len(rows) == terms.instalments + extended + (terms.residual > 0) - together
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert sum(row.principal for row in plan.rows) == terms.principal
    assert plan.rows[-1].balance_after == 0
    for row in plan.rows:
        assert min(row.principal, row.interest, row.fee, row.balance_after) >= 0
        assert row.total == row.principal + row.interest + row.fee
    assert [row.due_on for row in plan.rows] == sorted(row.due_on for row in plan.rows)
    assert plan.total == sum(row.total for row in plan.rows) + plan.deducted
    assert plan.total_interest == sum(row.interest for row in plan.rows)


@given(agreed_terms())
def test_the_arithmetic_of_each_row_gives_its_interest(agreed: tuple[LoanTerms, Plan]) -> None:
    terms, plan = agreed
    mode = terms.interest_rounding.mode
    brought = 0
    for row in plan.rows:
        exact = sum(piece.exact[0] / piece.exact[1] for piece in row.arithmetic)
        slack = 0.5001 if mode in ("half_up", "half_even") else 1.0
        takes_residue = terms.residue is Residue.LAST_INTEREST and row.balance_after == 0
        earned = row.interest + row.carried - brought
        assert takes_residue or abs(exact - earned) <= slack + exact * 1e-12
        brought = row.carried
        for piece in row.arithmetic:
            rate, years = piece.annual_rate / 100, piece.years[0] / piece.years[1]
            expected = piece.balance * float(rate) * years
            assert abs(piece.exact[0] / piece.exact[1] - expected) <= 1e-9 * max(expected, 1)
            assert piece.start < piece.end


@given(agreed_terms())
def test_terms_and_plans_survive_json(agreed: tuple[LoanTerms, Plan]) -> None:
    terms, plan = agreed
    again = LoanTerms.model_validate_json(terms.model_dump_json())
    assert again == terms
    assert build_plan(again) == plan == Plan.model_validate_json(plan.model_dump_json())


@given(histories())
def test_every_unit_received_is_allocated_credit_or_refunded(history: History) -> None:
    terms, events, as_of = history
    today = position(terms, events, as_of)
    owed_again = today.outstanding.receivable + today.written_off.receivable
    assert today.received == today.paid.total + today.credit + today.refunded - owed_again
    assert today.credit >= 0
    assert 0 <= today.principal_outstanding <= today.disbursed
    for item in today.instalments:
        assert item.principal_paid + item.principal_waived <= item.principal
        assert item.interest_paid + item.interest_waived <= item.interest
        assert item.fee_paid + item.fee_waived <= item.fee
        assert item.penalty_paid + item.penalty_waived <= item.penalty
        assert item.outstanding >= 0
    principal = sum(item.principal for item in today.instalments)
    assert principal == today.disbursed
    open_principal = today.outstanding.principal
    assert open_principal == today.principal_outstanding


@given(histories())
def test_a_payoff_leaves_zero(history: History) -> None:
    terms, events, as_of = history
    try:
        quote = payoff_quote(terms, events, as_of)
    except NothingOutstanding:
        return
    owed = quote.principal + quote.interest_due + quote.accrued_interest
    owed += quote.penalty + quote.fees + quote.settlement_fee
    assert quote.total == owed - quote.credit
    before = position(terms, events, as_of)
    assert before.payoff == quote.total
    known = [event for event in events if event.on <= as_of]
    settling: list[LoanEvent] = [*known, PaidOff(key="off", on=as_of, amount=quote.total)]
    after = position(terms, settling, as_of)
    assert after.settled
    assert after.outstanding.total == after.principal_outstanding == after.payoff == 0
    assert {item.state for item in after.instalments} == {InstalmentState.PAID}
    later = position(terms, settling, as_of + timedelta(days=400))
    assert later.settled
    assert later.total_due == 0


@given(agreed_terms(max_instalments=6, in_parts=True), st.data())
def test_what_was_given_up_stays_so_when_more_is_disbursed(
    agreed: tuple[LoanTerms, Plan], data: st.DataObject
) -> None:
    """A write-off of a day before a tranche that went out since: its principal is lost as well.

    Credit held (recoveries beyond what was lost) is set off first.
    """
    terms, plan = agreed
    if not terms.tranches:
        return
    tranche = terms.tranches[0]
    days = st.integers(0, (tranche.on - terms.disbursed_on).days - 1)
    day = st.builds(lambda after: terms.disbursed_on + timedelta(days=after), days)
    amounts = st.integers(1, terms.principal)
    known: list[LoanEvent] = [
        Disbursed(key="d0", on=terms.disbursed_on, amount=terms.first_disbursement),
        Disbursed(key="d1", on=tranche.on, amount=tranche.amount),
    ]
    for before in (
        Paid(key="paid", on=data.draw(day), amount=data.draw(amounts)),
        Waived(
            key="waived",
            on=data.draw(day),
            component=data.draw(st.sampled_from(Component)),
            amount=data.draw(amounts),
        ),
        WrittenOff(key="lost", on=data.draw(day)),
    ):
        if stands(terms, [*known, before]):
            known.append(before)
    lost = position(terms, known, tranche.on - timedelta(days=1))
    if lost.written_off_on is None:
        return
    for on in (tranche.on, plan.rows[-1].due_on + timedelta(days=30)):
        then = position(terms, known, on)
        gone = tranche.amount - lost.credit
        assert then.written_off.principal == lost.written_off.principal + max(gone, 0)
        assert replace(then.written_off, principal=0) == replace(lost.written_off, principal=0)
        assert sum(item.principal for item in then.instalments) == then.disbursed
        assert {item.outstanding for item in then.instalments} == {0}
        was, now = _lost_by_number(lost), _lost_by_number(then)
        assert all(now[number] >= amount for number, amount in was.items())


def _lost_by_number(on_day: Position) -> Counter[int]:
    """Return what was written off by instalment; down payments are all of number 0."""
    lost: Counter[int] = Counter()
    for item in on_day.instalments:
        lost[item.number] += item.written_off
    return lost


@given(histories())
def test_a_reversal_is_as_if_its_event_never_happened(history: History) -> None:
    terms, events, as_of = history
    reversals = {e.key: e.reverses for e in events if isinstance(e, Reversed) and e.on <= as_of}
    undone = {*reversals, *reversals.values()}
    without = [event for event in events if event.key not in undone]
    assert position(terms, events, as_of) == position(terms, without, as_of)


@given(histories(), st.data())
def test_any_payment_reversed_restores_what_stood_before(
    history: History, data: st.DataObject
) -> None:
    terms, events, as_of = history
    before = position(terms, events, as_of)
    amount = data.draw(st.integers(1, 2 * terms.principal))
    known = [event for event in events if event.on <= as_of]
    paid = Paid(key="new", on=as_of, amount=amount)
    back = Reversed(key="back", on=as_of, reverses="new", reason="chargeback")
    after = position(terms, [*known, paid, back], as_of)
    assert after == before
    assert not difference(before, after, STANDARD)
    assert bool(difference(before, position(terms, [*known, paid], as_of), STANDARD))


@given(histories())
def test_later_events_and_repeats_change_nothing(history: History) -> None:
    terms, events, as_of = history
    known = [event for event in events if event.on <= as_of]
    today = position(terms, events, as_of)
    assert today == position(terms, known, as_of)
    assert today == position(terms, [*events, *events], as_of)
    assert Position.model_validate_json(today.model_dump_json()) == today


@given(histories(), st.randoms(use_true_random=False))
def test_backdating_then_replaying_equals_having_known(history: History, shuffler: object) -> None:
    """Days may come to light in any order; within a day the order of recording counts.

    What is refused once the days before it are known (a tranche of a loan written off) is recorded
    in no such order.
    """
    terms, events, as_of = history
    by_day: dict[object, list[LoanEvent]] = {}
    for event in events:
        by_day.setdefault(event.on, []).append(event)
    order = list(by_day)
    shuffler.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a Random
    learnt = [event for day in order for event in by_day[day]]
    if stands(terms, learnt):
        assert position(terms, learnt, as_of) == position(terms, events, as_of)


@given(histories())
def test_the_books_balance_day_by_day(history: History) -> None:
    terms, events, last = history
    before = None
    total: dict[str, int] = {}
    for as_of in sorted({event.on for event in events if event.on <= last} | {last}):
        after = position(terms, events, as_of)
        cash = cash_balance(after) - (cash_balance(before) if before else 0)
        lines = journal_between(before, after, cash)
        assert sum(line.amount for line in lines) == 0
        for line in lines:
            total[line.account] = total.get(line.account, 0) + line.amount
        before = after
    assert before is not None
    stand = balances(before)
    assert {a: b for a, b in total.items() if b} == {a: b for a, b in stand.items() if b}
    for account in ("principal", "interest", "fee", "penalty"):
        assert stand.get(f"{account}_receivable", 0) >= 0  # type: ignore[call-overload]  # by value
    assert stand["principal_receivable"] == before.principal_outstanding  # type: ignore[index]


@given(histories())
def test_no_float_anywhere(history: History) -> None:
    terms, events, as_of = history
    today = position(terms, events, as_of)
    seen: list[object] = [terms, build_plan(terms), today, *events]
    seen.append(difference(position(terms, [], as_of), today, STANDARD))
    if not today.settled and today.disbursed and today.written_off_on is None:
        seen.append(payoff_quote(terms, events, as_of))
    for value in leaves(seen):
        assert not isinstance(value, float)


def leaves(value: object) -> Iterator[object]:
    match value:
        case BaseModel():
            yield from leaves(value.model_dump())
        case dict():
            yield from leaves(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from leaves(item)
        case _ if is_dataclass(value) and not isinstance(value, type):
            yield from leaves(asdict(value))
        case _:
            yield value


@given(histories())
def test_a_history_that_stands_at_its_end_stood_on_every_day(history: History) -> None:
    terms, events, _ = history
    for on in {event.on for event in events}:
        position(terms, events, on)
