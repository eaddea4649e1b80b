"""A stored decision gives the same bytes again; another version is tried on what was stored.

Issue 12: "Evaluating a stored decision again gives the same bytes", over 10,000 decisions.
"""

from decimal import Decimal

import pytest

from domain.decisioning.backtesting import BackTest, Decided, back_test
from domain.decisioning.compiling import compile_policy
from domain.decisioning.decision import Outcome
from domain.decisioning.evaluations import Result
from domain.decisioning.facts import FactMissing
from domain.decisioning.tracing import (
    PolicyVersion,
    Trace,
    take_again,
    take_step,
    without_personal,
)
from tests.policies import CATALOGUE, GOOD, Chance, policy, random_facts, version

OUTCOMES = {Outcome.APPROVE, Outcome.REJECT, Outcome.REFER}


def stored(trace: Trace) -> Trace:
    """The trace as it comes back from the database."""
    return Trace.model_validate_json(trace.model_dump_json())


def test_ten_thousand_stored_decisions_give_the_same_bytes_again() -> None:
    chance, tested = Chance(12), version(policy())
    seen: set[Outcome] = set()
    for _ in range(10_000):
        step = take_step(tested, random_facts(chance))
        (kept,) = stored(Trace(steps=(step,))).steps
        again = take_again(kept, version=tested)
        assert again.model_dump_json() == step.evaluation.model_dump_json()
        assert again.model_dump_json() == kept.evaluation.model_dump_json()
        seen.add(again.outcome)
    assert seen == OUTCOMES


def test_an_approval_shows_every_rule_that_did_not_hit_and_what_it_read() -> None:
    step = take_step(version(policy()), GOOD)
    assert step.evaluation.outcome is Outcome.APPROVE
    found = {one.rule: (one.result, one.values) for one in step.evaluation.rules}
    assert found["too_young"] == (Result.NO_HIT, {"age": 30})
    assert found["blacklist"] == (Result.NO_HIT, {"listed": False})
    assert found["score_low"] == (Result.NO_HIT, {"score_bureau": 780})


@pytest.mark.parametrize("missing", ["age", "listed", "score_bureau", "amount_cap"])
def test_without_a_fact_a_person_decides(missing: str) -> None:
    facts = {name: value for name, value in GOOD.items() if name != missing}
    assert take_step(version(policy()), facts).evaluation.outcome is Outcome.REFER


def test_a_rule_that_a_customer_is_exempt_from_does_not_reject_again_either() -> None:
    exempt = frozenset({"blacklist"})
    step = take_step(version(policy()), {**GOOD, "listed": True}, exempt)
    assert step.evaluation.outcome is Outcome.APPROVE
    assert take_again(stored(Trace(steps=(step,))).steps[0], version(policy())) == step.evaluation


def test_only_what_the_catalogue_calls_not_personal_is_kept_in_the_open() -> None:
    step = take_step(version(policy()), GOOD)
    kept = without_personal(step.facts, CATALOGUE)
    assert not {"age", "listed", "score_bureau"} & kept.keys()
    assert kept["amount_asked"] == 1_000_000


def test_a_back_test_says_who_would_be_decided_otherwise_and_on_what_terms() -> None:
    """Worked out by hand: the score of each person against 450/650 and against 500/700."""
    before, after = version(policy()), version(policy(500, 700, poorer=300_000), 2)
    scores = (400, 460, 640, 660, 700, 749, 780)
    decided = [
        Decided(f"dec_{score}", take_step(before, {**GOOD, "score_bureau": score}))
        for score in scores
    ]

    found = back_test(decided, after)

    reject, refer, approve = Outcome.REJECT, Outcome.REFER, Outcome.APPROVE
    assert found.outcomes == {
        (reject, reject): 1,
        (refer, reject): 1,
        (refer, refer): 1,
        (approve, refer): 1,
        (approve, approve): 3,
    }
    assert (found.tried, found.failed, found.changed) == (7, 0, 2)
    assert found.examples == {(refer, reject): ["dec_460"], (approve, refer): ["dec_660"]}
    assert found.reasons == {(None, "R08"): 1}
    # 700 and 749 are of grade B: 5,000.00 before and 3,000.00 after; 780 gets what was asked.
    assert (found.amounts, found.rates) == ({"lower": 2, "same": 1}, {"same": 3})
    assert found.amount_before == 3 * 500_000 + 1_000_000
    assert found.amount_after == 2 * 300_000 + 1_000_000


def test_parts_of_a_back_test_join_to_the_whole() -> None:
    chance, before, after = Chance(7), version(policy()), version(policy(520, 640), 2)
    decided = [Decided(f"dec_{n}", take_step(before, random_facts(chance))) for n in range(300)]
    whole, parts = back_test(decided, after), BackTest()
    for start in range(0, 300, 70):
        parts.join(back_test(decided[start : start + 70], after))
    assert parts == whole


def test_the_same_version_changes_nothing() -> None:
    chance, tested = Chance(3), version(policy())
    decided = [Decided(f"dec_{n}", take_step(tested, random_facts(chance))) for n in range(200)]
    found = back_test(decided, tested)
    assert (found.changed, found.examples, found.reasons) == (0, {}, {})
    assert set(found.amounts) <= {"same"}
    assert found.amount_before == found.amount_after


def test_decimals_keep_their_digits_in_a_trace() -> None:
    step = take_step(version(policy()), {**GOOD, "annual_rate_cap": Decimal("15.40")})
    assert step.evaluation.offer is not None
    assert str(step.evaluation.offer.annual_rate) == "15.40"
    again = take_again(stored(Trace(steps=(step,))).steps[0], version(policy()))
    assert again.model_dump_json() == step.evaluation.model_dump_json()


def test_a_decision_that_cannot_be_made_again_is_counted_and_not_lost() -> None:
    content = CATALOGUE.model_dump()
    for fact in content["facts"]:
        if fact["name"] == "age":
            fact["missing"] = "fail"
    strict = type(CATALOGUE).model_validate(content)
    tested = version(policy())
    facts = {name: value for name, value in GOOD.items() if name != "age"}
    decided = [Decided("dec_1", take_step(tested, facts))]
    needing = PolicyVersion(
        tested.ref, tested.catalogue_ref, {}, strict, compile_policy(policy(), strict)
    )
    with pytest.raises(FactMissing):
        take_step(needing, facts)
    found = back_test(decided, needing)
    assert (found.tried, found.failed) == (1, 1)


def test_a_stored_fact_that_the_catalogue_no_longer_allows_is_missing() -> None:
    tested = version(policy())
    step = take_step(tested, {**GOOD, "age": "thirty"})
    assert step.evaluation.outcome is Outcome.REFER
    assert take_again(stored(Trace(steps=(step,))).steps[0], tested) == step.evaluation
