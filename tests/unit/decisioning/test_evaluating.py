"""What a policy decides: strictness, missing facts, exemptions, scorecards, splits, offers."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.common.definitions import DefinitionInvalid
from domain.decisioning.decision import Outcome
from domain.decisioning.evaluating import arm_of, evaluate
from domain.decisioning.evaluations import Evaluation, Result
from domain.decisioning.facts import FactMissing, UnknownFact
from tests.unit.decisioning.policies import compiled, rule, rules, table

REJECT = {"kind": "reject", "reason": "R08", "internal": "poor"}
GUARANTOR = {"kind": "condition", "condition": "guarantor"}


def decided(policy: Any, **facts: Any) -> Evaluation:
    return evaluate(policy, facts)


def results(evaluation: Evaluation) -> dict[str, Result]:
    return {one.rule: one.result for one in evaluation.rules}


def test_the_strictest_effect_holds() -> None:
    """Issue 12: reject beats refer beats condition beats approve."""
    policy = compiled(
        rules(
            rule("guarantor", {"score": "< 900"}, GUARANTOR),
            rule("refers", {"score": "< 700"}),
            rule("rejects", {"score": "< 450"}, REJECT),
        )
    )
    outcomes = [
        decided(policy, score=score, conditions_met=[]).outcome for score in (900, 899, 699, 449)
    ]
    assert outcomes == [Outcome.APPROVE, Outcome.CONDITION, Outcome.REFER, Outcome.REJECT]


def test_every_rule_is_told_with_what_it_read() -> None:
    policy = compiled(
        rules(rule("low", {"score": "< 450"}, REJECT), rule("listed", {"listed": "true"}))
    )
    approved = decided(policy, score=780, listed=False)
    assert [(one.rule, one.result, one.values) for one in approved.rules] == [
        ("low", Result.NO_HIT, {"score": 780}),
        ("listed", Result.NO_HIT, {"listed": False}),
    ]
    assert approved.path == ("rules", "approved")
    rejected = decided(policy, score=449, listed=False)
    assert (rejected.reason, rejected.internal_reasons[0].words) == ("R08", "poor")


def test_a_missing_fact_is_not_false() -> None:
    """Neither a rule nor its opposite answers: a person decides."""
    for cell in ("true", "false"):
        came = decided(compiled(rules(rule("listed", {"listed": cell}))))
        assert (came.outcome, results(came)) == (Outcome.REFER, {"listed": Result.ERROR})


def test_what_is_false_whatever_is_missing_is_no_hit() -> None:
    policy = compiled(rules(rule("both", {"listed": "true", "score": "< 450"})))
    assert decided(policy, score=780).outcome is Outcome.APPROVE
    assert decided(policy, score=449).outcome is Outcome.REFER


def test_a_value_of_the_wrong_type_counts_as_missing() -> None:
    policy = compiled(rules(rule("low", {"score": "< 450"}), rule("calls", {"calls": "> 3"})))
    for wrong in ("780", 780.0, True, Decimal(780), 299, 1001):
        assert decided(policy, score=wrong).outcome is Outcome.REFER, wrong
    assert decided(policy, score=780).outcome is Outcome.APPROVE
    assert decided(policy, score=780, calls="none").outcome is Outcome.REFER


def test_facts_say_what_a_missing_one_means() -> None:
    policy = compiled(
        rules(rule("calls", {"calls": "> 3"}), rule("today", {"day": "< 2026-01-01"}))
    )
    assert decided(policy, day=date(2026, 3, 1)).outcome is Outcome.APPROVE
    with pytest.raises(FactMissing) as refused:
        decided(policy, calls=0)
    assert refused.value.field == "day"
    with pytest.raises(UnknownFact) as unknown:
        decided(policy, day=date(2026, 3, 1), scroe=1)
    assert unknown.value.field == "scroe"


def test_an_exempt_rule_is_told_and_has_no_effect() -> None:
    policy = compiled(rules(rule("low", {"score": "< 450"}, REJECT)))
    came = evaluate(policy, {"score": 400}, exempt=frozenset({"low"}))
    assert (came.outcome, results(came)) == (Outcome.APPROVE, {"low": Result.EXEMPT})
    missing = evaluate(policy, {}, exempt=frozenset({"low"}))
    assert missing.outcome is Outcome.REFER


def test_rules_behind_a_rejection_that_ends_it_are_skipped() -> None:
    policy = compiled(
        rules(rule("low", {"score": "< 450"}, REJECT), stop_on_reject=True, next="more"),
        rules(rule("listed", {"listed": "true"})) | {"id": "more"},
    )
    came = decided(policy, score=400)
    assert results(came) == {"low": Result.HIT, "listed": Result.SKIPPED}
    assert came.path == ("rules",)


@pytest.mark.parametrize(
    ("odds", "score"), [("20", 600), ("40", 620), ("50", 626), ("10", 580), ("1", 514)]
)
def test_a_scorecard_scales_the_odds(odds: str, score: int) -> None:
    """Siddiqi's example: 20 points double the odds, 600 at 20:1; 626.44 at 50:1, 513.56 at 1:1."""
    policy = compiled(_card(Decimal(odds).ln()), score="own_score")
    assert decided(policy, score=700).score == score
    card = policy.nodes["card"]
    factor, offset = getattr(card, "factor", None), getattr(card, "offset", None)
    assert (round(factor or 0, 6), round(offset or 0, 6)) == (
        Decimal("28.853901"),
        Decimal("513.561438"),
    )


