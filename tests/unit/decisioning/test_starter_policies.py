"""The shipped policies: right, stable, and never approving what is not known."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.decisioning.checking import RISK_POLICY, facts_of, sub_policies_of
from domain.decisioning.compiled import CompiledPolicy
from domain.decisioning.compiling import compile_policy
from domain.decisioning.decision import Outcome
from domain.decisioning.evaluating import evaluate
from domain.decisioning.evaluations import Result
from domain.decisioning.facts import FACT_CATALOGUE, FactMissing, FactValue
from domain.decisioning.lists import KeyKind, ListName, list_facts
from tests.definitions import codes, shipped
from tests.products import ShippedInForce

CATALOGUE = shipped(FACT_CATALOGUE, "standard")
CODES = codes(RISK_POLICY)


def starter(code: str) -> CompiledPolicy:
    policy = shipped(RISK_POLICY, code)
    return compile_policy(policy, CATALOGUE, sub_policies_of(policy, ShippedInForce()))


def everything_told(code: str) -> list[dict[str, FactValue]]:
    """The facts of every golden case that is approved."""
    policy = shipped(RISK_POLICY, code)
    return [
        facts_of(CATALOGUE, policy.standard_facts, case.facts)
        for case in policy.cases
        if case.outcome is Outcome.APPROVE
    ]


@pytest.mark.parametrize("code", CODES)
def test_a_missing_fact_never_approves(code: str) -> None:
    """Issue 12: at every position; what a case does not read may be missing, and is told so."""
    compiled = starter(code)
    standard, *others = everything_told(code)
    assert {name for name in standard if same_without(compiled, standard, name)} == UNREAD[code]
    for facts in others:
        for name in facts:
            same_without(compiled, facts, name)


UNREAD: dict[str, set[str]] = {code: set() for code in CODES} | {
    "cash-limit": {"model_score"},
    "drawdown": {"conditions_met"},
}
"""What the standard case has and its way does not read.

A bureau's score is the one that grades; what is fulfilled matters once something is demanded.
"""


def same_without(compiled: CompiledPolicy, facts: dict[str, FactValue], name: str) -> bool:
    """Whether a case is approved without a fact; then nothing that was decided may change."""
    try:
        came = evaluate(compiled, {one: value for one, value in facts.items() if one != name})
    except FactMissing:
        return False
    if came.outcome is not Outcome.APPROVE:
        return False
    whole = evaluate(compiled, facts)
    assert came.model_copy(update={"rules": whole.rules}) == whole, name
    return True


@pytest.mark.parametrize("code", CODES)
def test_every_rule_can_hit(code: str) -> None:
    """The golden cases hit each rule once, or it is one of those named here."""
    compiled = starter(code)
    policy = compiled.policy
    hit = {
        one.rule
        for case in policy.cases
        for one in evaluate(compiled, facts_of(CATALOGUE, policy.standard_facts, case.facts)).rules
        if one.result is Result.HIT
    }
    never = {rule for rule in compiled.rule_ids if rule not in hit}
    assert all(rule.startswith(_SAME_AS_ANOTHER) for rule in never), never


_SAME_AS_ANOTHER = ("element_",)
"""Written as another rule beside it that a case hits."""


def test_a_decision_is_the_same_bytes_in_every_process() -> None:
    """The order of a set depends on the process's hash seed; no order may reach a decision."""
    printed = {
        subprocess.run(  # noqa: S603 this interpreter, with a script of ours
            [sys.executable, "-c", _PRINT],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert b"approve" in printed.pop()


_PRINT = """
from tests.unit.decisioning.test_starter_policies import everything_told, starter
from domain.decisioning.evaluating import evaluate
for code in ("cash-limit", "preliminary"):
    policy = starter(code)
    for facts in everything_told(code):
        print(evaluate(policy, facts).model_dump_json())
"""


@pytest.mark.parametrize(
    ("parameter", "value", "field"),
    [
        ("score_reject_below", 700, "nodes.0.rules.4.when.score"),
        ("age_min", 60, "nodes.0.rules.2.when"),
        ("score_reject_below", "low", "nodes.0.rules.3.when.score"),
        ("address_book_refer_below", 2000, "cases."),
    ],
)
def test_thresholds_that_contradict_each_other_are_refused(
    parameter: str, value: Any, field: str
) -> None:
    draft = shipped(RISK_POLICY, "cash").model_dump(mode="json")
    draft["parameters"][parameter] = value
    found = RISK_POLICY.findings(draft, ShippedInForce(), "cash")
    assert any(one.field.startswith(field) for one in found), found


def test_a_code_that_the_table_of_codes_lacks_is_refused() -> None:
    draft = shipped(RISK_POLICY, "preliminary").model_dump(mode="json")
    draft["nodes"][0]["rules"][0]["then"]["reason"] = "R99"
    found = RISK_POLICY.findings(draft, ShippedInForce(), "preliminary")
    assert [one.field for one in found if "R99" in one.message] == ["nodes.0.rules.0.then.reason"]


def test_a_changed_threshold_fails_the_golden_case_at_it() -> None:
    draft = shipped(RISK_POLICY, "cash").model_dump(mode="json")
    draft["parameters"]["score_refer_below"] = 651
    found = RISK_POLICY.findings(draft, ShippedInForce(), "cash")
    assert [(one.field.split(".")[-1], one.example) for one in found] == [("outcome", "refer")]
    assert "just good enough" in found[0].message


@pytest.mark.parametrize("kind", KeyKind)
def test_whoever_is_on_the_black_list_by_any_key_is_rejected(kind: KeyKind) -> None:
    """What `list_facts` gives are values that the catalogue knows."""
    compiled, standard = starter("preliminary"), everything_told("preliminary")[0]
    came = evaluate(compiled, {**standard, **list_facts([(ListName.BLACK, kind)])})
    assert (came.outcome, came.reason) == (Outcome.REJECT, "R05")


@pytest.mark.parametrize(
    ("facts", "field"), [({"scoer": 500}, "facts.scoer"), ({"score": "good"}, "facts.score")]
)
def test_a_golden_case_with_a_wrong_fact_is_told_by_field(
    facts: dict[str, Any], field: str
) -> None:
    draft = shipped(RISK_POLICY, "cash").model_dump(mode="json")
    draft["cases"][0]["facts"] = facts
    found = RISK_POLICY.findings(draft, ShippedInForce(), "cash")
    assert f"cases.0.{field}" in [one.field for one in found]
