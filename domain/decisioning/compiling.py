"""Compile a policy once a version: every cell parsed and typed, every name known, every way whole.

Whatever is wrong is found here, with the cell and an example of a right one: nothing that cannot be
read is left to be passed over when a case is decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.common.definitions import DefinitionInvalid, Finding
from domain.decisioning.cells import Cell, WrongCell, compile_cell, filled, parameters_in
from domain.decisioning.compiled import (
    CONDITIONS_MET,
    CompiledBin,
    CompiledBranch,
    CompiledCharacteristic,
    CompiledEffect,
    CompiledLimitAndPrice,
    CompiledNode,
    CompiledPolicy,
    CompiledRow,
    CompiledRule,
    CompiledRuleSet,
    CompiledScorecard,
    CompiledSplit,
    CompiledSubPolicy,
    CompiledSwitch,
    CompiledTable,
    Condition,
    Output,
    scaled,
)
from domain.decisioning.decision import Outcome
from domain.decisioning.facts import (
    FactCatalogue,
    FactType,
    Variable,
    WrongFactType,
    from_text,
)
from domain.decisioning.flows import arrivals, flow_of
from domain.decisioning.formulas import CannotCalculate, Formula, compile_formula
from domain.decisioning.policies import (
    OFFER_READS,
    WHOLE,
    ConditionKind,
    DecisionTable,
    Demand,
    Effect,
    End,
    HitPolicy,
    LimitAndPrice,
    Node,
    Policy,
    RuleSet,
    Scorecard,
    Split,
    SubPolicy,
    Switch,
    When,
)


def compile_policy(
    policy: Policy,
    catalogue: FactCatalogue,
    sub_policies: Mapping[str, Policy] | None = None,
) -> CompiledPolicy:
    """Return the compiled policy; raises DefinitionInvalid with everything that is wrong.

    `sub_policies` are those that its nodes name, by code, and those that these name.
    """
    return _Compiler(policy, catalogue, sub_policies or {}, ()).compiled()


@dataclass
class _Compiler:
    policy: Policy
    catalogue: FactCatalogue
    sub_policies: Mapping[str, Policy]
    within: tuple[str, ...]
    findings: list[Finding] = field(default_factory=list)
    known: dict[str, Variable] = field(default_factory=dict)
    reads: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    given: frozenset[str] = frozenset()
    subs: dict[str, CompiledPolicy] = field(default_factory=dict)

    def compiled(self) -> CompiledPolicy:
        """Return the compiled policy, or raise everything that was found."""
        self.known = dict(self.catalogue.by_name)
        order, wrong = flow_of(self.policy)
        self.findings.extend(wrong)
        givers = {node.id: self._gives(n, node) for n, node in order}
        arrived = arrivals(order, givers)
        nodes: dict[str, CompiledNode] = {}
        for n, node in order:
            self.given = arrived.get(node.id, frozenset())
            compiled = self._node(f"nodes.{n}", node)
            if compiled is not None:
                nodes[node.id] = compiled
        for name in ("score", "grade"):
            reported = getattr(self.policy, name)
            if reported is not None:
                self._reported(name, reported)
        for name in sorted(set(self.policy.parameters) - self.parameters):
            self._found(f"parameters.{name}", "no cell uses this parameter", "leave it out")
        if self.findings:
            raise DefinitionInvalid("The policy cannot be used", self.findings)
        facts = self.catalogue.by_name
        read = self.reads.union(*(sub.reads for sub in self.subs.values()))
        return CompiledPolicy(
            policy=self.policy,
            catalogue=frozenset(facts),
            facts=tuple(facts[name] for name in sorted(read) if name in facts),
            nodes=nodes,
            start=self.policy.nodes[0].id,
            variables={name: one for name, one in self.known.items() if name not in facts},
        )

    def _found(self, where: str, message: str, example: str) -> None:
        self.findings.append(Finding(where, message, example))

    def _gives(self, n: int, node: Node) -> frozenset[str]:
        """Return the values that a node gives to those behind it."""
        variables: list[Variable] = []
        if isinstance(node, DecisionTable):
            variables = list(node.outputs)
        elif isinstance(node, Scorecard):
            variables = [Variable(name=node.output, type=FactType.INTEGER)]
        elif isinstance(node, SubPolicy):
            sub = self._sub(n, node)
            variables = list(sub.variables.values()) if sub else []
        for one in variables:
            earlier = self.known.get(one.name)
            if one.name in self.catalogue.by_name:
                self._found(f"nodes.{n}", f"{one.name} is a fact already", f"{one.name}_here")
            elif earlier is not None and earlier != one:
                self._found(
                    f"nodes.{n}", f"{one.name} is given as something else", f"{one.name}_here"
                )
            self.known.setdefault(one.name, one)
        return frozenset(one.name for one in variables)

    def _sub(self, n: int, node: SubPolicy) -> CompiledPolicy | None:
        where = f"nodes.{n}.policy"
        sub = self.sub_policies.get(node.policy)
        if node.policy in self.within:
            self._found(where, f"{node.policy} would be evaluated within itself", "another policy")
        elif sub is None:
            self._found(where, f"there is no policy {node.policy}", "the code of one in force")
        else:
            within = (*self.within, node.policy)
            try:
                compiled = _Compiler(sub, self.catalogue, self.sub_policies, within).compiled()
            except DefinitionInvalid as error:
                self._found(where, error.message, "a policy that is right")
            else:
                self.subs[node.id] = compiled
                return compiled
        return None

    def _reported(self, where: str, name: str) -> None:
        variable = self.known.get(name)
        wanted = FactType.INTEGER if where == "score" else FactType.TEXT
        if variable is None or variable.type is not wanted:
            self._found(where, f"{name} is neither a fact nor a value of type {wanted}", where)
        else:
            self._read(name)

    def _read(self, name: str) -> None:
        if name in self.catalogue.by_name:
            self.reads.add(name)

    def _variable(self, where: str, name: str) -> Variable | None:
        """Return what a name stands for here; finds one that nothing gives."""
        variable = self.known.get(name)
        if variable is None:
            self._found(where, f"there is no fact {name}", self._like(name))
        elif name not in self.catalogue.by_name and name not in self.given:
            self._found(where, f"{name} is not given on every way to here", "a node before this")
        else:
            self._read(name)
            return variable
        return None

    def _like(self, name: str) -> str:
        """Return the known name that begins most as a wrong one does."""

        def alike(known: str) -> int:
            return next(
                (n for n, (a, b) in enumerate(zip(known, name, strict=False)) if a != b), len(name)
            )

        return max(sorted(self.known), key=alike)

    def _cell(self, where: str, name: str, text: str) -> Cell | None:
        variable = self._variable(where, name)
        self.parameters |= parameters_in(text)
        if variable is None:
            return None
        try:
            return compile_cell(text, variable, self.policy.parameters)
        except WrongCell as error:
            self._found(where, error.message, error.example)
            return None

    def _formula(self, where: str, text: str) -> Formula | None:
        self.parameters |= parameters_in(text)
        try:
            formula = compile_formula(text, self.known, self.policy.parameters)
        except WrongCell as error:
            self._found(where, error.message, error.example)
            return None
        named = [self._variable(where, name) for name in sorted(formula.reads)]
        return None if None in named else formula

    def _when(self, where: str, when: When) -> tuple[Condition, ...]:
        groups = []
        for n, group in enumerate(when):
            at = f"{where}.{n}" if len(when) > 1 else where
            cells = {name: self._cell(f"{at}.{name}", name, text) for name, text in group.items()}
            groups.append(Condition.of({k: cell for k, cell in cells.items() if cell is not None}))
        return tuple(groups)

    def _effect(self, where: str, effect: Effect) -> CompiledEffect:
        amount = None
        if isinstance(effect, Demand):
            self._read(CONDITIONS_MET)
            if CONDITIONS_MET not in self.known:
                self._found(where, f"conditions need the fact {CONDITIONS_MET}", CONDITIONS_MET)
            wants_amount = effect.condition in (ConditionKind.DEPOSIT, ConditionKind.LOWER_AMOUNT)
            if wants_amount is not (effect.amount is not None):
                self._found(f"{where}.amount", "goes with deposit and lower_amount", "500000")
            if (effect.condition is ConditionKind.ELEMENT) is not (effect.element is not None):
                self._found(f"{where}.element", "goes with the condition element", "bank_flows")
            if effect.amount is not None:
                amount = self._formula(f"{where}.amount", effect.amount)
        return CompiledEffect(effect, amount)

    def _node(self, where: str, node: Node) -> CompiledNode | None:
        match node:
            case RuleSet():
                return self._rules(where, node)
            case DecisionTable():
                return self._table(where, node)
            case Scorecard():
                return self._scorecard(where, node)
            case Split():
                return self._split(where, node)
            case Switch():
                return self._switch(where, node)
            case SubPolicy():
                sub = self.subs.get(node.id)
                if sub is None:
                    return None
                return CompiledSubPolicy(node.id, node.next, node.policy, sub)
            case LimitAndPrice():
                return self._limit_and_price(where, node)
            case End():
                return self._end(where, node)

    def _end(self, where: str, node: End) -> End:
        if (node.reason is not None) is not (node.outcome is Outcome.REJECT):
            self._found(f"{where}.reason", "goes with the outcome reject", "R08")
        return node

    def _rules(self, where: str, node: RuleSet) -> CompiledRuleSet:
        rules = tuple(
            CompiledRule.of(
                rule.id,
                self._when(f"{where}.rules.{n}.when", rule.when),
                self._effect(f"{where}.rules.{n}.then", rule.then),
            )
            for n, rule in enumerate(node.rules)
        )
        return CompiledRuleSet(node.id, node.next, rules, node.stop_on_reject)

    def _switch(self, where: str, node: Switch) -> CompiledSwitch:
        branches = tuple(
            CompiledBranch(self._when(f"{where}.branches.{n}.when", one.when), one.next)
            for n, one in enumerate(node.branches)
        )
        return CompiledSwitch(node.id, branches, node.next)

    def _table(self, where: str, node: DecisionTable) -> CompiledTable:
        if len(set(node.inputs)) < len(node.inputs):
            self._found(f"{where}.inputs", "an input stands there twice", node.inputs[0])
        numbers = [one for one in node.outputs if one.type.is_number]
        if node.hit is HitPolicy.COLLECT:
            if node.outputs and (node.collected is None or numbers != list(node.outputs)):
                self._found(f"{where}.collected", "says what numbers of all rows come to", '"sum"')
        elif node.collected is not None:
            self._found(f"{where}.collected", "goes with the hit policy collect", "leave it out")
        inputs = tuple(
            self._variable(f"{where}.inputs.{n}", name) for n, name in enumerate(node.inputs)
        )
        rows = []
        for n, row in enumerate(node.rows):
            at = f"{where}.rows.{n}"
            if len(row.when) != len(node.inputs) or len(row.then) != len(node.outputs):
                self._found(
                    at,
                    f"has {len(row.when)} and {len(row.then)} cells, not {len(node.inputs)} and"
                    f" {len(node.outputs)}",
                    "a cell for each input and output",
                )
                continue
            cells = tuple(
                self._cell(f"{at}.when.{m}", name, text)
                for m, (name, text) in enumerate(zip(node.inputs, row.when, strict=True))
            )
            outputs = tuple(
                self._output(f"{at}.then.{m}", variable, text)
                for m, (variable, text) in enumerate(zip(node.outputs, row.then, strict=True))
            )
            effect = self._effect(f"{at}.effect", row.effect) if row.effect else None
            if None not in cells and None not in outputs:
                rows.append(
                    CompiledRow.of(
                        row.id,
                        node.inputs,
                        tuple(one for one in cells if one is not None),
                        tuple(one for one in outputs if one is not None),
                        effect,
                    )
                )
        variables = tuple(one for one in inputs if one is not None)
        return CompiledTable(
            node.id, node.next, node.hit, node.collected, variables, node.outputs, tuple(rows)
        )

    def _output(self, where: str, variable: Variable, text: str) -> Output | None:
        """Compile what a row gives: a formula for a number, otherwise a value."""
        if variable.type.is_number:
            formula = self._formula(where, text)
            if formula is None:
                return None
            output = Output(variable, formula, None)
            if not formula.reads:
                try:
                    output.value({})
                except (CannotCalculate, WrongFactType) as error:
                    self._found(where, f"{text!r}: {error}", "300")
                    return None
            return output
        self.parameters |= parameters_in(text)
        try:
            read = filled(text, self.policy.parameters)
            return Output(variable, None, from_text(variable, read))
        except (WrongCell, WrongFactType) as error:
            example = variable.values[0] if variable.values else "true"
            self._found(where, f"{text!r}: {error.message}", example)
            return None

    def _scorecard(self, where: str, node: Scorecard) -> CompiledScorecard:
        rows: list[CompiledCharacteristic] = []
        seen: set[str] = set()
        for n, one in enumerate(node.characteristics):
            at = f"{where}.characteristics.{n}"
            if one.fact in seen:
                self._found(f"{at}.fact", f"{one.fact} is counted twice", "another fact")
            seen.add(one.fact)
            bins = [
                (self._cell(f"{at}.bins.{m}.when", one.fact, cell.when), cell.points)
                for m, cell in enumerate(one.bins)
            ]
            variable = self.known.get(one.fact)
            if variable is not None:
                compiled = tuple(CompiledBin(cell, points) for cell, points in bins if cell)
                rows.append(CompiledCharacteristic(variable, compiled, one.missing, one.other))
        factor, offset = scaled(node.scaling)
        return CompiledScorecard(
            node.id, node.next, node.output, node.base, tuple(rows), factor, offset
        )

    def _split(self, where: str, node: Split) -> CompiledSplit:
        total = sum(arm.share for arm in node.arms)
        if total != WHOLE:
            self._found(f"{where}.arms", f"the shares add up to {total}, not {WHOLE}", str(WHOLE))
        names = [arm.id for arm in node.arms]
        if len(set(names)) < len(names):
            self._found(f"{where}.arms", "two arms have one name", "champion")
        customer = self._variable(f"{where}.customer", node.customer)
        if customer is not None and customer.type is not FactType.TEXT:
            self._found(f"{where}.customer", f"{node.customer} is no text", "customer")
        return CompiledSplit(node.id, node.salt, node.customer, node.arms)

    def _limit_and_price(self, where: str, node: LimitAndPrice) -> CompiledLimitAndPrice | None:
        for name in OFFER_READS:
            self._variable(where, name)
        amount, term, annual_rate = (
            self._formula(f"{where}.{name}", text)
            for name, text in (
                ("amount", node.amount),
                ("term", node.term),
                ("annual_rate", node.annual_rate),
            )
        )
        if amount is None or term is None or annual_rate is None:
            return None
        too_little = CompiledEffect(node.too_little, None)
        return CompiledLimitAndPrice(node.id, node.next, amount, term, annual_rate, too_little)
