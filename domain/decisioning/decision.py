"""The decision policy: facts in, outcome and every rule's hit out.

Thresholds are the starting ones of the domain facts, section 5.3. A missing fact never passes: it
refers the case to a person. Only the rules of sources that the product asks are applied.
"""

from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from domain.decisioning.provided_facts import Provided, ProvidedLimits, provided_hits
from domain.sources import Capability

DECISION_SOURCES: Final = (
    Capability.BUREAU,
    Capability.BLACKLIST,
    Capability.MULTI_LENDER,
    Capability.MODEL_SCORE,
)
"""What can be asked for a decision, as far as the policy has rules for it."""

LOCK_DAYS = {"R01": 30, "R02": 30, "R05": 180, "R08": 30, "R12": 1, "R13": 30}


class Outcome(StrEnum):
    """What a decision says."""

    APPROVE = "approve"
    REJECT = "reject"
    REFER = "refer"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Lending(_Data):
    """What a person has to do with other lenders.

    `lenders_queried_*` are distinct lenders that asked about the person in so many days,
    `unsettled_loans` those open now, `new_loans_30d` those disbursed in 30 days.
    """

    lenders_queried_7d: int
    lenders_queried_30d: int
    lenders_queried_90d: int
    unsettled_loans: int
    new_loans_30d: int


class Policy(_Data):
    """The thresholds of one version.

    Ages are inclusive. A score below the first threshold rejects, one below the second refers; a
    count above its threshold refers.
    """

    version: str
    age_min: int
    age_max: int
    score_reject_below: int
    score_refer_below: int
    lenders_queried_refer_above: int
    model_score_reject_below: int
    model_score_refer_below: int
    lending_refer_above: Lending
    provided: ProvidedLimits


POLICY: Final = Policy(
    version="cash-2026.3",
    age_min=20,
    age_max=55,
    score_reject_below=450,
    score_refer_below=650,
    lenders_queried_refer_above=10,
    model_score_reject_below=450,
    model_score_refer_below=600,
    lending_refer_above=Lending(
        lenders_queried_7d=5,
        lenders_queried_30d=10,
        lenders_queried_90d=20,
        unsettled_loans=5,
        new_loans_30d=3,
    ),
    provided=ProvidedLimits(
        months_on_network_refer_below=6,
        silent_days_refer_above=10,
        unpaid_bills_refer_above=1,
        collector_calls_refer_above=2,
        overdue_statements_refer_above=1,
        utilisation_per_mille_refer_above=900,
        address_book_refer_below=20,
        address_book_refer_above=1_000,
        overdue_contacts_refer_above=2,
        face_margin_refer_below=Decimal("0.05"),
    ),
)
"""The policy in force."""

POLICY_VERSION: Final = POLICY.version


class Facts(_Data):
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


class RuleHit(_Data):
    """One rule's answer: what it read and what it wants."""

    rule: str
    outcome: Outcome
    reject_code: str | None = None
    read: str


class Decision(_Data):
    """An outcome with the rules that made it.

    `reapply_on` is the first business date on which a rejected person may apply again.
    """

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


def reject_unasked(birth_date: date, on: date, policy: Policy = POLICY) -> Decision | None:
    """Return a rejection for what is known without asking anybody, None if there is none."""
    hit = _age(birth_date, on, policy)
    return _decided((hit,), None, on, policy) if hit is not None else None


def reject_pending(policy: Policy = POLICY) -> Decision:
    """Return the rejection of somebody who has an application that goes ahead of this one.

    It locks nobody: he may apply again as soon as the other one is over.
    """
    hit = _reject("pending_application", "R14", "decided before")
    return Decision(
        outcome=Outcome.REJECT,
        policy_version=policy.version,
        score=None,
        reject_code=hit.reject_code,
        reapply_on=None,
        hits=(hit,),
    )


