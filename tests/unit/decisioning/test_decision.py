"""The shipped decision policy, at and beside each of its thresholds."""

from datetime import date

import pytest
from pydantic import ValidationError

from domain.common.ages import AgeTurn, age_on
from domain.decisioning.decision import (
    Facts,
    Outcome,
    Rules,
    decide,
    reject_pending,
    reject_unasked,
)
from domain.decisioning.policy import DECISION_SOURCES, DecisionPolicy, Lending
from domain.sources import Capability
from tests.products import CASH, REVOLVING, RULES, ruled_by

TODAY = date(2026, 11, 21)
AT_EVERY_LIMIT = Lending(
    lenders_queried_7d=5,
    lenders_queried_30d=10,
    lenders_queried_90d=20,
    unsettled_loans=5,
    new_loans_30d=3,
)
GOOD = Facts(
    birth_date=date(1990, 5, 1),
    score=780,
    blacklisted=False,
    lenders_queried_30d=2,
    listed=(),
    lending=AT_EVERY_LIMIT,
    model_score=600,
)


def changed(**fields: object) -> Facts:
    return GOOD.model_copy(update=fields)


def test_good_facts_are_approved_with_no_hit() -> None:
    decision = decide(GOOD, TODAY, RULES)
    assert (decision.outcome, decision.hits, decision.reject_code) == (Outcome.APPROVE, (), None)


@pytest.mark.parametrize(
    ("facts", "code", "reapply_on"),
    [
        (changed(blacklisted=True), "R05", date(2027, 5, 20)),
        (changed(score=449), "R08", date(2026, 12, 21)),
        (changed(listed=("fraud",)), "R05", date(2027, 5, 20)),
        (changed(model_score=449), "R08", date(2026, 12, 21)),
        (changed(model_score=300), "R08", date(2026, 12, 21)),
        (changed(birth_date=date(2006, 11, 22)), "R02", date(2026, 12, 21)),
        (changed(birth_date=date(1970, 11, 21)), "R02", date(2026, 12, 21)),
    ],
)
def test_a_rejection_has_a_code_and_a_date_to_come_back(
    facts: Facts, code: str, reapply_on: date
) -> None:
    decision = decide(facts, TODAY, RULES)
    assert decision.outcome is Outcome.REJECT
    assert (decision.reject_code, decision.reapply_on) == (code, reapply_on)


@pytest.mark.parametrize(
    "facts",
    [
        changed(score=450),
        changed(score=649),
        changed(lenders_queried_30d=11),
        changed(score=None),
        changed(blacklisted=None),
        changed(birth_date=None),
        changed(lenders_queried_30d=None),
        changed(model_score=450),
        changed(model_score=599),
        changed(model_score=None),
        changed(listed=None),
        changed(lending=None),
    ],
)
def test_doubt_and_missing_facts_go_to_a_person(facts: Facts) -> None:
    assert decide(facts, TODAY, RULES).outcome is Outcome.REFER


def test_a_rejection_outweighs_doubt_and_every_hit_is_told() -> None:
    decision = decide(changed(score=None, blacklisted=True), TODAY, RULES)
    assert decision.outcome is Outcome.REJECT
    assert [hit.rule for hit in decision.hits] == ["blacklist", "score"]


@pytest.mark.parametrize("count", list(Lending.model_fields))
def test_each_count_of_other_lenders_refers_above_its_limit(count: str) -> None:
    more = getattr(AT_EVERY_LIMIT, count) + 1
    decision = decide(
        changed(lending=AT_EVERY_LIMIT.model_copy(update={count: more})), TODAY, RULES
    )
    assert decision.outcome is Outcome.REFER
    assert [(hit.rule, hit.read) for hit in decision.hits] == [(f"multi_lender_{count}", str(more))]


def test_facts_of_which_nothing_is_said_are_missing_and_never_pass() -> None:
    silent = Facts(birth_date=date(1990, 5, 1), score=780, blacklisted=False, lenders_queried_30d=2)
    decision = decide(silent, TODAY, RULES)
    assert decision.outcome is Outcome.REFER
    assert {(hit.rule, hit.read) for hit in decision.hits} == {
        ("shared_lists", "missing"),
        ("model_score", "missing"),
        ("multi_lender", "missing"),
    }


