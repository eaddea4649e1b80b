"""The thresholds of the decision: agreed when the decision on an application begins.

The rules themselves are functions (`domain.decisioning.decision`).
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, Final

from pydantic import Field

from domain.common.ages import AgeTurn
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

    Ages are inclusive and turn as `age_turns` says. A score below the first threshold rejects, one
    below the second refers; a count above its threshold refers.
    """

    age_min: _Age
    age_max: _Age
    age_turns: AgeTurn = AgeTurn.BIRTHDAY
    score_reject_below: _Score
    score_refer_below: _Score
    lenders_queried_refer_above: _Count
    model_score_reject_below: _Score
    model_score_refer_below: _Score
    lending_refer_above: Lending
    provided: ProvidedLimits


_REJECTED_ALREADY: Final = "no score could refer: all below are rejected already"
_ASKED_LONGER: Final = "who was asked about in the shorter time was in the longer one, too"
_PAIRS: Final = (
    ("age_min", "age_max", "nobody can be as old as the youngest and as young as the oldest"),
    ("score_reject_below", "score_refer_below", _REJECTED_ALREADY),
    ("model_score_reject_below", "model_score_refer_below", _REJECTED_ALREADY),
    (
        "lending_refer_above.lenders_queried_7d",
        "lending_refer_above.lenders_queried_30d",
        _ASKED_LONGER,
    ),
    (
        "lending_refer_above.lenders_queried_30d",
        "lending_refer_above.lenders_queried_90d",
        _ASKED_LONGER,
    ),
    (
        "provided.address_book_refer_below",
        "provided.address_book_refer_above",
        "every address book would be too small or too large",
    ),
)


def check_decision_policy(policy: DecisionPolicy, _: InForce) -> Iterator[Finding]:
    """Say which thresholds contradict each other."""
    for lower, upper, why in _PAIRS:
        low, high = attrgetter(lower, upper)(policy)
        if high < low:
            yield Finding(upper, f"{high} is below {low}: {why}", f"{low} or more")


DECISION_POLICY: Final = Kind("decision_policy", DecisionPolicy, check_decision_policy)
