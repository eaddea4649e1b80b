"""The decision on an application: what was known, what it says, and what made it so."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from domain.common.data import Data
from domain.common.definitions import DefinitionRef
from domain.decisioning.provided_facts import Provided
from domain.sources import Capability

DECISION_SOURCES: Final = (
    Capability.BUREAU,
    Capability.BLACKLIST,
    Capability.MULTI_LENDER,
    Capability.MODEL_SCORE,
)
"""What can be asked for a decision."""

_Count = Annotated[int, Field(strict=True, ge=0)]


class Lending(Data):
    """What a person has to do with other lenders.

    `lenders_queried_*` are distinct lenders that asked about the person in so many days,
    `unsettled_loans` those open now, `new_loans_30d` those disbursed in 30 days.
    """

    lenders_queried_7d: _Count
    lenders_queried_30d: _Count
    lenders_queried_90d: _Count
    unsettled_loans: _Count
    new_loans_30d: _Count


class Outcome(StrEnum):
    """What a decision says; `condition`: approved as soon as a condition is fulfilled."""

    APPROVE = "approve"
    REJECT = "reject"
    REFER = "refer"
    CONDITION = "condition"


class Facts(Data):
    """What the policy may read. None means that the source did not know, or did not answer.

    `score`, `blacklisted` and `lenders_queried_30d` are the bureaus'; `listed` are the kinds of
    entry on lists that lenders share, none if the person is on no list; `model_score` runs from 300
    (worst) to 1000. `asked` says what the product wants to know: of anything else nothing is known
    and nothing follows. Nor does anything from what of `provided` is not there. `referred` are
    elements, by kind and reason, whose mismatch a person judges.
    """

    birth_date: date | None
    score: int | None
    blacklisted: bool | None
    lenders_queried_30d: int | None
    listed: tuple[str, ...] | None = None
    lending: Lending | None = None
    model_score: int | None = None
    provided: Provided = Provided()
    referred: tuple[tuple[str, str], ...] = ()
    asked: frozenset[Capability] = Field(default=frozenset(DECISION_SOURCES), min_length=1)


class RuleHit(Data):
    """One rule's answer: what it read and what it wants."""

    rule: str
    outcome: Outcome
    reject_code: str | None = None
    read: str


class Terms(Data):
    """What may be lent: minor units, number of instalments, per cent a year."""

    amount: int
    instalments: int
    annual_rate: Decimal


class Demanded(Data):
    """What the applicant has to fulfil first, named by its `key`; `amount` in minor units."""

    key: str
    kind: Literal["guarantor", "deposit", "element", "lower_amount"]
    element: str | None = None
    amount: int | None = None


def element_of(condition: Demanded) -> str | None:
    """Return the kind of element whose verification fulfils a condition, None if none does."""
    return "guarantor" if condition.kind == "guarantor" else condition.element


class Decision(Data):
    """An outcome with the rules that made it, and the policy that they are of.

    `reapply_on` is the first business date on which a rejected person may apply again. `terms` are
    what may be lent where a policy says so, also once a person approves what it referred; without,
    what was asked on the product's terms. `conditions` are those that are not fulfilled.
    """

    outcome: Outcome
    policy: DefinitionRef
    score: int | None
    reject_code: str | None
    reapply_on: date | None
    hits: tuple[RuleHit, ...]
    grade: str | None = None
    terms: Terms | None = None
    conditions: tuple[Demanded, ...] = ()
