"""Evaluate a compiled policy on facts: an outcome, and every rule's answer with what it read.

The same policy and facts give the same bytes: there is no clock, no chance and no order of a set
in it. What cannot be read or calculated never approves: a person decides.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from hashlib import sha256
from typing import Any, Final

from domain.decisioning.amounts import collected, whole, within
from domain.decisioning.compiled import (
    ARITHMETIC,
    CONDITIONS_MET,
    CompiledEffect,
    CompiledLimitAndPrice,
    CompiledPolicy,
    CompiledRow,
    CompiledRuleSet,
    CompiledScorecard,
    CompiledSplit,
    CompiledSubPolicy,
    CompiledSwitch,
    CompiledTable,
    Step,
    all_hold,
    one_holds,
)
from domain.decisioning.decision import Outcome
from domain.decisioning.evaluations import (
    Condition,
    Evaluation,
    InternalReason,
    Result,
    RuleResult,
)
from domain.decisioning.facts import (
    FactMissing,
    FactValue,
    Shown,
    UnknownFact,
    WhenMissing,
    WrongFactType,
    from_text,
    shown,
)
from domain.decisioning.formulas import CannotCalculate
from domain.decisioning.policies import (
    OFFER_READS,
    WHOLE,
    ConditionKind,
    Demand,
    End,
    Flag,
    HitPolicy,
    Offer,
    Points,
    Refer,
    Reject,
)

_STRICT: Final = {
    Outcome.APPROVE: 0,
    Outcome.CONDITION: 1,
    Outcome.REFER: 2,
    Outcome.REJECT: 3,
}
_FAILED: Final = "could not be evaluated"


def evaluate(
    compiled: CompiledPolicy,
    facts: Mapping[str, FactValue],
    *,
    exempt: frozenset[str] = frozenset(),
) -> Evaluation:
    """Return what the policy says of `facts`; the effects of rules in `exempt` do not count.

    A fact of the wrong type counts as missing. Raises UnknownFact for a fact that the catalogue
    does not have, FactMissing where the catalogue says that nothing is decided without it.
    """
    with localcontext(ARITHMETIC):
        return _Evaluating(compiled, facts, exempt).evaluation()


def arm_of(salt: str, customer: str) -> int:
    """Return where a customer falls in a split: 0 to 9,999, always the same."""
    return int.from_bytes(sha256(f"{salt}|{customer}".encode()).digest()) % WHOLE


def condition_key(effect: Demand) -> str:
    """Return how a condition is named in the fact `conditions_met`."""
    return f"{effect.condition}:{effect.element}" if effect.element else effect.condition.value


class _Evaluating:
    """One evaluation: the values so far, and what followed from them."""

    def __init__(
        self, compiled: CompiledPolicy, facts: Mapping[str, FactValue], exempt: frozenset[str]
    ) -> None:
        unknown = facts.keys() - compiled.catalogue
        if unknown:
            name = min(unknown)
            raise UnknownFact(f"The catalogue of facts has no {name}.", field=name)
        self.compiled = compiled
        self.exempt = exempt
        self.values: dict[str, Any] = _values(compiled, facts)
        self.seen: dict[str, Shown] = {name: shown(one) for name, one in self.values.items()}
        self.outcome = Outcome.APPROVE
        self.reason: str | None = None
        self.reasons: list[InternalReason] = []
        self.points = Decimal(0)
        self.conditions: list[Condition] = []
        self.flags: list[str] = []
        self.path: list[str] = []
        self.derived: dict[str, Shown] = {}
        self.results: list[RuleResult] = []
        self.proposal: Offer | None = None

    def evaluation(self) -> Evaluation:
        """Go through the policy and return what came of it."""
        self._walk(self.compiled, "")
        looked_at = {one.rule for one in self.results}
        skipped = [
            RuleResult(rule, Result.SKIPPED, {}, None)
            for rule in self.compiled.rule_ids
            if rule not in looked_at
        ]
        policy, outcome = self.compiled.policy, self.outcome
        score = self.values.get(policy.score) if policy.score else None
        grade = self.values.get(policy.grade) if policy.grade else None
        proposal = self.proposal if outcome is not Outcome.REJECT else None
        return Evaluation.model_construct(
            outcome=outcome,
            reason=self.reason,
            internal_reasons=tuple(self.reasons),
            points=self.points,
            score=score,
            grade=grade,
            offer=proposal if outcome is Outcome.APPROVE else None,
            proposal=proposal,
            conditions=tuple(self.conditions),
            flags=tuple(self.flags),
            path=tuple(self.path),
            derived=self.derived,
            rules=(*self.results, *skipped),
        )

    def _walk(self, compiled: CompiledPolicy, prefix: str) -> bool:
        """Follow a policy to its end; say whether the case goes on behind it."""
        at = compiled.start
        while True:
            node = compiled.nodes[at]
            self.path.append(prefix + at)
            if isinstance(node, End):
                self._end(node, prefix)
                return True
            following = self._step(node, prefix)
            if following is None:
                return False
            at = following

    def _step(self, node: Step, prefix: str) -> str | None:
        """Evaluate a node; return where the case goes on, None if it does not."""
        match node:
            case CompiledRuleSet():
                return self._rules(node, prefix)
            case CompiledSplit():
                return self._split(node, prefix)
            case CompiledSwitch():
                return self._switch(node, prefix)
            case CompiledSubPolicy():
                return node.next if self._walk(node.policy, f"{prefix}{node.code}.") else None
            case CompiledTable():
                self._table(node, prefix)
            case CompiledScorecard():
                self._scorecard(node, prefix)
            case CompiledLimitAndPrice():
                self._offer(node, prefix)
        return node.next

    def _rules(self, node: CompiledRuleSet, prefix: str) -> str | None:
        """Look at every rule; return where the case goes on, None if it is rejected at once."""
        values, seen, results = self.values, self.seen, self.results
        rejected = False
        for rule in node.rules:
            name = prefix + rule.id
            read = {one: seen.get(one) for one in rule.reads}
            holds = one_holds(rule.when, values)
            if holds is False:
                results.append(RuleResult(name, Result.NO_HIT, read))
            elif holds is None:
                results.append(RuleResult(name, Result.ERROR, read))
                missing = next(one for one in rule.reads if values.get(one) is None)
                self._failed(name, f"{missing} is missing")
            elif name in self.exempt:
                results.append(RuleResult(name, Result.EXEMPT, read))
            else:
                effect = rule.effect.effect
                points = effect.points if isinstance(effect, Points) else None
                results.append(RuleResult(name, Result.HIT, read, points))
                self._apply(name, rule.effect)
                rejected = rejected or isinstance(effect, Reject)
        return None if rejected and node.stop_on_reject else node.next

    def _apply(self, rule: str, compiled: CompiledEffect) -> None:
        effect = compiled.effect
        match effect:
            case Reject():
                self._decide(Outcome.REJECT, rule, effect.internal, effect.reason)
            case Refer():
                self._decide(Outcome.REFER, rule, effect.internal)
            case Flag():
                self.flags.append(rule)
            case Points():
                self.points += effect.points
            case Demand():
                self._demand(rule, effect, compiled)

    def _decide(self, outcome: Outcome, rule: str, words: str, code: str | None = None) -> None:
        """Note a reason, and keep the strictest outcome; the first code of a rejection stays."""
        if _STRICT[outcome] > _STRICT[self.outcome]:
            self.outcome = outcome
        if self.reason is None:
            self.reason = code
        self.reasons.append(InternalReason(rule=rule, effect=outcome.value, code=code, words=words))

    def _failed(self, rule: str, why: str) -> None:
        self._decide(Outcome.REFER, rule, f"{_FAILED}: {why}")

    def _demand(self, rule: str, effect: Demand, compiled: CompiledEffect) -> None:
        """Demand a condition unless it is fulfilled; a lower amount is once less is asked for."""
        met = self.values.get(CONDITIONS_MET)
        try:
            amount = None if compiled.amount is None else whole(compiled.amount.value(self.values))
        except CannotCalculate as error:
            self._failed(rule, str(error))
            return
        if met is None:
            self._failed(rule, f"{CONDITIONS_MET} is missing")
            return
        key = condition_key(effect)
        if key in met and not self._asks_too_much(effect, amount):
            return
        self._decide(Outcome.CONDITION, rule, effect.internal)
        self.conditions.append(
            Condition(key=key, kind=effect.condition, element=effect.element, amount=amount)
        )

    def _asks_too_much(self, effect: Demand, amount: int | None) -> bool:
        asked = self.values.get("amount_asked")
        return effect.condition is ConditionKind.LOWER_AMOUNT and (
            asked is None or amount is None or asked > amount
        )

    def _table(self, node: CompiledTable, prefix: str) -> None:
        """Apply the row that fits, or all of them; a row that may fit and may not is an error."""
        values = self.values
        read = {one.name: self.seen.get(one.name) for one in node.inputs}
        hits: list[CompiledRow] = []
        for row in node.rows:
            holds = all_hold(row.tests, values)
            if holds is None:
                missing = next(name for name, _ in row.tests if values.get(name) is None)
                self._table_failed(prefix + node.id, read, f"{missing} is missing")
                return
            if holds:
                hits.append(row)
                if node.hit is not HitPolicy.COLLECT:
                    break
        if not hits and node.hit is not HitPolicy.COLLECT:
            self._table_failed(prefix + node.id, read, "no row fits")
            return
        try:
            outputs = [[one.value(values) for one in row.outputs] for row in hits]
            given = collected(node, outputs) if node.hit is HitPolicy.COLLECT else outputs[0]
            for variable, value in zip(node.outputs, given, strict=True):
                self._give(variable.name, value)
        except (CannotCalculate, WrongFactType) as error:
            self._table_failed(prefix + node.id, read, str(error))
            return
        for row in hits:
            name = prefix + row.id
            effect = row.effect.effect if row.effect is not None else None
            points = effect.points if isinstance(effect, Points) else None
            is_exempt = row.effect is not None and name in self.exempt
            result = Result.EXEMPT if is_exempt else Result.HIT
            self.results.append(RuleResult(name, result, read, None if is_exempt else points))
            if row.effect is not None and not is_exempt:
                self._apply(name, row.effect)

    def _table_failed(self, name: str, read: dict[str, Shown], why: str) -> None:
        self.results.append(RuleResult(name, Result.ERROR, read))
        self._failed(name, why)

    def _give(self, name: str, value: FactValue) -> None:
        self.values[name] = value
        self.seen[name] = self.derived[name] = shown(value)

    def _scorecard(self, node: CompiledScorecard, prefix: str) -> None:
        total = node.base
        whole = True
        for one in node.characteristics:
            name = f"{prefix}{node.id}.{one.of.name}"
            points = one.points(self.values.get(one.of.name))
            read = {one.of.name: self.seen.get(one.of.name)}
            if points is None:
                whole = False
                self.results.append(RuleResult(name, Result.ERROR, read))
                self._failed(name, f"{one.of.name} is missing")
            else:
                total += points
                self.results.append(RuleResult(name, Result.HIT, read, points))
        if whole:
            self._give(node.output, node.score(total))

    def _split(self, node: CompiledSplit, prefix: str) -> str | None:
        customer = self.values.get(node.customer)
        if customer is None:
            self._failed(prefix + node.id, f"{node.customer} is missing")
            return None
        place = arm_of(node.salt, customer)
        for arm in node.arms:
            if place < arm.share:
                self.path[-1] = f"{prefix}{node.id}:{arm.id}"
                return arm.next
            place -= arm.share
        self._failed(prefix + node.id, "the shares do not add up")
        return None

    def _switch(self, node: CompiledSwitch, prefix: str) -> str | None:
        for branch in node.branches:
            holds = one_holds(branch.when, self.values)
            if holds:
                return branch.next
            if holds is None:
                self._failed(prefix + node.id, "what decides the way is missing")
                return None
        return node.next

    def _offer(self, node: CompiledLimitAndPrice, prefix: str) -> None:
        """Work out what can be offered; of two on one way the lesser amount and term hold."""
        values, name = self.values, prefix + node.id
        missing = next((one for one in OFFER_READS if values.get(one) is None), None)
        if missing is not None:
            self._failed(name, f"{missing} is missing")
            return
        try:
            formulas = (node.amount, node.term, node.annual_rate)
            amount, term, rate = (one.value(values) for one in formulas)
            offer = within(values, amount, term, rate)
        except CannotCalculate as error:
            self._failed(name, str(error))
            return
        if offer is None:
            self._apply(name, node.too_little)
            return
        earlier = self.proposal
        self.proposal = (
            offer
            if earlier is None
            else Offer(
                amount=min(offer.amount, earlier.amount),
                term=min(offer.term, earlier.term),
                annual_rate=max(offer.annual_rate, earlier.annual_rate),
            )
        )

    def _end(self, node: End, prefix: str) -> None:
        if node.outcome is not Outcome.APPROVE:
            self._decide(node.outcome, prefix + node.id, node.internal, node.reason)


def _values(compiled: CompiledPolicy, facts: Mapping[str, FactValue]) -> dict[str, Any]:
    """Return the values that the policy reads, without what is missing."""
    values: dict[str, Any] = {}
    for name, reader in compiled.readers:
        given = facts.get(name)
        if given is not None:
            try:
                values[name] = reader.value(given)
                continue
            except WrongFactType:
                if reader.fact.missing is WhenMissing.VALUE:
                    continue
        fact = reader.fact
        if fact.missing is WhenMissing.FAIL:
            raise FactMissing(f"Nothing is decided without {name}.", field=name)
        if fact.missing is WhenMissing.VALUE:
            values[name] = from_text(fact, fact.treat_as or "")
    return values
