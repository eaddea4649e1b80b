"""What comes of evaluating a policy: the outcome, and the trace of how it was reached."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.common.data import Data
from domain.decisioning.decision import Outcome
from domain.decisioning.facts import Shown
from domain.decisioning.policies import ConditionKind, Offer


class Result(StrEnum):
    """What came of a rule."""

    HIT = "hit"
    NO_HIT = "no_hit"
    ERROR = "error"
    EXEMPT = "exempt"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule, row or characteristic: what came of it, the values it read, its points.

    No pydantic model: a decision has fifty of them, and to check each again took half its time.
    """

    rule: str
    result: Result
    values: dict[str, Shown]
    points: Decimal | None = None


class InternalReason(Data):
    """Why the outcome is not a plain approval: a rule, its effect, and its words for staff."""

    rule: str
    effect: str
    code: str | None = None
    words: str = ""


class Condition(Data):
    """What the applicant has to fulfil; `key` is what the fact `conditions_met` names then."""

    key: str
    kind: ConditionKind
    element: str | None = None
    amount: int | None = None


class Evaluation(Data):
    """What a policy says of facts.

    `reason` is the external code of a rejection: that of the first rule that rejects. `offer` is
    there only with an approval; `proposal` is what could be offered if a person or a fulfilled
    condition turns the outcome into one. `derived` are the values that nodes gave.
    """

    outcome: Outcome
    reason: str | None
    internal_reasons: tuple[InternalReason, ...]
    points: Decimal
    score: int | None
    grade: str | None
    offer: Offer | None
    proposal: Offer | None
    conditions: tuple[Condition, ...]
    flags: tuple[str, ...]
    path: tuple[str, ...]
    derived: dict[str, Shown]
    rules: tuple[RuleResult, ...]