def _card(points: Decimal) -> dict[str, Any]:
    return {
        "id": "card",
        "kind": "scorecard",
        "output": "own_score",
        "next": "approved",
        "scaling": {"points_to_double": 20, "base_score": 600, "base_odds": 20},
        "characteristics": [
            {"fact": "score", "bins": [{"when": ">= 600", "points": points}], "other": 0}
        ],
    }


def test_a_split_is_stable_and_keeps_its_shares() -> None:
    """The arm is SHA-256 of `salt|customer` modulo 10,000; by hand for one customer."""
    arms = [
        {"id": "champion", "share": 9000, "next": "approved"},
        {"id": "challenger", "share": 1000, "next": "referred"},
    ]
    policy = compiled(
        {"id": "split", "kind": "split", "salt": "s1", "customer": "customer", "arms": arms},
        {"id": "referred", "kind": "outcome", "outcome": "refer"},
    )
    came = [decided(policy, customer=f"c{n}").path[0] for n in range(4000)]
    assert 320 < came.count("split:challenger") < 480
    assert came == [decided(policy, customer=f"c{n}").path[0] for n in range(4000)]
    assert decided(policy).outcome is Outcome.REFER
    # echo -n 's1|c1' | sha256sum, its last digits modulo 10,000
    assert arm_of("s1", "c1") == int(_SHA256_OF_S1_C1, 16) % 10_000


_SHA256_OF_S1_C1 = "3b6282cedba1b389886f07adebb420c4d6270c8f24a9c706e1dedf37c9b8893d"


OFFERING = {
    "id": "offering",
    "kind": "limit_and_price",
    "amount": "amount_cap * ratio",
    "term": "24",
    "annual_rate": "$rate",
    "too_little": {"kind": "refer"},
    "next": "approved",
}
ASKED: Mapping[str, Any] = {
    "amount_asked": 1_000_000,
    "amount_min": 100_000,
    "amount_step": 10_000,
    "amount_cap": 5_000_000,
    "amount_authority": 5_000_000,
    "term_asked": 12,
    "terms_allowed": {"3", "6", "12", "24"},
    "annual_rate_cap": Decimal(24),
}


@given(
    facts=st.fixed_dictionaries(
        {
            "amount_asked": st.integers(0, 10**9),
            "amount_min": st.integers(0, 10**6),
            "amount_step": st.integers(1, 10**5),
            "amount_cap": st.integers(0, 10**9),
            "amount_authority": st.integers(0, 10**9),
            "term_asked": st.integers(1, 120),
            "terms_allowed": st.sets(st.sampled_from(["1", "3", "6", "12", "24", "x"])),
            "annual_rate_cap": st.decimals("0.1", 40, places=2),
            "ratio": st.decimals(0, 3, places=3),
            "score": st.integers(300, 1000),
            "conditions_met": st.sets(st.sampled_from(["guarantor", "lower_amount"])),
        }
    ),
    dropped=st.sets(st.sampled_from(sorted([*ASKED, "ratio", "conditions_met"])), max_size=2),
    rate=st.decimals(0, 60, places=2),
    bound=st.integers(301, 999),
)
def test_no_offer_exceeds_limit_authority_or_cap(
    facts: dict[str, Any], dropped: set[str], rate: Decimal, bound: int
) -> None:
    """Issue 12; nor is there one while anything is missing or a condition is not fulfilled."""
    lower = {"kind": "condition", "condition": "lower_amount", "amount": "amount_cap / 2"}
    policy = compiled(
        rules(
            rule("guarantor", {"score": f"< {bound}"}, GUARANTOR),
            rule("lower", {"score": f"[{bound}..{bound + 1}]"}, lower),
            next="offering",
        ),
        OFFERING,
        parameters={"rate": rate},
    )
    came = evaluate(policy, {name: one for name, one in facts.items() if name not in dropped})
    if dropped & {*ASKED, "ratio"}:
        assert came.offer is None
    if facts["score"] < bound and ("guarantor" not in facts["conditions_met"] or dropped):
        assert came.offer is None
    offer = came.offer
    if offer is None:
        assert came.outcome is not Outcome.APPROVE
        return
    bounds = ("amount_asked", "amount_cap", "amount_authority")
    assert facts["amount_min"] <= offer.amount <= min(facts[name] for name in bounds)
    assert 0 < offer.amount <= facts["amount_cap"] * facts["ratio"]
    assert offer.amount % facts["amount_step"] == 0
    assert str(offer.term) in facts["terms_allowed"]
    assert offer.term <= facts["term_asked"]
    assert offer.annual_rate <= facts["annual_rate_cap"]
    assert offer.annual_rate == min(rate, facts["annual_rate_cap"])


