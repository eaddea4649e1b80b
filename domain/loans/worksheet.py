"""The balances of one stretch of a plan in plain integers, run again and again for levels tried.

A worksheet knows no dates and makes no rows: it is what a level is searched with, and what the rows
are made of in the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from domain.common.rounding import Rounding, RoundingMode, round_ratio
from domain.loans.plan_terms import UnmetInterest

Factor = tuple[int, int]
"""The interest on a balance of 1 over a period, as numerator and denominator."""

PLAIN_ROUNDING = Rounding()


class Part(Enum):
    """What an instalment repays of the principal."""

    NOTHING = auto()
    LEVEL_PRINCIPAL = auto()
    TOTAL = auto()
    PRINCIPAL = auto()
    REST = auto()


class Line(NamedTuple):
    """One instalment: its `part`, the interest `factor`, the `weight` of its level part.

    `agreed` is the total or the principal of a listed instalment. `collects` says whether its
    interest is paid with it.
    """

    part: Part
    factor: Factor
    weight: tuple[int, int] = (1, 1)
    agreed: int | None = None
    collects: bool = True


class Level(NamedTuple):
    """The level part, exactly, as numerator and denominator."""

    numerator: int
    denominator: int = 1


@dataclass(slots=True)
class Run:
    """What one run came to, instalment by instalment, in minor units.

    `own` is the interest earned in each, `unmet` what of it and of what came before is carried
    forward after it. `short` are the instalments whose level part does not reach their interest, by
    more than rounding makes it miss that.
    `left` is what is not repaid in the end.
    """

    principals: list[int] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    unmet: list[int] = field(default_factory=list)
    short: list[int] = field(default_factory=list)
    left: int = 0


class Worksheet:
    """The instalments of a stretch with everything that stays the same from run to run.

    `running` is exact interest that the first instalment collects beside its own, `brought` what an
    earlier one carried forward, `kept` is left for after the instalment `last_rental`, and
    `flat_base` bears the interest if it is not the balance.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        *,
        balance: int,
        interest_rounding: Rounding,
        level_rounding: Rounding,
        running: tuple[int, int] = (0, 1),
        brought: int = 0,
        flat_base: int | None = None,
        last_rental: int | None = None,
        kept: int = 0,
        unmet_interest: UnmetInterest = UnmetInterest.COLLECTED,
        ends_when_repaid: bool = False,
    ) -> None:
        self.lines = lines
        self.balance = balance
        self.running = running
        self.brought = brought
        self.flat_base = flat_base
        self.last_rental = last_rental
        self.kept = kept
        self.interest_rounding = interest_rounding
        self.level_rounding = level_rounding
        self.carries = unmet_interest is UnmetInterest.CARRIED
        self.ends_when_repaid = ends_when_repaid
        self._rounded = rounder(interest_rounding)
        self.is_weighted = any(line.weight != (1, 1) for line in lines)
        closing = (index for index, line in enumerate(lines) if line.part is Part.REST)
        self.rest = next(closing, len(lines) - 1)
        self._tolerance = interest_rounding.unit + level_rounding.unit
        self._is_plain = (
            flat_base is None
            and last_rental is None
            and not (kept or self.carries or self.is_weighted or ends_when_repaid or brought)
            and all(line.part is Part.TOTAL and line.agreed is None for line in lines[:-1])
            and lines[-1].part is Part.REST
        )

    def targets(self, level: Level) -> list[int]:
        """Return what each instalment's level part comes to, rounded."""
        whole = round_ratio(*level, *self.level_rounding)
        if not self.is_weighted:
            return [whole] * len(self.lines)
        numerator, denominator = level
        return [
            whole
            if weight == (1, 1)
            else round_ratio(numerator * weight[0], denominator * weight[1], *self.level_rounding)
            for weight in (line.weight for line in self.lines)
        ]

    def run(self, targets: Sequence[int], extra: int = 0) -> Run:
        """Return the run in which instalments have the level parts `targets`.

        `extra` is added to the first principal repaid before the last one's.
        """
        return self._plainly(targets[0], extra) if self._is_plain else self._fully(targets, extra)

    def _plainly(self, level: int, extra: int) -> Run:
        """Run what most loans are: level instalments, half up to the minor unit, nothing else."""
        balance = self.balance
        principals, own_interest, short = [], [], []
        running, per = self.running
        last, tolerance, rounded = self.rest, -self._tolerance, self._rounded
        is_nearest = self.interest_rounding == PLAIN_ROUNDING
        for index, (_, (more, unit), *_) in enumerate(self.lines):
            if running and not index:
                own = rounded(balance * more * per + running * unit, unit * per)
            elif is_nearest:
                own = (2 * balance * more + unit) // (2 * unit)
            else:
                own = rounded(balance * more, unit)
            own_interest.append(own)
            principal = level - own
            if index == last:
                principal = balance
            elif principal < 0:
                if principal < tolerance:
                    short.append(index)
                principal = 0
            elif principal > balance:
                principal = balance
            if extra and principal and index != last:
                principal, extra = min(max(principal + extra, 0), balance), 0
            balance -= principal
            principals.append(principal)
        return Run(principals, own_interest, [], short, balance)

    def _fully(self, targets: Sequence[int], extra: int) -> Run:
        balance, found = self.balance, Run()
        rounded, flat_base, kept = self._rounded, self.flat_base, self.kept
        unmet = self.brought
        running, per = self.running
        last = self.rest
        for index, line in enumerate(self.lines):
            more, unit = line.factor
            base = balance if flat_base is None else flat_base
            if index or not running:
                own = rounded(base * more, unit) if more else 0
            else:
                own = rounded(base * more * per + running * unit, unit * per)
            found.own.append(own)
            free = max(balance - kept, 0) if kept else balance
            principal = balance if line.part is Part.REST else 0
            over = 0
            if line.part is Part.TOTAL and index != self.last_rental:
                asked = targets[index] if line.agreed is None else line.agreed
                over = asked - own - (unmet if line.collects else 0)
                principal = min(max(over, 0), free)
                if over < -self._tolerance:
                    found.short.append(index)
            elif line.part is not Part.NOTHING and principal != balance:
                principal = min(self._fixed(index, line, targets), free)
            if line.collects:
                unmet = -over if over < 0 and self.carries else 0
            if extra and principal and index != last:
                principal, extra = min(max(principal + extra, 0), balance), 0
            found.unmet.append(unmet)
            balance -= principal
            found.principals.append(principal)
            if not balance and self.ends_when_repaid:
                break
        found.left = balance
        return found

    def _fixed(self, index: int, line: Line, targets: Sequence[int]) -> int:
        """Return the principal that an instalment repays whatever its interest is."""
        if line.part is Part.LEVEL_PRINCIPAL:
            return targets[index]
        return self.balance if index == self.last_rental else line.agreed or 0


def rounder(rounding: Rounding) -> Callable[[int, int], int]:
    """Return the function that rounds a fraction of zero or more so, in as little time as can be.

    It agrees with `domain.common.rounding.round_ratio`.
    """
    unit, mode = rounding
    match mode:
        case RoundingMode.HALF_UP:
            return lambda amount, per: (2 * amount + per * unit) // (2 * per * unit) * unit
        case RoundingMode.DOWN:
            return lambda amount, per: amount // (per * unit) * unit
        case RoundingMode.UP:
            return lambda amount, per: -(-amount // (per * unit)) * unit
        case _:
            return lambda amount, per: round_ratio(amount, per, unit, mode)