def decide(facts: Facts, on: date, policy: Policy = POLICY) -> Decision:
    """Apply every rule of the policy to `facts` on a business date.

    The first rejecting rule gives the reject code; without one, any referring rule refers.
    """
    bureau = Capability.BUREAU in facts.asked
    hits = (
        _blacklist(facts) if bureau else None,
        _shared_lists(facts) if Capability.BLACKLIST in facts.asked else None,
        _age(facts.birth_date, on, policy),
        _score(facts, policy) if bureau else None,
        _model_score(facts, policy) if Capability.MODEL_SCORE in facts.asked else None,
        _multi_head(facts, policy) if bureau else None,
        *(_lending(facts, policy) if Capability.MULTI_LENDER in facts.asked else ()),
        *(_refer(rule, read) for rule, read in provided_hits(facts.provided, policy.provided)),
        *(_refer(f"element_{kind}", reason) for kind, reason in facts.referred),
    )
    return _decided(tuple(hit for hit in hits if hit is not None), facts.score, on, policy)


def _decided(hits: tuple[RuleHit, ...], score: int | None, on: date, policy: Policy) -> Decision:
    rejecting = next((hit for hit in hits if hit.outcome is Outcome.REJECT), None)
    if rejecting is not None:
        outcome, code = Outcome.REJECT, rejecting.reject_code
    else:
        outcome, code = (Outcome.REFER if hits else Outcome.APPROVE), None
    return Decision(
        outcome=outcome,
        policy_version=policy.version,
        score=score,
        reject_code=code,
        reapply_on=reapply_date(code, on) if code else None,
        hits=hits,
    )


def _refer(rule: str, read: object) -> RuleHit:
    return RuleHit(rule=rule, outcome=Outcome.REFER, read=str(read))


def _reject(rule: str, code: str, read: object) -> RuleHit:
    return RuleHit(rule=rule, outcome=Outcome.REJECT, reject_code=code, read=str(read))


def _blacklist(facts: Facts) -> RuleHit | None:
    if facts.blacklisted is None:
        return _refer("blacklist", "missing")
    return _reject("blacklist", "R05", "listed") if facts.blacklisted else None


def _shared_lists(facts: Facts) -> RuleHit | None:
    if facts.listed is None:
        return _refer("shared_lists", "missing")
    return _reject("shared_lists", "R05", ", ".join(facts.listed)) if facts.listed else None


def _age(birth_date: date | None, on: date, policy: Policy) -> RuleHit | None:
    if birth_date is None:
        return _refer("age", "missing")
    if policy.age_min <= age_on(birth_date, on) <= policy.age_max:
        return None
    return _reject("age", "R02", "out of range")


def _score(facts: Facts, policy: Policy) -> RuleHit | None:
    if facts.score is None:
        return _refer("score", "missing")
    if facts.score < policy.score_reject_below:
        return _reject("score", "R08", facts.score)
    return _refer("score", facts.score) if facts.score < policy.score_refer_below else None


def _model_score(facts: Facts, policy: Policy) -> RuleHit | None:
    score = facts.model_score
    if score is None:
        return _refer("model_score", "missing")
    if score < policy.model_score_reject_below:
        return _reject("model_score", "R08", score)
    return _refer("model_score", score) if score < policy.model_score_refer_below else None


def _multi_head(facts: Facts, policy: Policy) -> RuleHit | None:
    queried = facts.lenders_queried_30d
    if queried is None:
        return _refer("multi_head", "missing")
    return _refer("multi_head", queried) if queried > policy.lenders_queried_refer_above else None


def _lending(facts: Facts, policy: Policy) -> tuple[RuleHit, ...]:
    """Return a hit for each count above its threshold."""
    if facts.lending is None:
        return (_refer("multi_lender", "missing"),)
    counts, limits = facts.lending.model_dump(), policy.lending_refer_above.model_dump()
    return tuple(
        _refer(f"multi_lender_{name}", count)
        for name, count in counts.items()
        if count > limits[name]
    )
