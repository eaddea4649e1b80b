"""The decision policy against the starter thresholds of the domain facts, section 5.3."""

from datetime import date

import pytest

from domain.decision import Facts, Outcome, age_on, decide, reapply_date

TODAY = date(2026, 11, 21)
GOOD = Facts(birth_date=date(1990, 5, 1), score=780, blacklisted=False, lenders_queried_30d=2)


def changed(**fields: object) -> Facts:
    return GOOD.model_copy(update=fields)


def test_good_facts_are_approved_with_no_hit() -> None:
    decision = decide(GOOD, TODAY)
    assert (decision.outcome, decision.hits, decision.reject_code) == (Outcome.APPROVE, (), None)


@pytest.mark.parametrize(
    ("facts", "code", "reapply_on"),
    [
        (changed(blacklisted=True), "R05", date(2027, 5, 20)),
        (changed(score=449), "R08", date(2026, 12, 21)),
        (changed(birth_date=date(2006, 11, 22)), "R02", date(2026, 12, 21)),
        (changed(birth_date=date(1970, 11, 21)), "R02", date(2026, 12, 21)),
    ],
)
def test_a_rejection_has_a_code_and_a_date_to_come_back(
    facts: Facts, code: str, reapply_on: date
) -> None:
    decision = decide(facts, TODAY)
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
    ],
)
def test_doubt_and_missing_facts_go_to_a_person(facts: Facts) -> None:
    assert decide(facts, TODAY).outcome is Outcome.REFER


def test_a_rejection_outweighs_doubt_and_every_hit_is_told() -> None:
    decision = decide(changed(score=None, blacklisted=True), TODAY)
    assert decision.outcome is Outcome.REJECT
    assert [hit.rule for hit in decision.hits] == ["blacklist", "score"]


def test_bounds_of_age_are_inclusive() -> None:
    assert decide(changed(birth_date=date(2006, 11, 21)), TODAY).outcome is Outcome.APPROVE
    assert decide(changed(birth_date=date(1970, 11, 22)), TODAY).outcome is Outcome.APPROVE


def test_people_born_on_a_leap_day_have_their_birthday_on_the_first_of_march() -> None:
    assert age_on(date(2004, 2, 29), date(2026, 2, 28)) == 21
    assert age_on(date(2004, 2, 29), date(2026, 3, 1)) == 22


def test_a_code_without_lock_gives_no_date() -> None:
    assert reapply_date("R17", TODAY) is None
