"""The thresholds of the decision: agreed when the decision on an application begins.

The rules themselves are functions (`domain.decisioning.decision`).
"""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from domain.common.definitions import Content, Finding, InForce, Kind
from domain.decisioning.provided_facts import ProvidedLimits
from domain.sources import Capability

DECISION_SOURCES: Final = (
    Capability.BUREAU,
    Capability.BLACKLIST,
    Capability.MULTI_LENDER,
    Capability.MODEL_SCORE,
)
"""What can be asked for a decision, as far as there are rules for it."""

LOWEST_SCORE, HIGHEST_SCORE = 300, 1000

_Age = Annotated[int, Field(strict=True, ge=18, le=120)]
_Score = Annotated[int, Field(strict=True, ge=LOWEST_SCORE, le=HIGHEST_SCORE)]
_Count = Annotated[int, Field(strict=True, ge=0)]


class Lending(Content):
    """What a person has to do with other lenders.

    `lenders_queried_*` are distinct lenders that asked about the person in so many days,
    `unsettled_loans` those open now, `new_loans_30d` those disbursed in 30 days.
    """

    lenders_queried_7d: _Count
    lenders_queried_30d: _Count
    lenders_queried_90d: _Count
    unsettled_loans: _Count
    new_loans_30d: _Count


class DecisionPolicy(Content):
    """The thresholds.

    Ages are inclusive. A score below the first threshold rejects, one below the second refers; a
    count above its threshold refers.
    """

    age_min: _Age
    age_max: _Age
    score_reject_below: _Score
    score_refer_below: _Score
    lenders_queried_refer_above: _Count
    model_score_reject_below: _Score
    model_score_refer_below: _Score
    lending_refer_above: Lending
    provided: ProvidedLimits


def check_decision_policy(policy: DecisionPolicy, _: InForce) -> Iterator[Finding]:
    """Say which thresholds contradict each other."""
    lending, provided = policy.lending_refer_above, policy.provided
    for low, high, where, why in (
        (
            policy.age_min,
            policy.age_max,
            "age_max",
            "nobody can be as old as the youngest and as young as the oldest that are taken",
        ),
        (
            policy.score_reject_below,
            policy.score_refer_below,
            "score_refer_below",
            "no score could refer: all below are rejected already",
        ),
        (
            policy.model_score_reject_below,
            policy.model_score_refer_below,
            "model_score_refer_below",
            "no model score could refer: all below are rejected already",
        ),
        (
            lending.lenders_queried_7d,
            lending.lenders_queried_30d,
            "lending_refer_above.lenders_queried_30d",
            "who was asked about by so many in 7 days was in 30 days, too",
        ),
        (
            lending.lenders_queried_30d,
            lending.lenders_queried_90d,
            "lending_refer_above.lenders_queried_90d",
            "who was asked about by so many in 30 days was in 90 days, too",
        ),
        (
            provided.address_book_refer_below,
            provided.address_book_refer_above,
            "provided.address_book_refer_above",
            "every address book would be too small or too large",
        ),
    ):
        if high < low:
            yield Finding(where, f"{high} is below {low}: {why}", f"{low} or more")


DECISION_POLICY: Final = Kind("decision_policy", DecisionPolicy, check_decision_policy)
