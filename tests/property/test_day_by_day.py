"""The engine against a life of the loan lived day by day, to the unit; see `day_by_day`."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.common.day_count import DayCount
from domain.common.errors import InvalidEvent
from domain.loans.events import Disbursed, LoanEvent, Paid, RateChanged
from domain.loans.penalty_terms import PenaltyBase
from domain.loans.plan_terms import InterestBasis
from domain.loans.position import position
from domain.loans.terms import LoanTerms
from tests.property.day_by_day import Agreement, Life, monthly_dues

Story = tuple[LoanTerms, Agreement, list[LoanEvent], date]

METHODS = ("equal_instalment", "equal_principal", "interest_only", "balloon")


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Return a loan in both tongues, what happened to it, and a day to look at it."""
    start = draw(st.dates(date(2023, 1, 1), date(2028, 12, 31)))
    day_count = draw(st.sampled_from(DayCount))
    months = 1 if day_count is DayCount.PERIOD else draw(st.sampled_from([1, 1, 1, 2]))
    first = monthly_dues(start, months + 1, start.day)[-1]
    if day_count is not DayCount.PERIOD:
        first += timedelta(days=draw(st.sampled_from([0, 0, -10, 6])))
    anchor = start.day if first.day != start.day and day_count is DayCount.PERIOD else first.day
    count = draw(st.integers(1, 10))
    principal = draw(st.integers(50_000, 5_000_000))
    method = draw(st.sampled_from(METHODS))
    rate = draw(st.decimals(0, 60, places=2))
    penalty_rate = draw(st.decimals(0, 40, places=1))
    values: dict[str, Any] = {
        "basis": draw(st.sampled_from(InterestBasis)),
        "penalty_base": draw(st.sampled_from(PenaltyBase)),
        "grace": draw(st.sampled_from([0, 0, 3])),
        "free_grace": draw(st.booleans()),
        "late_fee": draw(st.sampled_from([0, 0, 2500])),
        "late_after": draw(st.sampled_from([0, 5])),
    }
    values["excess"] = "credit"
    if values["basis"] != "scheduled":
        values["excess"] = draw(st.sampled_from(["credit", "shorten_term"]))
    balloon = draw(st.integers(1, principal // 2)) if method == "balloon" else 0
    terms = LoanTerms(
        currency="CNY",
        principal=principal,
        annual_rate=rate,
        instalments=count,
        disbursed_on=start,
        first_due_on=first,
        due_day=anchor,
        method=method,
        balloon=balloon,
        day_count=day_count,
        interest_basis=values["basis"],
        penalty_annual_rate=penalty_rate,
        penalty_base=values["penalty_base"],
        grace_days=values["grace"],
        grace_is_free=values["free_grace"],
        late_fee=_late_fee(values),
        allocation={"excess": values["excess"]},
    )
    agreed = Agreement(
        principal=principal,
        rate=Fraction(rate),
        start=start,
        dues=monthly_dues(first, count, anchor),
        method=method,
        day_count=day_count,
        penalty_rate=Fraction(penalty_rate),
        balloon=balloon,
        **values,
    )
    events = draw(happenings(agreed))
    last = (agreed.dues[-1] - start).days + 70
    return terms, agreed, events, start + timedelta(days=draw(st.integers(0, last)))


def _late_fee(values: dict[str, Any]) -> dict[str, int] | None:
    if not values["late_fee"]:
        return None
    return {"amount": values["late_fee"], "after_days": values["late_after"]}


@st.composite
def happenings(draw: st.DrawFn, agreed: Agreement) -> list[LoanEvent]:
    events: list[LoanEvent] = [
        Disbursed(key="d", on=agreed.start, amount=agreed.principal),
    ]
    last = (agreed.dues[-1] - agreed.start).days + 60
    each = agreed.principal // len(agreed.dues)
    amounts = st.integers(1, 2 * each + 2) | st.integers(each, each + each // 5 + 1)
    amounts |= st.integers(1, agreed.principal)
    near = st.sampled_from(agreed.dues).flatmap(
        lambda due: st.integers(-4, 9).map(lambda days: max(due + timedelta(days), agreed.start))
    )
    days = near | st.integers(0, last).map(lambda days: agreed.start + timedelta(days=days))
    for number in range(draw(st.integers(0, 12))):
        on = draw(days)
        if draw(st.integers(0, 7)) == 0:
            rate = draw(st.decimals(0, 60, places=2))
            events.append(RateChanged(key=f"r{number}", on=on, annual_rate=rate))
        else:
            events.append(Paid(key=f"p{number}", on=on, amount=draw(amounts)))
    return events


def lived(agreed: Agreement, events: list[LoanEvent], as_of: date) -> Life:
    life = Life(agreed)
    by_day: dict[date, list[tuple[str, int | Fraction]]] = {}
    for event in events:
        match event:
            case Paid():
                by_day.setdefault(event.on, []).append(("paid", event.amount))
            case RateChanged():
                rate = Fraction(event.annual_rate)
                by_day.setdefault(event.on, []).append(("rate", rate))
    life.take(by_day.get(agreed.start, []))
    while life.day < as_of:
        life.live(by_day.get(life.day + timedelta(days=1), []))
    return life


@given(stories())
def test_a_loan_is_what_it_comes_to_day_by_day(story: Story) -> None:
    terms, agreed, events, as_of = story
    try:
        today = position(terms, events, as_of)
    except InvalidEvent:
        # A rate cannot change on a loan that is settled.
        assume(False)
    life = lived(agreed, events, as_of)
    assert today.payoff == life.owed()
    assert today.credit == life.credit
    assert today.principal_outstanding == life.principal_owed()
    due = [item for item in today.instalments if item.due_on <= as_of]
    due = [item for item in due if item.outstanding]
    claims = [claim for claim in life.claims if claim.total()]
    assert [
        (
            item.principal - item.principal_paid,
            item.interest - item.interest_paid,
            item.fee - item.fee_paid,
            item.penalty - item.penalty_paid,
        )
        for item in due
    ] == [(claim.principal, claim.interest, claim.fee, claim.owed_penalty()) for claim in claims]
