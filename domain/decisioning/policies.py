"""Policies: how a case is decided, as a flow of nodes that analysts write and release.

A policy begins at its first node; each node names the next one, and every way ends at an outcome.
Cells are the texts of `domain.decisioning.cells`, formulas those of `domain.decisioning.formulas`;
`$name` in either stands for a parameter. Of several effects the strictest holds: reject before
refer before condition before approve.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from domain.common.data import Data
from domain.common.definitions import Code, Content
from domain.decisioning.decision import Outcome
from domain.decisioning.facts import Name, Variable, Written

NodeId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
"""Stays the same from version to version: hits are compared by it."""

ReasonCode = Annotated[str, StringConstraints(pattern=r"^R[0-9]{2}$")]
"""A code of the table of reject codes: what the applicant is told is its category."""

WHOLE: Final = 10_000
"""The shares of a split add up to this."""


class Stage(StrEnum):
    """When a policy is asked."""

    PRE_CREDIT = "pre_credit"
    PRELIMINARY = "preliminary"
    DECISION = "decision"
    LIMIT_AND_PRICE = "limit_and_price"
    DRAWDOWN = "drawdown"
    FUNDER_ROUTING = "funder_routing"
    COLLECTIONS = "collections"
    ALERTS = "alerts"


class ConditionKind(StrEnum):
    """What an applicant has to fulfil before being decided again."""

    GUARANTOR = "guarantor"
    DEPOSIT = "deposit"
    ELEMENT = "element"
    LOWER_AMOUNT = "lower_amount"


class Reject(Content):
    """Reject: `reason` is the external code, `internal` what staff read."""

    kind: Literal["reject"] = "reject"
    reason: ReasonCode
    internal: str = Field(default="", max_length=200)


class Refer(Content):
    """Let a person decide."""

    kind: Literal["refer"] = "refer"
    internal: str = Field(default="", max_length=200)


class Flag(Content):
    """Show people something, and change nothing."""

    kind: Literal["flag"] = "flag"
    internal: str = Field(min_length=1, max_length=200)


class Points(Content):
    """Add to the points of the case; a formula is not allowed here."""

    kind: Literal["points"] = "points"
    points: Decimal
    internal: str = Field(default="", max_length=200)


class Demand(Content):
    """Ask for something first: approve only once it is fulfilled.

    `element` names the element wanted; `amount` is a formula in minor units: the deposit, or the
    amount that could be lent.
    """

    kind: Literal["condition"] = "condition"
    condition: ConditionKind
    element: str | None = None
    amount: Written | None = None
    internal: str = Field(default="", max_length=200)


Effect = Annotated[Reject | Refer | Flag | Points | Demand, Field(discriminator="kind")]


def _alternatives(given: Any) -> Any:
    return (given,) if isinstance(given, dict) else given


When = Annotated[tuple[dict[Name, Written], ...], BeforeValidator(_alternatives)]
"""Cells by name that must all hold; of several such groups one is enough. `{}` always holds."""


class Rule(Content):
    """One rule: its effect follows when its condition holds."""

    id: RuleId
    when: When = Field(min_length=1)
    then: Effect


class _Step(Content):
    id: NodeId
    next: NodeId


class RuleSet(_Step):
    """Rules that are all looked at, so that a trace shows each of them.

    With `stop_on_reject` a case that one of them rejects goes no further: it is rejected at once.
    """

    kind: Literal["rules"]
    rules: tuple[Rule, ...] = Field(min_length=1)
    stop_on_reject: bool = Field(default=False, strict=True)


class HitPolicy(StrEnum):
    """Which row of a table counts: the first that fits, the only one, or all."""

    FIRST = "first"
    UNIQUE = "unique"
    COLLECT = "collect"


class Collected(StrEnum):
    """What the numbers of all rows that fit come to; without one, 0."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


class Row(Content):
    """One row: a cell for each input, a value or formula for each output, and perhaps an effect."""

    id: RuleId
    when: tuple[Written, ...]
    then: tuple[Written, ...] = ()
    effect: Effect | None = None


class DecisionTable(_Step):
    """A table of rows. It gives its outputs as values that later nodes read.

    Rows of `first` and `unique` have to cover every case there can be; those of `unique` may not
    overlap. `collect` applies the effects of all rows that fit and adds up as `collected` says.
    """

    kind: Literal["table"]
    hit: HitPolicy
    collected: Collected | None = None
    inputs: tuple[Name, ...] = Field(min_length=1, max_length=12)
    outputs: tuple[Variable, ...] = ()
    rows: tuple[Row, ...] = Field(min_length=1, max_length=1000)


class Bin(Content):
    """A cell and what it is worth."""

    when: Written
    points: Decimal


class Characteristic(Content):
    """What one fact is worth, by its bins.

    `missing` is worth of a missing one (without it, a missing one refers), `other` of one that no
    bin holds (without it, the bins have to cover everything).
    """

    fact: Name
    bins: tuple[Bin, ...] = Field(min_length=1)
    missing: Decimal | None = None
    other: Decimal | None = None


