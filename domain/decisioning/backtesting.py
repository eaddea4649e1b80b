"""Trying a version of a policy on cases that were decided: what would come out otherwise.

Nothing is asked and nobody is told: the facts are those of the decisions.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from domain.common.errors import DomainError
from domain.decisioning.decision import Outcome
from domain.decisioning.evaluations import Evaluation
from domain.decisioning.facts import FactMissing, WrongFactType
from domain.decisioning.policies import Offer
from domain.decisioning.tracing import PolicyVersion, Step, take_again

MAX_EXAMPLES: Final = 5
"""So many decisions are named for each change of outcome."""


class NothingToTry(DomainError):
    """There are no decisions with facts to try a policy on."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was made: its id, and the step that made it."""

    decision_id: str
    step: Step


@dataclass
class BackTest:
    """What came of trying: decisions counted, by what was decided and what would be now.

    Amounts in minor units. `amounts` and `rates` count offers that would be `lower`, `same` or
    `higher`; of rates, per cent a year. `reasons` counts the reject codes before and after.
    `examples` are ids of decisions that come out otherwise. `failed` counts decisions that the
    version cannot decide because a fact is missing that it cannot do without.
    """

    tried: int = 0
    failed: int = 0
    outcomes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    amounts: Counter[str] = field(default_factory=Counter)
    rates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    amount_before: int = 0
    amount_after: int = 0
    examples: dict[tuple[Outcome, Outcome], list[str]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """How many would be decided otherwise."""
        return sum(count for (was, now), count in self.outcomes.items() if was is not now)

    def add(self, decision_id: str, was: Evaluation, now: Evaluation) -> None:
        """Count one decision."""
        self.tried += 1
        change = was.outcome, now.outcome
        self.outcomes[change] += 1
        if was.outcome is not now.outcome:
            named = self.examples.setdefault(change, [])
            if len(named) < MAX_EXAMPLES:
                named.append(decision_id)
        if was.reason != now.reason:
            self.reasons[was.reason, now.reason] += 1
        self.amount_before += was.offer.amount if was.offer else 0
        self.amount_after += now.offer.amount if now.offer else 0
        if was.offer is not None and now.offer is not None:
            self._compare(was.offer, now.offer)

    def join(self, other: "BackTest") -> None:
        """Count what another one has counted, of other decisions."""
        self.tried += other.tried
        self.failed += other.failed
        self.amount_before += other.amount_before
        self.amount_after += other.amount_after
        for mine, its in (
            (self.outcomes, other.outcomes),
            (self.amounts, other.amounts),
            (self.rates, other.rates),
            (self.reasons, other.reasons),
        ):
            mine.update(its)  # type: ignore[arg-type]  # counters of the same things
        for change, ids in other.examples.items():
            mine_too = self.examples.setdefault(change, [])
            mine_too.extend(ids[: MAX_EXAMPLES - len(mine_too)])

    def _compare(self, was: Offer, now: Offer) -> None:
        self.amounts[_word(was.amount, now.amount)] += 1
        self.rates[_word(was.annual_rate, now.annual_rate)] += 1


def back_test(decided: Iterable[Decided], version: PolicyVersion) -> BackTest:
    """Try a version on decisions."""
    found = BackTest()
    for one in decided:
        try:
            now = take_again(one.step, version)
        except (FactMissing, WrongFactType):
            found.tried += 1
            found.failed += 1
            continue
        found.add(one.decision_id, one.step.evaluation, now)
    return found


def _word(was: int | Decimal, now: int | Decimal) -> str:
    return "same" if was == now else "lower" if now < was else "higher"
