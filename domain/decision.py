"""The decision policy: facts in, outcome and every rule's hit out.

Thresholds are the starting ones of the domain facts, section 5.3. A missing fact never passes: it
refers the case to a person.
"""

from datetime import date, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

POLICY_VERSION = "cash-2026.1"

AGE_MIN, AGE_MAX = 20, 55
SCORE_REJECT_BELOW = 450
SCORE_REFER_BELOW = 650
LENDERS_QUERIED_REFER_ABOVE = 10

LOCK_DAYS = {"R01": 30, "R02": 30, "R05": 180, "R08": 30, "R12": 1, "R13": 30}


class Outcome(StrEnum):
    """What a decision says."""

    APPROVE = "approve"
    REJECT = "reject"
    REFER = "refer"


class Facts(BaseModel):
    """What the policy may read. None means that the source did not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    birth_date: date | None
    score: int | None
    blacklisted: bool | None
    lenders_queried_30d: int | None


class RuleHit(BaseModel):
    """One rule's answer: what it read and what it wants."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    rule: str
    outcome: Outcome
    reject_code: str | None = None
    read: str


class Decision(BaseModel):
    """An outcome with the rules that made it.

    `reapply_on` is the first business date on which a rejected person may apply again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    outcome: Outcome
    policy_version: str
    score: int | None
    reject_code: str | None
    reapply_on: date | None
    hits: tuple[RuleHit, ...]


def age_on(birth_date: date, on: date) -> int:
    """Return completed years of age on a date."""
    before_birthday = (on.month, on.day) < (birth_date.month, birth_date.day)
    return on.year - birth_date.year - before_birthday


def reapply_date(reject_code: str, on: date) -> date | None:
    """Return when a person rejected with `reject_code` may apply again; None where never locked."""
    days = LOCK_DAYS.get(reject_code)
    return None if days is None else on + timedelta(days=days)


def decide(facts: Facts, on: date) -> Decision:
    """Apply every rule of the policy to `facts` on a business date.

    The first rejecting rule gives the reject code; without one, any referring rule refers.
    """
    hits = tuple(
        hit
        for hit in (_blacklist(facts), _age(facts, on), _score(facts), _multi_head(facts))
        if hit is not None
    )
    rejecting = next((hit for hit in hits if hit.outcome is Outcome.REJECT), None)
    if rejecting is not None:
        outcome, code = Outcome.REJECT, rejecting.reject_code
    else:
        outcome, code = (Outcome.REFER if hits else Outcome.APPROVE), None
    return Decision(
        outcome=outcome,
        policy_version=POLICY_VERSION,
        score=facts.score,
        reject_code=code,
        reapply_on=reapply_date(code, on) if code else None,
        hits=hits,
    )


def _blacklist(facts: Facts) -> RuleHit | None:
    if facts.blacklisted is None:
        return RuleHit(rule="blacklist", outcome=Outcome.REFER, read="missing")
    if facts.blacklisted:
        return RuleHit(rule="blacklist", outcome=Outcome.REJECT, reject_code="R05", read="listed")
    return None


def _age(facts: Facts, on: date) -> RuleHit | None:
    if facts.birth_date is None:
        return RuleHit(rule="age", outcome=Outcome.REFER, read="missing")
    age = age_on(facts.birth_date, on)
    if AGE_MIN <= age <= AGE_MAX:
        return None
    return RuleHit(rule="age", outcome=Outcome.REJECT, reject_code="R02", read="out of range")


def _score(facts: Facts) -> RuleHit | None:
    if facts.score is None:
        return RuleHit(rule="score", outcome=Outcome.REFER, read="missing")
    if facts.score < SCORE_REJECT_BELOW:
        return RuleHit(
            rule="score", outcome=Outcome.REJECT, reject_code="R08", read=str(facts.score)
        )
    if facts.score < SCORE_REFER_BELOW:
        return RuleHit(rule="score", outcome=Outcome.REFER, read=str(facts.score))
    return None


def _multi_head(facts: Facts) -> RuleHit | None:
    queried = facts.lenders_queried_30d
    if queried is None:
        return RuleHit(rule="multi_head", outcome=Outcome.REFER, read="missing")
    if queried > LENDERS_QUERIED_REFER_ABOVE:
        return RuleHit(rule="multi_head", outcome=Outcome.REFER, read=str(queried))
    return None
