"""Explaining a decision in words: every rule with what it read, how the score came about, the way.

For staff. The applicant is told the category of a rejection and nothing else, since a rule that is
known can be got round.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.common.errors import NotFound
from domain.common.money import format_amount
from domain.common.reject_codes import RejectCodes
from domain.decisioning.decision import Outcome, RuleHit
from domain.decisioning.evaluations import Result, RuleResult
from domain.decisioning.facts import Shown
from domain.decisioning.tracing import Step, Trace
from domain.people.principals import Principal
from services.applications.finding import find_application
from services.decisioning.rules import reject_codes_in_force
from services.people.handles import with_handles
from storage.common.repository import Transaction
from storage.decisioning.decisions import DecisionRepository, DecisionRow


@dataclass(frozen=True)
class ExplainedRule:
    """A rule of a policy: what came of it, in words, with the values it read and its points."""

    policy: str
    rule: str
    result: Result
    words: str
    values: dict[str, Shown]
    points: Decimal | None


@dataclass(frozen=True)
class ExplainedDecision:
    """The `number`th decision on an application, in words and in full.

    `path` are the nodes that the case passed, as `policy: node`. `facts` are those that could be
    read. A decision that no policy made (a lock) has neither, nor rules that did not hit.
    """

    number: int
    row: DecisionRow
    words: tuple[str, ...]
    policies: tuple[str, ...]
    rules: tuple[ExplainedRule, ...]
    path: tuple[str, ...]
    facts: dict[str, Shown]


async def list_decisions(
    tx: Transaction, caller: Principal, application_id: str
) -> list[tuple[int, DecisionRow]]:
    """Return the decisions on an application, numbered from 1; raises `NotFound`."""
    application = await find_application(tx, caller, application_id)
    rows = await DecisionRepository(tx).of(application.id)
    return list(enumerate(await with_handles(tx, rows, "decided_by"), start=1))


async def explain_decision(
    tx: Transaction, caller: Principal, application_id: str, number: int
) -> ExplainedDecision:
    """Return one decision in words; raises `NotFound`."""
    application = await find_application(tx, caller, application_id)
    numbered = dict(await list_decisions(tx, caller, application_id))
    if number not in numbered:
        raise NotFound("decision")
    row = numbered[number]
    trace = DecisionRepository(tx).trace(row)
    codes = await reject_codes_in_force(tx)
    return explained(number, row, trace, codes, application.currency)


def explained(
    number: int, row: DecisionRow, trace: Trace | None, codes: RejectCodes, currency: str
) -> ExplainedDecision:
    """Return a decision in words, from its row, its trace and the table of reject codes."""
    steps = trace.steps if trace is not None else ()
    return ExplainedDecision(
        number=number,
        row=row,
        words=tuple(_words(row, steps, codes, currency)),
        policies=tuple(str(step.policy) for step in steps) or (str(row.policy_version),),
        rules=tuple(_rules(row, steps)),
        path=tuple(
            f"{step.policy.code}: {node}" for step in steps for node in step.evaluation.path
        ),
        facts={name: value for step in steps for name, value in step.facts.items()},
    )


_OUTCOMES: Final = {
    Outcome.APPROVE: "Approved",
    Outcome.REJECT: "Rejected",
    Outcome.REFER: "Referred to a person",
    Outcome.CONDITION: "Approved as soon as a condition is fulfilled",
}

_RESULTS: Final = {
    Result.HIT: "applies",
    Result.NO_HIT: "does not apply",
    Result.ERROR: "could not be judged, so that a person has to",
    Result.EXEMPT: "applies, but the customer is exempt from it",
    Result.SKIPPED: "was not looked at",
}


def _words(
    row: DecisionRow, steps: tuple[Step, ...], codes: RejectCodes, currency: str
) -> Iterator[str]:
    by = "automatically" if row.stage == "automatic" else f"by {row.decided_by}"
    yield f"{_OUTCOMES[row.outcome]} {by} on {row.decided_at:%Y-%m-%d at %H:%M} UTC."
    if row.reject_code is not None:
        known = codes.find(row.reject_code)
        until = f" The person may apply again on {row.reapply_on}." if row.reapply_on else ""
        text = known.text if known else "It is not in use any more."
        yield f"Reject code {row.reject_code}: {text}{until}"
    for step in steps:
        yield from _of_step(step)
    if not steps:
        for hit in row.rules:
            yield f"{hit.rule}: {hit.outcome}, because it read {hit.read}."
    if row.score is not None:
        grade = f", which is grade {row.grade}" if row.grade else ""
        yield f"The score is {row.score}{grade}."
    if row.terms is not None:
        money = format_amount(row.terms.amount, currency)
        yield (
            f"Could be lent: {money} {currency} over {row.terms.instalments} instalments"
            f" at {row.terms.annual_rate} % a year."
        )
    for one in row.conditions:
        what = one.element or (
            f"{format_amount(one.amount, currency)} {currency}" if one.amount is not None else ""
        )
        yield f"Condition: {one.kind.replace('_', ' ')} {what}".rstrip() + "."


def _of_step(step: Step) -> Iterator[str]:
    found = step.evaluation
    yield f"By {step.policy}: {_OUTCOMES[found.outcome].lower()}."
    for reason in found.internal_reasons:
        code = f" ({reason.code})" if reason.code else ""
        says = f": {reason.words}" if reason.words else ""
        yield f"{reason.rule} leads to {reason.effect}{code}{says}."
    for flag in found.flags:
        yield f"To note: {flag}."


def _rules(row: DecisionRow, steps: tuple[Step, ...]) -> Iterator[ExplainedRule]:
    for step in steps:
        for one in step.evaluation.rules:
            yield ExplainedRule(
                step.policy.code, one.rule, one.result, _said(one), one.values, one.points
            )
    if not steps:
        for hit in row.rules:
            yield _of_hit(row, hit)


def _said(one: RuleResult) -> str:
    read = ", ".join(
        f"{name} is {'missing' if value is None else _text(value)}"
        for name, value in one.values.items()
    )
    points = f" It is worth {one.points} points." if one.points is not None else ""
    return f"{one.rule} {_RESULTS[one.result]}{f': {read}' if read else ''}.{points}"


def _of_hit(row: DecisionRow, hit: RuleHit) -> ExplainedRule:
    code = row.policy_version.partition("/")[2].partition("@")[0]
    words = f"{hit.rule} applies: it read {hit.read}."
    return ExplainedRule(code, hit.rule, Result.HIT, words, {"read": hit.read}, None)


def _text(value: Shown) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
