"""Decisions as staff read them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Self

from pydantic import Field

from api.http.schemas import MinorUnits, ResponseBody
from domain.decisioning.decision import Demanded, Outcome
from domain.decisioning.evaluations import Result
from domain.decisioning.facts import Shown
from services.applications.explaining import ExplainedDecision
from storage.decisioning.decisions import DecisionRow


class TermsResponse(ResponseBody):
    """What could be lent, by the policy; the rate is percent a year."""

    amount: MinorUnits
    instalments: int
    annual_rate: Decimal


class DecisionSummary(ResponseBody):
    """A decision on an application, numbered from 1 in the order in which they were made."""

    number: int
    stage: str
    attempt: int
    outcome: Outcome
    policy_version: str = Field(examples=["risk_policy/cash@3"])
    score: int | None
    grade: str | None
    points: Decimal | None
    reject_code: str | None
    reapply_on: date | None
    terms: TermsResponse | None
    conditions: tuple[Demanded, ...]
    decided_by: str
    decided_at: datetime

    @classmethod
    def numbered(cls, number: int, row: DecisionRow) -> Self:
        """Return the answer of a row."""
        return cls.model_validate({"number": number, **row.model_dump()})


class RuleResponse(ResponseBody):
    """A rule: what came of it, the same in words, the values that it read, and its points."""

    policy: str
    rule: str
    result: Result
    words: str
    values: dict[str, Shown]
    points: Decimal | None


class DecisionExplanation(DecisionSummary):
    """Why it was decided so: in words, and everything that the words rest on.

    A decision that no policy made, such as for a lock after an earlier rejection, has no facts.
    """

    words: list[str] = Field(description="sentences for staff, never for the applicant")
    policies: list[str]
    policy_sha256: str | None
    fact_catalogue: str | None
    rules: list[RuleResponse]
    path: list[str] = Field(description="the nodes of the policies that the case passed")
    facts: dict[str, Shown]
    duration_us: int | None = Field(description="microseconds that the policies took")

    @classmethod
    def of(cls, found: ExplainedDecision) -> Self:
        """Return the answer of an explained decision."""
        rules = [RuleResponse.model_validate(one, from_attributes=True) for one in found.rules]
        return cls.model_validate(
            {
                **found.row.model_dump(exclude={"facts", "rules"}),
                "number": found.number,
                "words": list(found.words),
                "policies": list(found.policies),
                "rules": rules,
                "path": list(found.path),
                "facts": found.facts,
            }
        )