class Scaling(Content):
    """From the logarithm of the odds of good to bad to a score.

    Every `points_to_double` double the odds, and `base_score` stands for `base_odds` to 1:
    factor = points_to_double / ln 2, offset = base_score - factor * ln(base_odds).
    Source: Siddiqi, Credit Risk Scorecards (2006), chapter 6.
    """

    points_to_double: Decimal = Field(gt=0)
    base_score: Decimal
    base_odds: Decimal = Field(gt=0)


class Scorecard(_Step):
    """Points of characteristics added up, given as the value `output`, a whole number.

    With a scaling, `base` and points are of the logarithm of the odds of good to bad (higher is
    better), and the score is offset + factor * their sum. Halves are rounded to the even number.
    """

    kind: Literal["scorecard"]
    output: Name
    base: Decimal = Decimal(0)
    characteristics: tuple[Characteristic, ...] = Field(min_length=1, max_length=60)
    scaling: Scaling | None = None


class Arm(Content):
    """A part of a split: its share of 10,000, and where its cases go on."""

    id: NodeId
    share: int = Field(strict=True, ge=1, le=WHOLE)
    next: NodeId


class Split(Content):
    """Send cases different ways, each customer always the same one.

    The arm is the one into whose share SHA-256 of `salt|customer` falls, modulo 10,000.
    """

    id: NodeId
    kind: Literal["split"]
    salt: str = Field(min_length=1, max_length=60)
    customer: Name
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=20)


class Branch(Content):
    """One way: taken by the first whose condition holds."""

    when: When = Field(min_length=1)
    next: NodeId


class Switch(_Step):
    """Send a case the way of the first branch whose condition holds, otherwise to `next`."""

    kind: Literal["switch"]
    branches: tuple[Branch, ...] = Field(min_length=1, max_length=50)


class SubPolicy(_Step):
    """Evaluate another policy on the same facts; its effects join, its rules are `code.rule`."""

    kind: Literal["policy"]
    policy: Code


class LimitAndPrice(_Step):
    """What can be offered: formulas for the most money, the longest term and the rate a year.

    What was asked, the product's least amount and step, its terms, the authority and the caps are
    facts of the case (see `OFFER_READS`): the offer stays within all of them. It may be lower or
    dearer than asked. Where not even the least amount fits, `too_little` follows.
    """

    kind: Literal["limit_and_price"]
    amount: Written
    term: Written
    annual_rate: Written
    too_little: Annotated[Reject | Refer, Field(discriminator="kind")]


OFFER_READS: Final = (
    "amount_asked",
    "amount_min",
    "amount_step",
    "amount_cap",
    "amount_authority",
    "term_asked",
    "terms_allowed",
    "annual_rate_cap",
)
"""The facts that every offer reads. Amounts in minor units, terms in instalments, rates in %."""


class End(Content):
    """The end of a way: what is decided unless an effect on the way is stricter."""

    id: NodeId
    kind: Literal["outcome"]
    outcome: Literal[Outcome.APPROVE, Outcome.REFER, Outcome.REJECT]
    reason: ReasonCode | None = None
    internal: str = Field(default="", max_length=200)


Node = Annotated[
    RuleSet | DecisionTable | Scorecard | Split | Switch | SubPolicy | LimitAndPrice | End,
    Field(discriminator="kind"),
]


class Offer(Data):
    """What can be lent: minor units, number of instalments, per cent a year."""

    amount: int
    term: int
    annual_rate: Decimal


class Case(Content):
    """A golden case: facts, and what has to come of them; what is not expected may be anything.

    Its facts are laid over those of the policy's `standard_facts`; one that is `"missing"` is
    taken out. `offer` false says that there is none.
    """

    name: str = Field(min_length=1, max_length=120)
    facts: dict[Name, Any] = Field(default_factory=dict)
    outcome: Outcome
    reason: ReasonCode | None = None
    hits: tuple[str, ...] | None = None
    points: Decimal | None = None
    score: int | None = None
    grade: str | None = None
    offer: Offer | Literal[False] | None = None
    values: dict[Name, Any] = Field(default_factory=dict)


class Policy(Content):
    """How a case of one stage is decided.

    `parameters` are the thresholds that cells name with `$`. `facts` is the catalogue of facts.
    `score` and `grade` name the facts or values that a decision reports as such.
    """

    stage: Stage
    meaning: str = Field(min_length=1, max_length=400)
    facts: Code = "standard"
    parameters: dict[Name, Written] = Field(default_factory=dict)
    score: Name | None = None
    grade: Name | None = None
    nodes: tuple[Node, ...] = Field(min_length=1, max_length=200)
    standard_facts: dict[Name, Any] = Field(default_factory=dict)
    cases: tuple[Case, ...] = ()
