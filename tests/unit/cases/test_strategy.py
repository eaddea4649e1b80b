"""When a review takes a second person, where it waits, and how often somebody is called.

Sources: four-eyes between initial and final review, a claim of 15 minutes, at most three calls two
hours apart, and a sample by a stable hash are those of issue 12; the amounts are ours.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cases.cases import (
    CallsExhausted,
    CallTooSoon,
    CaseClaimed,
    Claim,
    ClaimNeeded,
    Stage,
    check_free,
    check_held,
    check_may_call,
    due_after_pause,
)
from domain.cases.strategy import (
    REVIEW_STRATEGY,
    ReviewQueue,
    SecondPersonReason,
    SecondReview,
    is_sampled,
)
from tests.definitions import changed, findings, shipped

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STANDARD = shipped(REVIEW_STRATEGY, "standard")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("amount", "currency", "score", "rules", "why"),
    [
        (2_999_999, "CNY", 600, (), None),
        (3_000_000, "CNY", 600, (), SecondPersonReason.AMOUNT),
        (3_000_000, "BRL", 600, (), None),
        (100_000, "CNY", 549, (), SecondPersonReason.SCORE),
        (100_000, "CNY", 550, (), None),
        # A score that nobody knows is no good one.
        (100_000, "CNY", None, (), SecondPersonReason.SCORE),
        (100_000, "CNY", 600, ("multi_head", "blacklist"), SecondPersonReason.RULE),
        (100_000, "CNY", 600, ("multi_head",), None),
    ],
)
def test_a_second_person_by_amount_score_and_rule(
    amount: int,
    currency: str,
    score: int | None,
    rules: tuple[str, ...],
    why: SecondPersonReason | None,
) -> None:
    strategy = STANDARD.model_copy(
        update={
            "second_review": SecondReview(
                amounts={"CNY": 3_000_000}, score_below=550, rules=("blacklist",)
            )
        }
    )
    found = strategy.second_person_reason(
        case_id="cas_1", amount=amount, currency=currency, score=score, rules=rules
    )
    assert found is why


@given(st.integers(), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_larger_share_has_every_case_of_a_smaller_one(number: int, one: int, other: int) -> None:
    small, large = sorted((Decimal(one) / 10_000, Decimal(other) / 10_000))
    assert is_sampled(f"cas_{number}", small) <= is_sampled(f"cas_{number}", large)
    assert not is_sampled(f"cas_{number}", Decimal(0))
    assert is_sampled(f"cas_{number}", Decimal(1))


def test_a_share_is_about_that_part_of_the_cases() -> None:
    drawn = sum(is_sampled(f"cas_{number}", Decimal("0.05")) for number in range(20_000))
    assert 850 < drawn < 1_150


def test_the_first_queue_that_takes_a_case_has_it() -> None:
    strategy = STANDARD.model_copy(
        update={
            "queues": (
                ReviewQueue(code="acme", channels=("acme",), products=("cash",)),
                ReviewQueue(code="last_look", stage=Stage.FINAL, skill="senior"),
                ReviewQueue(code="rest"),
            )
        }
    )
    assert strategy.queue_of(Stage.FINAL, "cash", "acme").code == "acme"
    assert strategy.queue_of(Stage.FINAL, "revolving", "acme").code == "last_look"
    assert strategy.queue_of(Stage.INITIAL, "revolving", "acme").code == "rest"


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("queues.1.stage", "initial", "queues"),
        ("queues.0.products", ["cash"], "queues"),
        ("queues.1.code", "initial", "queues.1.code"),
        ("second_review.amounts", {"XXQ": 1}, "second_review.amounts.XXQ"),
        ("second_review.share", "1.5", "second_review.share"),
        ("claim_for", "PT0S", "claim_for"),
        ("calls.most", 0, "calls.most"),
    ],
)
def test_a_strategy_that_leaves_cases_nowhere_is_refused(path: str, value: Any, field: str) -> None:
    draft = changed(REVIEW_STRATEGY, "standard", path, value)
    assert field in {one[0] for one in findings(REVIEW_STRATEGY, "standard", draft)}


def test_a_claim_keeps_others_away_until_its_very_end() -> None:
    claim = Claim(holder="rita", until=NOON)
    with pytest.raises(CaseClaimed):
        check_free(claim, "rolf", NOON - MINUTE)
    check_free(claim, "rolf", NOON)
    check_held(claim, "rita", NOON - MINUTE)
    with pytest.raises(ClaimNeeded):
        check_held(claim, "rita", NOON)
    with pytest.raises(ClaimNeeded):
        check_held(None, "rita", NOON)


def test_three_calls_two_hours_apart() -> None:
    calls = STANDARD.calls
    check_may_call(0, None, NOON, calls.most, calls.pause)
    check_may_call(2, NOON, NOON + 2 * HOUR, calls.most, calls.pause)
    with pytest.raises(CallTooSoon) as soon:
        check_may_call(1, NOON, NOON + 2 * HOUR - MINUTE, calls.most, calls.pause)
    assert soon.value.retry_after == MINUTE
    with pytest.raises(CallsExhausted):
        check_may_call(3, NOON, NOON + 9 * HOUR, calls.most, calls.pause)


def test_time_stands_still_in_a_pause() -> None:
    due = NOON + 30 * MINUTE
    assert due_after_pause(due, NOON + 10 * MINUTE, NOON + 3 * HOUR) == NOON + timedelta(
        hours=3, minutes=20
    )
    assert due_after_pause(due, NOON + 10 * MINUTE, NOON) == due
