"""What must hold for any loan, against laws and against a day-by-day model that shares no code."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.loans.events import Disbursed, LoanEvent, Paid, PaidOff, Reversed
from domain.loans.ledger import balances, journal_between
from domain.loans.payoff import payoff_quote
from domain.loans.position import position
from domain.loans.schedule import Plan, build_plan, same_amounts
from domain.loans.terms import LoanTerms, monthly_terms


@st.composite
def loans(draw: st.DrawFn, max_instalments: int = 120) -> LoanTerms:
    return monthly_terms(
        currency="CNY",
        principal=draw(st.integers(1, 10**10) | st.integers(100_000, 5_000_000)),
        annual_rate=draw(st.decimals(0, 1000, places=2) | st.decimals(0, 36, places=4)),
        instalments=draw(st.integers(1, max_instalments)),
        disbursed_on=draw(st.dates(date(2020, 1, 1), date(2040, 12, 31))),
        penalty_annual_rate=draw(st.decimals(0, 100, places=2)),
        grace_days=draw(st.sampled_from([0, 0, 1, 3, 10])),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[LoanTerms, list[LoanEvent], date]:
    """Return a small loan, payments and reversals around its due dates, and a day to look at it."""
    terms = draw(loans(max_instalments=8))
    last_day = 31 * terms.instalments + 120
    instalment = build_plan(terms).rows[0].total
    amounts = st.integers(1, 2 * terms.principal) | st.integers(1, 3 * instalment + 1)
    amounts |= st.sampled_from([max(instalment, 1), 2 * instalment + 1])
    events: list[LoanEvent] = [
        Disbursed(key="disbursed", on=terms.disbursed_on, amount=terms.principal)
    ]
    for number, day in enumerate(draw(st.lists(st.integers(0, last_day), max_size=8))):
        on = terms.disbursed_on + timedelta(days=day)
        event: LoanEvent
        if draw(st.integers(0, 9)) == 0:
            event = PaidOff(key=f"off{number}", on=on, amount=draw(amounts))
        else:
            event = Paid(key=f"paid{number}", on=on, amount=draw(amounts))
        events.append(event)
        if draw(st.integers(0, 4)) == 0:
            later = on + timedelta(days=draw(st.integers(0, 40)))
            events.append(Reversed(key=f"reversed{number}", on=later, reverses=event.key))
    as_of = terms.disbursed_on + timedelta(days=draw(st.integers(0, last_day)))
    return terms, events, as_of


@given(loans())
def test_a_plan_repays_exactly_what_was_lent(terms: LoanTerms) -> None:
    plan = build_plan(terms)
    assert len(plan.rows) == terms.instalments
    assert sum(row.principal for row in plan.rows) == terms.principal
    assert plan.rows[-1].balance_after == 0
    balance, previous = terms.principal, terms.disbursed_on
    for number, row in enumerate(plan.rows, start=1):
        balance -= row.principal
        assert row.number == number
        assert row.balance_after == balance >= 0
        assert min(row.principal, row.interest) >= 0
        assert row.total == row.principal + row.interest
        assert previous < row.due_on == previous + timedelta(days=row.days)
        previous = row.due_on
    assert plan.total == sum(row.total for row in plan.rows)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@given(loans(), st.integers(1, 3))
def test_the_day_of_disbursement_never_changes_amounts(terms: LoanTerms, days: int) -> None:
    later = monthly_terms(
        **terms.model_dump(include={"currency", "principal", "annual_rate", "instalments"}),
        disbursed_on=terms.disbursed_on + timedelta(days=days),
        penalty_annual_rate=terms.penalty_annual_rate,
    )
    assert same_amounts(build_plan(terms), build_plan(later))


@given(histories())
def test_every_fen_received_is_allocated_or_credit(
    history: tuple[LoanTerms, list[LoanEvent], date],
) -> None:
    terms, events, as_of = history
    reversals = {e.reverses for e in events if isinstance(e, Reversed) and e.on <= as_of}
    received = sum(
        event.amount
        for event in events
        if isinstance(event, Paid | PaidOff) and event.on <= as_of and event.key not in reversals
    )
    today = position(terms, events, as_of)
    assert today.received == received == today.paid.total + today.credit
    assert today.credit >= 0
    assert 0 <= today.principal_outstanding <= terms.principal
    for item in today.instalments:
        assert 0 <= item.principal_paid <= item.principal
        assert 0 <= item.interest_paid + item.interest_waived <= item.interest
        assert 0 <= item.penalty_paid <= item.penalty
        assert (item.outstanding == 0) == (item.state == "paid")
        assert (item.days_past_due > 0) == (item.state == "overdue")
    assert today.total_overdue == sum(
        item.outstanding for item in today.instalments if item.due_on < as_of
    )
    assert today.settled == (sum(item.outstanding for item in today.instalments) == 0)
    # Credit is only held while nothing is due.
    assert today.credit == 0 or today.total_due == 0


@given(histories())
def test_a_payoff_leaves_zero(history: tuple[LoanTerms, list[LoanEvent], date]) -> None:
    terms, events, as_of = history
    before = position(terms, events, as_of)
    if before.settled:
        return
    quote = payoff_quote(terms, events, as_of)
    owed = quote.principal + quote.interest_due + quote.accrued_interest + quote.penalty
    assert quote.total == owed - quote.credit
    known = [event for event in events if event.on <= as_of]
    after = position(terms, [*known, PaidOff(key="off", on=as_of, amount=quote.total)], as_of)
    assert (after.settled, after.settled_on) == (True, as_of)
    assert (after.principal_outstanding, after.total_due, after.accrued_interest) == (0, 0, 0)
    assert sum(item.outstanding for item in after.instalments) == 0
    assert after.received == before.received + quote.total


@given(histories())
def test_a_reversal_is_as_if_its_payment_never_happened(
    history: tuple[LoanTerms, list[LoanEvent], date],
) -> None:
    terms, events, as_of = history
    reversals = {e.key: e.reverses for e in events if isinstance(e, Reversed) and e.on <= as_of}
    undone = {*reversals, *reversals.values()}
    without = [event for event in events if event.key not in undone]
    assert position(terms, events, as_of) == position(terms, without, as_of)


@given(histories())
def test_later_events_and_repeats_change_nothing(
    history: tuple[LoanTerms, list[LoanEvent], date],
) -> None:
    terms, events, as_of = history
    known = [event for event in events if event.on <= as_of]
    today = position(terms, events, as_of)
    assert today == position(terms, known, as_of)
    assert today == position(terms, [*events, *events], as_of)


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_in_which_days_are_learnt_does_not_matter(
    history: tuple[LoanTerms, list[LoanEvent], date], shuffler: object
) -> None:
    """Backdating and then replaying equals having known, whatever came to light when."""
    terms, events, as_of = history
    days: dict[date, list[LoanEvent]] = {}
    for event in events:
        days.setdefault(event.on, []).append(event)
    order = list(days)
    shuffler.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a Random
    learnt = [event for day in order for event in days[day]]
    assert position(terms, learnt, as_of) == position(terms, events, as_of)


@given(histories())
def test_the_journal_always_balances(history: tuple[LoanTerms, list[LoanEvent], date]) -> None:
    terms, events, last = history
    before = None
    total: dict[str, int] = {}
    for as_of in sorted({event.on for event in events if event.on <= last} | {last}):
        after = position(terms, events, as_of)
        moved = after.received - after.disbursed
        cash = moved - (before.received - before.disbursed if before else 0)
        lines = journal_between(before, after, cash)
        assert sum(line.amount for line in lines) == 0
        for line in lines:
            total[line.account] = total.get(line.account, 0) + line.amount
        before = after
    assert before is not None
    assert {a: b for a, b in total.items() if b} == {a: b for a, b in balances(before).items() if b}
    assert total.get("principal_receivable", 0) == before.principal_outstanding


@given(histories())
def test_no_float_anywhere(history: tuple[LoanTerms, list[LoanEvent], date]) -> None:
    terms, events, as_of = history
    today = position(terms, events, as_of)
    seen = [
        terms,
        build_plan(terms),
        today,
        *journal_between(None, today, today.received - today.disbursed),
    ]
    if not today.settled:
        seen.append(payoff_quote(terms, events, as_of))
    for model in seen:
        for value in leaves(model.model_dump()):
            assert not isinstance(value, float)


def leaves(value: object) -> Iterator[object]:
    match value:
        case dict():
            for item in value.values():
                yield from leaves(item)
        case list() | tuple():
            for item in value:
                yield from leaves(item)
        case _:
            yield value


class DailyModel:
    """The same loan lived one day at a time, in fractions: no code shared with `domain`.

    Penalty grows every day by what is unpaid that day, exactly, and is rounded when looked at.
    During grace it is only counted at the end of it, over all its days, on what is unpaid then.
    """

    def __init__(self, terms: LoanTerms, plan: Plan) -> None:
        self.grace = terms.grace_days
        self.daily = Fraction(terms.penalty_annual_rate) / 36_500
        self.dues = [row.due_on for row in plan.rows]
        self.principal = [row.principal for row in plan.rows]
        self.interest = [row.interest for row in plan.rows]
        self.penalty = [Fraction(0) for _ in plan.rows]
        self.penalty_paid = [0 for _ in plan.rows]
        self.credit = 0

    def live_through(self, day: date, payments: list[int]) -> None:
        for k, due_on in enumerate(self.dues):
            late = (day - due_on).days
            if late > self.grace:
                days = late if late == self.grace + 1 else 1
                self.penalty[k] += self.principal[k] * days * self.daily
        self.credit += sum(payments)
        for k, due_on in enumerate(self.dues):
            if due_on <= day:
                self.credit -= self.take(k)

    def penalty_owed(self, k: int) -> int:
        return int(self.penalty[k] + Fraction(1, 2)) - self.penalty_paid[k]

    def take(self, k: int) -> int:
        penalty = min(self.credit, self.penalty_owed(k))
        interest = min(self.credit - penalty, self.interest[k])
        principal = min(self.credit - penalty - interest, self.principal[k])
        self.penalty_paid[k] += penalty
        self.interest[k] -= interest
        self.principal[k] -= principal
        return penalty + interest + principal


@given(histories())
def test_position_agrees_with_a_day_by_day_model(
    history: tuple[LoanTerms, list[LoanEvent], date],
) -> None:
    terms, drawn, as_of = history
    events = [event for event in drawn if isinstance(event, Disbursed | Paid)]
    payments: dict[date, list[int]] = {}
    for event in events:
        if isinstance(event, Paid):
            payments.setdefault(event.on, []).append(event.amount)
    model = DailyModel(terms, build_plan(terms))
    for days in range((as_of - terms.disbursed_on).days + 1):
        day = terms.disbursed_on + timedelta(days=days)
        model.live_through(day, payments.get(day, []))
    today = position(terms, events, as_of)
    assert today.credit == model.credit
    assert [
        (item.principal - item.principal_paid, item.interest - item.interest_paid)
        for item in today.instalments
    ] == list(zip(model.principal, model.interest, strict=True))
    assert [item.penalty for item in today.instalments] == [
        model.penalty_owed(k) + model.penalty_paid[k] for k in range(len(model.dues))
    ]
    unpaid = [
        (as_of - due_on).days
        for k, due_on in enumerate(model.dues)
        if due_on < as_of and (model.principal[k] or model.interest[k])
    ]
    assert today.days_past_due == max(unpaid, default=0)


def test_rates_stay_decimal_through_json() -> None:
    terms = monthly_terms(
        currency="CNY",
        principal=1,
        annual_rate=Decimal("23.99"),
        instalments=1,
        disbursed_on=date(2026, 1, 1),
        penalty_annual_rate=Decimal("35.985"),
    )
    again = LoanTerms.model_validate_json(terms.model_dump_json())
    assert again == terms
    assert isinstance(again.annual_rate, Decimal)
