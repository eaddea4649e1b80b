"""A small policy of tests, complete in itself: two free rules, a score, and an offer by grade."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.compiling import compile_policy
from domain.decisioning.facts import FACT_CATALOGUE, FactCatalogue, FactValue
from domain.decisioning.policies import Policy
from domain.decisioning.tracing import PolicyVersion

CATALOGUE = FactCatalogue.model_validate(
    {
        "facts": [
            {
                "name": name,
                "type": type_,
                "meaning": name.replace("_", " "),
                "source": "test",
                "personal": personal,
                "missing": missing,
                **more,
            }
            for name, type_, personal, missing, more in (
                ("age", "integer", "personal", "refer", {"low": "0", "high": "120"}),
                ("listed", "boolean", "sensitive", "refer", {}),
                ("score_bureau", "integer", "personal", "refer", {"low": "300", "high": "1000"}),
                ("amount_asked", "integer", "none", "refer", {}),
                ("amount_min", "integer", "none", "refer", {}),
                ("amount_step", "integer", "none", "refer", {}),
                ("amount_cap", "integer", "none", "refer", {}),
                ("amount_authority", "integer", "none", "refer", {}),
                ("term_asked", "integer", "none", "refer", {}),
                ("terms_allowed", "text_set", "none", "refer", {}),
                ("annual_rate_cap", "decimal", "none", "refer", {}),
            )
        ]
    }
)
"""A score from 300 to 1000; amounts in minor units."""


def policy(reject_below: int = 450, refer_below: int = 650, poorer: int = 500_000) -> Policy:
    """Return a policy that rejects and refers by score and lends the poorer grade less."""
    return Policy.model_validate(
        {
            "stage": "decision",
            "meaning": "a policy of tests",
            "parameters": {"reject_below": reject_below, "refer_below": refer_below},
            "score": "score_bureau",
            "grade": "grade",
            "nodes": [
                {
                    "id": "free",
                    "kind": "rules",
                    "next": "bands",
                    "rules": [
                        {
                            "id": "too_young",
                            "when": {"age": "< 20"},
                            "then": {"kind": "reject", "reason": "R02", "internal": "too young"},
                        },
                        {
                            "id": "blacklist",
                            "when": {"listed": "true"},
                            "then": {"kind": "reject", "reason": "R05", "internal": "listed"},
                        },
                        {
                            "id": "score_low",
                            "when": {"score_bureau": "< $reject_below"},
                            "then": {"kind": "reject", "reason": "R08"},
                        },
                        {
                            "id": "score_middling",
                            "when": {"score_bureau": "[$reject_below..$refer_below)"},
                            "then": {"kind": "refer", "internal": "a middling score"},
                        },
                    ],
                },
                {
                    "id": "bands",
                    "kind": "table",
                    "next": "offer",
                    "hit": "unique",
                    "inputs": ["score_bureau"],
                    "outputs": [
                        {"name": "grade", "type": "text", "values": ["A", "B"]},
                        {"name": "limit", "type": "integer"},
                        {"name": "rate", "type": "decimal"},
                    ],
                    "rows": [
                        {"id": "grade_a", "when": [">= 750"], "then": ["A", "2000000", "18"]},
                        {"id": "grade_b", "when": ["< 750"], "then": ["B", str(poorer), "24"]},
                    ],
                },
                {
                    "id": "offer",
                    "kind": "limit_and_price",
                    "next": "end",
                    "amount": "limit",
                    "term": "term_asked",
                    "annual_rate": "rate",
                    "too_little": {"kind": "refer", "internal": "too little"},
                },
                {"id": "end", "kind": "outcome", "outcome": "approve"},
            ],
        }
    )


def version(content: Policy, number: int = 1) -> PolicyVersion:
    """Return a compiled version."""
    agreed = RISK_POLICY.agreed("tested", number, content)
    catalogue = FACT_CATALOGUE.agreed("standard", 1, CATALOGUE)
    compiled = compile_policy(content, CATALOGUE)
    return PolicyVersion(agreed.ref, catalogue.ref, {}, CATALOGUE, compiled)


ASKED: Mapping[str, FactValue] = {
    "amount_asked": 1_000_000,
    "amount_min": 100_000,
    "amount_step": 10_000,
    "amount_cap": 5_000_000,
    "amount_authority": 5_000_000,
    "term_asked": 12,
    "terms_allowed": frozenset({"3", "6", "12"}),
    "annual_rate_cap": Decimal(24),
}
"""10,000.00 over 12 months."""

GOOD: Mapping[str, FactValue] = {**ASKED, "age": 30, "listed": False, "score_bureau": 780}


@dataclass
class Chance:
    """Numbers that look random and are the same in every run (a linear congruential generator)."""

    state: int

    def below(self, count: int) -> int:
        """Return a number from 0 to `count` - 1. Constants: Knuth's MMIX."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % count


def random_facts(chance: Chance) -> dict[str, FactValue]:
    """Return facts of anybody, some of them missing."""
    facts: dict[str, Any] = {
        **ASKED,
        "amount_asked": (10 + chance.below(490)) * 10_000,
        "age": 16 + chance.below(55),
        "listed": chance.below(10) == 0,
        "score_bureau": 300 + chance.below(701),
    }
    return {name: value for name, value in facts.items() if chance.below(33) > 0}


def with_parameters(content: Policy, **parameters: int) -> Policy:
    """Return a policy with other thresholds."""
    changed = {name: str(value) for name, value in parameters.items()}
    return content.model_copy(update={"parameters": {**content.parameters, **changed}})
