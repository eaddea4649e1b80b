"""The decision: facts in, outcome and every rule's hit out, by the thresholds of a policy.

A missing fact never passes: it refers the case to a person. Only the rules of sources that the
product asks are applied.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import Field

from domain.common import reject_codes
from domain.common.ages import age_on
from domain.common.data import Data
from domain.common.definitions import Agreed, DefinitionRef
from domain.common.reject_codes import RejectCodes
from domain.decisioning.policy import DECISION_SOURCES, DecisionPolicy, Lending
from domain.decisioning.provided_facts import Provided, provided_hits
from domain.sources import Capability


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


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides: the policy that was agreed, and the table of reject codes in force."""

    policy: Agreed[DecisionPolicy]
    codes: RejectCodes

    @property
    def thresholds(self) -> DecisionPolicy:
        """Return what the policy says."""
        return self.policy.content


def reject_unasked(birth_date: date, on: date, rules: Rules) -> Decision | None:
    """Return a rejection for what is known without asking anybody, None if there is none."""
    hit = _age(birth_date, on, rules.thresholds)
    return _decided((hit,), None, on, rules) if hit is not None else None


def reject_pending(on: date, rules: Rules) -> Decision:
    """Return the rejection of somebody who has an application that goes ahead of this one."""
    code = reject_codes.PENDING_APPLICATION
    return _decided((_reject("pending_application", code, "decided before"),), None, on, rules)


def decide(facts: Facts, on: date, rules: Rules) -> Decision:
    """Apply every rule to `facts` on a business date.

    The first rejecting rule gives the reject code; without one, any referring rule refers.
    """
    policy = rules.thresholds
    bureau, model = (one in facts.asked for one in (Capability.BUREAU, Capability.MODEL_SCORE))
    bands = policy.score_reject_below, policy.score_refer_below
    model_bands = policy.model_score_reject_below, policy.model_score_refer_below
    hits = (
        _blacklist(facts) if bureau else None,
        _shared_lists(facts) if Capability.BLACKLIST in facts.asked else None,
        _age(facts.birth_date, on, policy),
        _score("score", facts.score, *bands) if bureau else None,
        _score("model_score", facts.model_score, *model_bands) if model else None,
        _multi_head(facts, policy) if bureau else None,
        *(_lending(facts, policy) if Capability.MULTI_LENDER in facts.asked else ()),
        *(_refer(rule, read) for rule, read in provided_hits(facts.provided, policy.provided)),
        *(_refer(f"element_{kind}", reason) for kind, reason in facts.referred),
    )
    return _decided(tuple(hit for hit in hits if hit is not None), facts.score, on, rules)


def _decided(hits: tuple[RuleHit, ...], score: int | None, on: date, rules: Rules) -> Decision:
    rejecting = next((hit for hit in hits if hit.outcome is Outcome.REJECT), None)
    if rejecting is not None:
        outcome, code = Outcome.REJECT, rejecting.reject_code
    else:
        outcome, code = (Outcome.REFER if hits else Outcome.APPROVE), None
    return Decision(
        outcome=outcome,
        policy=rules.policy.ref,
        score=score,
        reject_code=code,
        reapply_on=rules.codes.reapply_on(code, on) if code else None,
        hits=hits,
    )


def _refer(rule: str, read: object) -> RuleHit:
    return RuleHit(rule=rule, outcome=Outcome.REFER, read=str(read))


def _reject(rule: str, code: str, read: object) -> RuleHit:
    return RuleHit(rule=rule, outcome=Outcome.REJECT, reject_code=code, read=str(read))


def _blacklist(facts: Facts) -> RuleHit | None:
    if facts.blacklisted is None:
        return _refer("blacklist", "missing")
    return _reject("blacklist", reject_codes.LISTED, "listed") if facts.blacklisted else None


def _shared_lists(facts: Facts) -> RuleHit | None:
    if facts.listed is None:
        return _refer("shared_lists", "missing")
    code = reject_codes.LISTED
    return _reject("shared_lists", code, ", ".join(facts.listed)) if facts.listed else None


def _age(birth_date: date | None, on: date, policy: DecisionPolicy) -> RuleHit | None:
    if birth_date is None:
        return _refer("age", "missing")
    if policy.age_min <= age_on(birth_date, on, policy.age_turns) <= policy.age_max:
        return None
    return _reject("age", reject_codes.AGE, "out of range")


def _score(rule: str, score: int | None, reject_below: int, refer_below: int) -> RuleHit | None:
    if score is None:
        return _refer(rule, "missing")
    if score < reject_below:
        return _reject(rule, reject_codes.LOW_SCORE, score)
    return _refer(rule, score) if score < refer_below else None


def _multi_head(facts: Facts, policy: DecisionPolicy) -> RuleHit | None:
    queried = facts.lenders_queried_30d
    if queried is None:
        return _refer("multi_head", "missing")
    return _refer("multi_head", queried) if queried > policy.lenders_queried_refer_above else None


def _lending(facts: Facts, policy: DecisionPolicy) -> tuple[RuleHit, ...]:
    """Return a hit for each count above its threshold."""
    if facts.lending is None:
        return (_refer("multi_lender", "missing"),)
    counts, limits = facts.lending.model_dump(), policy.lending_refer_above.model_dump()
    return tuple(
        _refer(f"multi_lender_{name}", count)
        for name, count in counts.items()
        if count > limits[name]
    )
