"""What a back-test is asked, and what it says."""

from collections import Counter
from typing import Self

from pydantic import ConfigDict, Field

from api.http.schemas import Body, MinorUnits, ResponseBody
from domain.decisioning.backtesting import BackTest
from domain.decisioning.decision import Outcome

MAX_LAST = 10_000
"""So many decisions are tried while the caller waits: a few seconds."""


class BackTestRequest(Body):
    """How many of the last decisions a version is tried on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"last": 1000}]})

    last: int = Field(default=1000, strict=True, ge=1, le=MAX_LAST)


class OutcomeChange(ResponseBody):
    """A cell of the matrix: how many decisions were `before` and would be `after`.

    `examples` are ids of some that change.
    """

    before: Outcome
    after: Outcome
    decisions: int
    examples: list[str]


class ReasonChange(ResponseBody):
    """How many would be rejected for another reason, or for none; codes are for staff."""

    before: str | None
    after: str | None
    decisions: int


class OfferChange(ResponseBody):
    """How many approvals that stay would be offered lower, the same or higher."""

    lower: int
    same: int
    higher: int

    @classmethod
    def of(cls, counts: Counter[str]) -> Self:
        """Return the answer of what was counted."""
        return cls(lower=counts["lower"], same=counts["same"], higher=counts["higher"])


class BackTestResponse(ResponseBody):
    """What a version would change. Amounts are sums of offers, in minor units.

    `failed` decisions lack a fact that the version cannot do without.
    """

    tried: int
    failed: int
    changed: int
    outcomes: list[OutcomeChange]
    reasons: list[ReasonChange]
    amounts: OfferChange
    annual_rates: OfferChange
    amount_before: MinorUnits
    amount_after: MinorUnits

    @classmethod
    def of(cls, found: BackTest) -> Self:
        """Return the answer of a back-test."""
        return cls(
            tried=found.tried,
            failed=found.failed,
            changed=found.changed,
            outcomes=[
                OutcomeChange(
                    before=was,
                    after=now,
                    decisions=count,
                    examples=found.examples.get((was, now), []),
                )
                for (was, now), count in sorted(found.outcomes.items())
            ],
            reasons=[
                ReasonChange(before=was, after=now, decisions=count)
                for (was, now), count in found.reasons.most_common()
            ],
            amounts=OfferChange.of(found.amounts),
            annual_rates=OfferChange.of(found.rates),
            amount_before=found.amount_before,
            amount_after=found.amount_after,
        )