def test_a_lower_amount_is_fulfilled_by_asking_for_less() -> None:
    """Somebody who only says so is asked again."""
    lower = {"kind": "condition", "condition": "lower_amount", "amount": "500000"}
    policy = compiled(
        rules(rule("lower", {"score": "< 700"}, lower), next="offering"),
        OFFERING,
        parameters={"rate": 18},
    )
    facts = {**ASKED, "ratio": Decimal(1), "score": 600}
    first = evaluate(policy, {**facts, "conditions_met": frozenset()})
    assert (first.outcome, first.offer) == (Outcome.CONDITION, None)
    assert [(one.key, one.amount) for one in first.conditions] == [("lower_amount", 500_000)]
    said = evaluate(policy, {**facts, "conditions_met": frozenset({"lower_amount"})})
    assert (said.outcome, said.offer) == (Outcome.CONDITION, None)
    asked = evaluate(
        policy, {**facts, "amount_asked": 500_000, "conditions_met": frozenset({"lower_amount"})}
    )
    assert asked.offer is not None
    assert asked.offer.amount == 500_000


@pytest.mark.parametrize(
    ("nodes", "more", "field"),
    [
        ([rules(rule("a", {"scroe": "< 450"}))], {}, "nodes.0.rules.0.when.scroe"),
        ([rules(rule("a", {"score": "< low"}))], {}, "nodes.0.rules.0.when.score"),
        ([rules(rule("a", {"score": "< $low"}))], {}, "nodes.0.rules.0.when.score"),
        ([rules(rule("a", {"level": "golden"}))], {}, "nodes.0.rules.0.when.level"),
        ([rules(rule("a", {"listed": "yes"}))], {}, "nodes.0.rules.0.when.listed"),
        ([rules(rule("a", {"tags": "vip"}))], {}, "nodes.0.rules.0.when.tags"),
        ([rules(rule("a", {"since": "< 2026-13-01"}))], {}, "nodes.0.rules.0.when.since"),
        (
            [rules(rule("a", {"score": "< 450"}), rule("a", {"score": "> 4"}))],
            {},
            "nodes.0.rules.1.id",
        ),
        ([rules(rule("a", {"score": "< 450"}), next="gone")], {}, "nodes.0.next"),
        ([rules(rule("a", {"score": "< 450"}), next="rules")], {}, "nodes"),
        ([rules(rule("a", {"answer": "x"}))], {}, "nodes.0.rules.0.when.answer"),
        ([rules(rule("a", {"score": "< 450"}))], {"parameters": {"low": 4}}, "parameters.low"),
        ([rules(rule("a", {"score": "< 450"}))], {"grade": "level_"}, "grade"),
        ([table(["score"], [(["-"], ["x", "y"])])], {}, "nodes.0.rows.0"),
        ([{**OFFERING, "amount": "amount_cap *"}], {"parameters": {"rate": 1}}, "nodes.0.amount"),
        ([{**OFFERING, "amount": "exec('x')"}], {"parameters": {"rate": 1}}, "nodes.0.amount"),
        ([{**OFFERING, "amount": "level + 1"}], {"parameters": {"rate": 1}}, "nodes.0.amount"),
        (
            [{**OFFERING, "amount": "amount_cap ** 9"}],
            {"parameters": {"rate": 1}},
            "nodes.0.amount",
        ),
    ],
)
def test_what_is_wrong_is_found_at_its_cell(
    nodes: list[Any], more: dict[str, Any], field: str
) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        compiled(*nodes, **more)
    assert field in {one.field for one in refused.value.findings}
    assert all(one.example for one in refused.value.findings)


@pytest.mark.parametrize("ratio", ["1e21", "1e-21", "NaN", "Infinity"])
def test_a_number_that_nobody_can_calculate_with_counts_as_missing(ratio: str) -> None:
    policy = compiled(OFFERING, parameters={"rate": 18})
    came = evaluate(policy, {**ASKED, "ratio": Decimal(ratio)})
    assert (came.outcome, came.offer) == (Outcome.REFER, None)


@pytest.mark.parametrize(
    "amount", ["amount_cap / (term_asked - 12)", "1e999999 * 1e999999", "floor(ratio, 0)"]
)
def test_what_cannot_be_calculated_refers(amount: str) -> None:
    policy = compiled({**OFFERING, "amount": amount}, parameters={"rate": 18})
    came = evaluate(policy, {**ASKED, "ratio": Decimal(1)})
    assert (came.outcome, came.offer) == (Outcome.REFER, None)
