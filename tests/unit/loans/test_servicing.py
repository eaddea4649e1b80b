"""What a loan's process does next."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.common.calendar import instant_at
from domain.loans.allocation import Excess
from domain.loans.delinquency import Delinquency
from domain.loans.events import ChargedBack, Disbursed, LoanEvent, Paid, PaidOff
from domain.loans.payoff import payoff_quote
from domain.loans.position import position
from domain.loans.servicing import (
    SERVICING_POLICY,
    ArrearsBucket,
    NextStep,
    ServicingPolicy,
    Step,
    last_due_number,
    next_step,
    oldest_unpaid,
)
from domain.loans.state import LoanState, PastDue, past_due, state_of
from domain.loans.terms import LoanTerms, monthly_terms
from services.definitions.shipped import Files
from tests.definitions import shipped

ZONE = ZoneInfo("Asia/Shanghai")
STANDARD = shipped(SERVICING_POLICY, "standard")
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal(24),
    instalments=12,
    disbursed_on=date(2026, 1, 15),
    penalty_annual_rate=Decimal(24),
)
DISBURSED = Disbursed(key="disbursed", on=date(2026, 1, 15), amount=1_000_000)


def step(
    *events: LoanEvent,
    on: date,
    collected_to: int = 0,
    bucket_start: int = 0,
    terms: LoanTerms = TERMS,
) -> NextStep | None:
    stands = position(terms, [DISBURSED, *events], on)
    return next_step(stands, collected_to, bucket_start, ZONE, STANDARD, terms.delinquency)


def test_the_first_debit_is_on_the_due_date_at_half_past_eight_local_time() -> None:
    expected = datetime(2026, 2, 15, 0, 30, tzinfo=UTC)
    assert step(on=date(2026, 1, 16)) == NextStep(Step.COLLECT, expected, 1)


def test_after_a_failed_debit_the_loan_is_marked_overdue_the_next_night() -> None:
    found = step(on=date(2026, 2, 15), collected_to=1)
    expected = datetime(2026, 2, 15, 16, 30, tzinfo=UTC)
    assert found == NextStep(Step.RECORD_DELINQUENCY, expected, 1, days_past_due=1)


def test_an_overdue_loan_is_debited_again_on_its_next_due_date() -> None:
    found = step(on=date(2026, 2, 17), collected_to=1, bucket_start=1)
    assert found is not None
    assert (found.step, found.number) == (Step.COLLECT, 2)


def test_arrears_grow_a_bucket_older_on_the_thirty_first_day() -> None:
    found = step(on=date(2026, 3, 16), collected_to=2, bucket_start=1)
    expected = datetime(2026, 3, 17, 16, 30, tzinfo=UTC)
    assert found == NextStep(Step.RECORD_DELINQUENCY, expected, 1, days_past_due=31)


def test_a_paid_instalment_is_not_debited() -> None:
    paid = Paid(key="p", on=date(2026, 2, 15), amount=94_560)
    found = step(paid, on=date(2026, 2, 15), collected_to=1)
    assert found is not None
    assert (found.step, found.number) == (Step.COLLECT, 2)


def test_a_settled_loan_has_nothing_to_do() -> None:
    on = date(2026, 2, 1)
    settled = PaidOff(key="o", on=on, amount=payoff_quote(TERMS, [DISBURSED], on).total)
    assert step(settled, on=on) is None


def test_only_money_that_is_not_there_yet_is_debited() -> None:
    # Credit covers the first instalment on its due date: it is billed all the same.
    ahead = Paid(key="p", on=date(2026, 1, 20), amount=94_560)
    found = step(ahead, on=date(2026, 2, 15))
    assert found is not None
    assert (found.step, found.number) == (Step.COLLECT, 1)
    early = Paid(key="p", on=date(2026, 1, 20), amount=94_560, excess=Excess.NEXT_INSTALMENT)
    found = step(early, on=date(2026, 1, 20))
    assert found is not None
    assert (found.step, found.number) == (Step.COLLECT, 2)


def test_after_the_last_boundary_only_debits_are_left() -> None:
    found = step(on=date(2026, 8, 16), collected_to=7, bucket_start=181)
    assert found is not None
    assert (found.step, found.number) == (Step.COLLECT, 8)
    assert step(on=date(2027, 8, 16), collected_to=12, bucket_start=181) is None


@pytest.mark.parametrize(
    ("days", "boundary"),
    [(0, 0), (1, 1), (30, 1), (31, 31), (61, 61), (120, 91), (121, 121), (180, 151), (999, 181)],
)
def test_the_boundary_that_days_past_due_have_reached(days: int, boundary: int) -> None:
    assert STANDARD.reached(days) == boundary


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (0, "M0"),
        (1, "M1"),
        (30, "M1"),
        (31, "M2"),
        (60, "M2"),
        (61, "M3"),
        (90, "M3"),
        (91, "M4"),
        (120, "M4"),
        (121, "M5"),
        (150, "M5"),
        (151, "M6"),
        (180, "M6"),
        (181, "M6+"),
        (2000, "M6+"),
    ],
)
def test_buckets(days: int, bucket: str) -> None:
    assert STANDARD.bucket_of(days) == bucket


def test_the_last_instalment_that_fell_due() -> None:
    for on, number in (
        (date(2026, 2, 14), 0),
        (date(2026, 2, 15), 1),
        (date(2026, 3, 14), 1),
        (date(2030, 1, 1), 12),
    ):
        assert last_due_number(position(TERMS, [DISBURSED], on)) == number


def test_the_oldest_unpaid_instalment_is_the_first_with_anything_left() -> None:
    on = date(2026, 3, 20)
    paid = Paid(key="p", on=date(2026, 2, 15), amount=94_560)
    found = oldest_unpaid(position(TERMS, [DISBURSED, paid], on))
    assert found is not None
    assert found.number == 2
    assert oldest_unpaid(position(TERMS, [], on)) is None


@pytest.mark.parametrize(
    ("convention", "late_on"),
    [
        (Delinquency(), date(2026, 2, 16)),
        (Delinquency(grace_days=5), date(2026, 2, 21)),
        (Delinquency(grace_days=31), date(2026, 3, 19)),
        # Late at the end of the due date: acted on when that day is over.
        (Delinquency(on_due_date=1), date(2026, 2, 16)),
        (Delinquency(on_due_date=1, grace_days=5), date(2026, 2, 21)),
    ],
)
def test_a_loan_enters_collections_when_its_terms_say_that_it_is_late(
    convention: Delinquency, late_on: date
) -> None:
    """The grace is agreed with the borrower: nobody is chased within it."""
    terms = TERMS.model_copy(update={"delinquency": convention})
    found = step(on=date(2026, 2, 15), collected_to=12, terms=terms)
    assert found is not None
    assert (found.step, found.days_past_due) == (Step.RECORD_DELINQUENCY, 1)
    assert found.at == instant_at(late_on, STANDARD.age_at, ZONE)
    before = position(terms, [DISBURSED], late_on - timedelta(days=1))
    then = position(terms, [DISBURSED], late_on)
    assert then.days_past_due >= 1
    assert state_of(then) is LoanState.OVERDUE
    if not convention.on_due_date:
        assert (before.days_past_due, state_of(before)) == (0, LoanState.CURRENT)


@pytest.mark.parametrize("grace", [0, 5, 31])
@pytest.mark.parametrize("on_due_date", [0, 1])
def test_every_bucket_begins_on_the_day_on_which_the_terms_count_so_far(
    grace: int, on_due_date: Literal[0, 1]
) -> None:
    terms = TERMS.model_copy(
        update={"delinquency": Delinquency(grace_days=grace, on_due_date=on_due_date)}
    )
    for start in (0, *STANDARD.boundaries[:-1]):
        found = step(on=date(2026, 2, 16), collected_to=12, bucket_start=start, terms=terms)
        assert found is not None
        day = found.at.astimezone(ZONE).date()
        reached = position(terms, [DISBURSED], day).days_past_due
        assert STANDARD.reached(reached) >= found.days_past_due
        earlier = position(terms, [DISBURSED], day - timedelta(days=1)).days_past_due
        assert earlier < found.days_past_due or day == date(2026, 2, 16)


def test_money_that_came_back_ages_like_an_instalment() -> None:
    """Everything was paid; what the bank took back of it is owed, and late from the day after."""
    on = date(2026, 2, 1)
    total = payoff_quote(TERMS, [DISBURSED], on).total
    off = PaidOff(key="off", on=on, amount=total)
    back = ChargedBack(key="back", on=date(2026, 2, 10), payment="off", amount=50_000)
    found = step(off, back, on=date(2026, 2, 10), collected_to=12)
    assert found is not None
    assert (found.step, found.days_past_due) == (Step.RECORD_DELINQUENCY, 1)
    assert found.at == instant_at(date(2026, 2, 11), STANDARD.age_at, ZONE)
    late = position(TERMS, [DISBURSED, off, back], date(2026, 2, 11))
    assert (late.days_past_due, state_of(late)) == (1, LoanState.OVERDUE)
    assert past_due(late, TERMS.delinquency) == PastDue(date(2026, 2, 11), 1)


def test_another_policy_moves_debits_days_and_buckets() -> None:
    policy = ServicingPolicy(
        debit_at=time(9),
        age_at=time(1),
        buckets=(
            ArrearsBucket(name="current", from_days=0),
            ArrearsBucket(name="early", from_days=1),
            ArrearsBucket(name="late", from_days=46),
        ),
    )
    stands = position(TERMS, [DISBURSED], date(2026, 2, 15))
    debit = next_step(stands, 0, 0, ZONE, policy, TERMS.delinquency)
    assert debit == NextStep(Step.COLLECT, datetime(2026, 2, 15, 1, tzinfo=UTC), 1)
    first = next_step(stands, 1, 0, ZONE, policy, TERMS.delinquency)
    assert first == NextStep(
        Step.RECORD_DELINQUENCY, datetime(2026, 2, 15, 17, tzinfo=UTC), 1, days_past_due=1
    )
    assert (policy.reached(45), policy.reached(46), policy.reached(999)) == (1, 46, 46)
    names = [policy.bucket_of(days) for days in (0, 1, 45, 46, 999)]
    assert names == ["current", "early", "early", "late", "late"]


def draft(*buckets: tuple[str, object], **values: object) -> dict[str, object]:
    """A policy of these buckets."""
    named = [{"name": name, "from_days": days} for name, days in buckets]
    return {"debit_at": "08:30:00", "age_at": "00:30:00", "buckets": named, **values}


M0, M1 = ("M0", 0), ("M1", 1)


@pytest.mark.parametrize(
    ("content", "field", "said", "example"),
    [
        (draft(), "buckets", "one at least for those that are", "M0 from day 0, M1 from day 1"),
        (draft(M0), "buckets", "one at least for those that are", "M0 from day 0, M1 from day 1"),
        (draft(("M0", 1), ("M1", 2)), "buckets.0.from_days", "begins on day 0", "0"),
        (draft(M0, M1, ("M1", 31)), "buckets.2.name", "another bucket is called 'M1'", "M2"),
        (draft(M0, (" ", 1)), "buckets.1.name", "1 to 20 characters", "M1"),
        (draft(M0, ("M" * 21, 1)), "buckets.1.name", "1 to 20 characters", "M1"),
        (draft(M0, M1, ("M2", 1)), "buckets.2.from_days", "follow each other", "31"),
        (draft(M0, ("M1", "1")), "buckets.1.from_days", "valid integer", ""),
        (draft(M0, M1, debit_at="25:00:00"), "debit_at", "valid time", ""),
        (draft(M0, M1, collect_at="08:30:00"), "collect_at", "not permitted", ""),
    ],
)
def test_what_is_wrong_with_a_policy_is_said_at_its_field(
    content: dict[str, object], field: str, said: str, example: str
) -> None:
    (found,) = SERVICING_POLICY.findings(content, Files({}), "standard")
    assert (found.field, found.example) == (field, example)
    assert said in found.message


def test_a_policy_that_can_be_released_has_no_findings() -> None:
    assert SERVICING_POLICY.findings(draft(M0, M1), Files({}), "standard") == ()


@given(
    st.lists(
        st.tuples(st.integers(0, 150), st.sampled_from([10, 50_000, 94_560, 178_526, 400_000])),
        max_size=4,
    ),
    st.sampled_from([0, 3, 31]),
    st.sampled_from([0, 1]),
    st.integers(0, 200),
    st.integers(0, 250),
)
def test_what_is_stored_tells_how_late_a_loan_is_on_every_later_day(
    payments: list[tuple[int, int]],
    grace: int,
    on_due_date: Literal[0, 1],
    stored: int,
    later: int,
) -> None:
    """Lists count on from there: they may not say another thing than the loan itself."""
    convention = Delinquency(grace_days=grace, on_due_date=on_due_date)
    terms = TERMS.model_copy(update={"delinquency": convention})
    start = terms.disbursed_on
    events: list[LoanEvent] = [DISBURSED]
    events += [
        Paid(key=f"p{number}", on=start + timedelta(days=min(days, stored)), amount=amount)
        for number, (days, amount) in enumerate(payments)
    ]
    day = start + timedelta(days=stored)
    late = past_due(position(terms, events, day), convention)
    on = day + timedelta(days=later)
    counted = 0 if late is None or on < late.since else (on - late.since).days + late.days
    assert counted == position(terms, events, on).days_past_due
