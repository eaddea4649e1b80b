"""A policy that contradicts itself is refused, by field and with an example of what would do."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.definitions import Agreed, Finding
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY, AnalysisPolicy, pause_after
from messages.credit_analysis import StartCreditAnalysis
from services.definitions.shipped import Files
from tests.definitions import agreed, codes, shipped
from tests.proposals import STANDARD, WITH_ASSESSMENT


def findings(**changes: Any) -> tuple[Finding, ...]:
    """What is wrong with the shipped policy after `changes`; `place__field` is inside a part."""
    draft = shipped(CREDIT_ANALYSIS_POLICY, STANDARD).model_dump()
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = draft
        for parent in parents:
            place = place[parent]
        place[last] = value
    return CREDIT_ANALYSIS_POLICY.findings(draft, Files({}), STANDARD)


def test_what_is_shipped_is_sound() -> None:
    assert codes(CREDIT_ANALYSIS_POLICY) == [STANDARD, WITH_ASSESSMENT]
    assert findings() == ()
    with_assessment = shipped(CREDIT_ANALYSIS_POLICY, WITH_ASSESSMENT)
    standard = shipped(CREDIT_ANALYSIS_POLICY, STANDARD)
    assert with_assessment == standard.model_copy(update={"external_assessment": True})


@pytest.mark.parametrize(
    ("changes", "field", "message", "example"),
    [
        ({"zone": "Brazil"}, "zone", "time zone", "America/Sao_Paulo"),
        (
            {"refer_company_younger_than_months": 5},
            "refer_company_younger_than_months",
            "nobody would be referred",
            "6 or more",
        ),
        ({"refer_income_below": Decimal("1.1")}, "refer_income_below", "below", "1.2 or more"),
        ({"refer_score_below": 400}, "refer_score_below", "whoever is below", "450 or more"),
        (
            {"refer_adverse_facts_from": 4},
            "refer_adverse_facts_from",
            "nobody would be referred",
            "3 or less",
        ),
        (
            {"score_card__comfortable_income": Decimal(2)},
            "score_card.comfortable_income",
            "cannot be comfortable",
            "3 or more",
        ),
        (
            {"score_card__for_comfortable_income": 70},
            "score_card.for_comfortable_income",
            "fewer points",
            "80 or more",
        ),
        (
            {"waiting__assessment_hours": 721},
            "waiting.assessment_hours",
            "over by then",
            "720 or less",
        ),
        (
            {"waiting__assessment_pauses": [5, 1]},
            "waiting.assessment_pauses",
            "shorter",
            "[1, 5, 15]",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_bad_policy_is_refused_by_field_with_an_example(
    changes: dict[str, Any], field: str, message: str, example: str
) -> None:
    found = [one for one in findings(**changes) if one.field == field]
    assert [one.example for one in found] == [example]
    assert message in found[0].message


@pytest.mark.parametrize(
    ("changes", "field", "limit"),
    [
        (
            {"reprove_company_younger_than_months": -1},
            "reprove_company_younger_than_months",
            "equal to 0",
        ),
        (
            {"reprove_person_younger_than_years": 16},
            "reprove_person_younger_than_years",
            "equal to 18",
        ),
        (
            {"constitution_date_tolerance_days": -1},
            "constitution_date_tolerance_days",
            "equal to 0",
        ),
        ({"reprove_income_below": Decimal(-1)}, "reprove_income_below", "equal to 0"),
        ({"refer_coverage_below": Decimal(-1)}, "refer_coverage_below", "equal to 0"),
        ({"coverage_needed_from": -1}, "coverage_needed_from", "equal to 0"),
        ({"reprove_adverse_facts_from": 1001}, "reprove_adverse_facts_from", "equal to 1000"),
        ({"refer_adverse_facts_from": 0}, "refer_adverse_facts_from", "equal to 1"),
        ({"reprove_score_below": 299}, "reprove_score_below", "equal to 300"),
        ({"refer_score_below": 1001}, "refer_score_below", "equal to 1000"),
        ({"refer_amount_above": 0}, "refer_amount_above", "equal to 1"),
        ({"assumed_cdi": Decimal(101)}, "assumed_cdi", "equal to 100"),
        ({"score_card__base": 200}, "score_card.base", "equal to 300"),
        (
            {"score_card__for_each_adverse_fact": 10},
            "score_card.for_each_adverse_fact",
            "equal to 0",
        ),
        ({"waiting__data_days": 0}, "waiting.data_days", "equal to 1"),
        ({"waiting__review_days": 366}, "waiting.review_days", "equal to 365"),
        ({"waiting__assessment_rare_pause": 0}, "waiting.assessment_rare_pause", "equal to 1"),
        ({"waiting__register_pauses": []}, "waiting.register_pauses", "at least 1 item"),
        ({"waiting__register_pauses": [0, 5]}, "waiting.register_pauses.0", "equal to 1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_figure_outside_of_what_it_can_be_is_refused(
    changes: dict[str, Any], field: str, limit: str
) -> None:
    [found] = findings(**changes)
    assert found.field == field
    assert limit in found.message


def test_thresholds_may_be_equal_where_nobody_is_to_be_referred() -> None:
    assert findings(refer_income_below=Decimal("1.2"), refer_adverse_facts_from=3) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"refer_score_above": 1}, "refer_score_above"),
        ({"refer_amount_above": "much"}, "refer_amount_above"),
        ({"waiting__data_days": 1.5}, "waiting.data_days"),
        ({"assumed_cdi": "NaN"}, "assumed_cdi"),
    ],
    ids=["no such field", "no number", "not whole", "not a rate"],
)
def test_what_is_no_policy_at_all_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    assert [one.field for one in findings(**changes)] == [field]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = findings(zone="x", refer_score_below=400, waiting__data_days=1)
    assert {one.field for one in told} == {"zone", "refer_score_below", "waiting.assessment_hours"}


def test_a_start_message_carries_reference_and_snapshot() -> None:
    policy = agreed(CREDIT_ANALYSIS_POLICY, WITH_ASSESSMENT)
    start = {
        "analysis_id": "ana_1",
        "kind": "legal_person",
        "client": "shop",
        "policy": policy.model_dump(mode="json"),
        "parties": ["subject"],
    }
    message = StartCreditAnalysis.model_validate(start)
    assert message.policy == Agreed[AnalysisPolicy].model_validate(policy.model_dump())
    assert str(message.policy.ref) == "credit_analysis_policy/with_assessment@1"
    assert StartCreditAnalysis.model_validate_json(message.model_dump_json()) == message


def test_the_last_pause_repeats() -> None:
    pauses = (1, 5, 15)
    minutes = [pause_after(pauses, queries) / timedelta(minutes=1) for queries in range(5)]
    assert minutes == [1, 5, 15, 15, 15]
