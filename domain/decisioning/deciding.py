"""From what policies say to the decision on an application: the strictest outcome holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from domain.common import reject_codes
from domain.common.definitions import DefinitionRef
from domain.common.reject_codes import RejectCodes
from domain.decisioning.decision import Decision, Demanded, Outcome, RuleHit, Terms
from domain.decisioning.evaluations import Evaluation
from domain.decisioning.facts import Shown
from domain.decisioning.policies import Offer
from domain.decisioning.tracing import PolicyVersion, Step

_STRICTEST_FIRST: Final = (Outcome.REJECT, Outcome.REFER, Outcome.CONDITION, Outcome.APPROVE)
_WHETHER_ASKED: Final = frozenset({"asked_sources", "told"})
"""What a rule reads to know whether it applies at all."""

MISSING: Final = "missing"


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides: screening on what costs nothing, the decision, and the table of codes.

    The policies are those of the moment at which the decision begins.
    """

    preliminary: PolicyVersion
    decision: PolicyVersion
    codes: RejectCodes


def decided(
    steps: Sequence[Step], on: date, codes: RejectCodes, readings: Mapping[str, str] | None = None
) -> Decision:
    """Return the decision that follows from the answers of policies, at least one.

    The policy of the decision is that of the last step, which also says score, grade and terms. A
    rejection has the code of the first rule that rejects. `readings` are words of what a rule read,
    where its facts do not say it all.
    """
    last = steps[-1]
    answers = [step.evaluation for step in steps]
    outcome = next(one for one in _STRICTEST_FIRST if one in {a.outcome for a in answers})
    code = next((answer.reason for answer in answers if answer.reason is not None), None)
    code = code if outcome is Outcome.REJECT else None
    return Decision(
        outcome=outcome,
        policy=last.policy,
        score=last.evaluation.score,
        reject_code=code,
        reapply_on=codes.reapply_on(code, on) if code else None,
        hits=tuple(hit for answer in answers for hit in _hits(answer, readings or {})),
        grade=last.evaluation.grade,
        terms=_terms(last.evaluation.proposal),
        conditions=tuple(
            Demanded(key=one.key, kind=one.kind.value, element=one.element, amount=one.amount)
            for answer in answers
            for one in answer.conditions
        ),
    )


def rejected_unread(
    rule: str, code: str, read: str, *, policy: DefinitionRef, reapply_on: date | None
) -> Decision:
    """Return a rejection for what stands in the way whatever a policy says, such as a lock."""
    hit = RuleHit(rule=rule, outcome=Outcome.REJECT, reject_code=code, read=read)
    return Decision(
        outcome=Outcome.REJECT,
        policy=policy,
        score=None,
        reject_code=code,
        reapply_on=reapply_on,
        hits=(hit,),
    )


def reject_pending(on: date, rules: Rules) -> Decision:
    """Return the rejection of somebody who has an application that goes ahead of this one."""
    code = reject_codes.PENDING_APPLICATION
    return rejected_unread(
        "pending_application",
        code,
        "decided before",
        policy=rules.decision.ref,
        reapply_on=rules.codes.reapply_on(code, on),
    )


def _hits(answer: Evaluation, readings: Mapping[str, str]) -> Iterator[RuleHit]:
    values = {one.rule: one.values for one in answer.rules}
    for reason in answer.internal_reasons:
        yield RuleHit(
            rule=reason.rule,
            outcome=Outcome(reason.effect),
            reject_code=reason.code,
            read=readings.get(reason.rule) or _read(values.get(reason.rule, {}), reason.words),
        )


def _read(values: Mapping[str, Shown], words: str) -> str:
    """Return what a rule read: `missing` where a value was, otherwise the values."""
    read = {name: value for name, value in values.items() if name not in _WHETHER_ASKED}
    if any(value is None for value in read.values()):
        return MISSING
    return ", ".join(_text(value) for value in read.values()) or words


def _text(value: Shown) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _terms(offer: Offer | None) -> Terms | None:
    if offer is None:
        return None
    return Terms(amount=offer.amount, instalments=offer.term, annual_rate=offer.annual_rate)