def test_only_the_rules_of_sources_that_are_asked_apply() -> None:
    nothing = changed(
        score=None, blacklisted=None, lenders_queried_30d=None, listed=None, lending=None
    )
    only_score = nothing.model_copy(update={"asked": frozenset({Capability.MODEL_SCORE})})
    assert decide(only_score, TODAY, RULES).outcome is Outcome.APPROVE
    poor = only_score.model_copy(update={"model_score": 449})
    assert decide(poor, TODAY, RULES).reject_code == "R08"
    young = only_score.model_copy(update={"birth_date": date(2010, 1, 1)})
    assert decide(young, TODAY, RULES).reject_code == "R02"


def test_what_is_known_for_nothing_rejects_before_anybody_is_asked() -> None:
    rejected = reject_unasked(date(2006, 11, 22), TODAY, RULES)
    assert rejected is not None
    assert rejected == decide(
        changed(birth_date=date(2006, 11, 22), score=None), TODAY, RULES
    ).model_copy(update={"hits": rejected.hits})
    assert [hit.rule for hit in rejected.hits] == ["age"]
    assert reject_unasked(date(1990, 5, 1), TODAY, RULES) is None


def test_thresholds_are_data_and_every_decision_names_their_version() -> None:
    strict = RULES.thresholds.model_copy(update={"model_score_refer_below": 700})
    rules = ruled_by(DecisionPolicy.model_validate(strict.model_dump()), version=7)
    decision = decide(GOOD, TODAY, rules)
    assert (decision.outcome, decision.policy) == (Outcome.REFER, rules.policy.ref)
    assert str(decision.policy) == "decision_policy/cash@7"
    assert str(decide(GOOD, TODAY, RULES).policy) == "decision_policy/cash@1"


def test_a_product_asks_at_least_one_source() -> None:
    for product in (CASH, REVOLVING):
        assert product.content.decision_sources == DECISION_SOURCES
    with pytest.raises(ValidationError, match="asked"):
        Facts.model_validate({**GOOD.model_dump(), "asked": ()})


def test_another_application_keeps_nobody_away() -> None:
    rejected = reject_pending(TODAY, RULES)
    assert (rejected.reject_code, rejected.reapply_on) == ("R14", None)
    assert rejected.policy == RULES.policy.ref


def test_how_long_a_code_keeps_away_is_read_from_the_table() -> None:
    codes = RULES.codes.model_dump()
    for one in codes["codes"]:
        if one["code"] == "R08":
            one["lock_days"] = 7
    rules = Rules(RULES.policy, type(RULES.codes).model_validate(codes))
    assert decide(changed(score=449), TODAY, rules).reapply_on == date(2026, 11, 28)


def test_bounds_of_age_are_inclusive() -> None:
    assert decide(changed(birth_date=date(2006, 11, 21)), TODAY, RULES).outcome is Outcome.APPROVE
    assert decide(changed(birth_date=date(1970, 11, 22)), TODAY, RULES).outcome is Outcome.APPROVE


def test_people_born_on_a_leap_day_have_their_birthday_on_the_first_of_march() -> None:
    assert age_on(date(2004, 2, 29), date(2026, 2, 28)) == 21
    assert age_on(date(2004, 2, 29), date(2026, 3, 1)) == 22


def test_where_the_law_says_so_a_person_is_older_only_the_day_after_the_birthday() -> None:
    # Supreme People's Court, Fa Shi [2006] No. 1, article 2. Born on 21 November 2006: twenty on 21
    # November 2026 in England, on the 22nd there.
    after = RULES.policy.content.model_copy(update={"age_turns": AgeTurn.DAY_AFTER})
    rules = Rules(RULES.policy.model_copy(update={"content": after}), RULES.codes)
    born = changed(birth_date=date(2006, 11, 21))
    assert decide(born, date(2026, 11, 21), RULES).outcome is Outcome.APPROVE
    assert decide(born, date(2026, 11, 21), rules).reject_code == "R02"
    assert decide(born, date(2026, 11, 22), rules).outcome is Outcome.APPROVE


def test_a_code_without_lock_gives_no_date() -> None:
    assert RULES.codes.reapply_on("R17", TODAY) is None
    assert RULES.codes.reapply_on("R07", TODAY) is None
    assert RULES.codes.category_of("R17") == "not_eligible"
