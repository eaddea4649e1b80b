"""The level part of a stretch: the instalment, or the principal, that is the same throughout.

The level instalment is P x prod(1 + r_k) / F with F_1 = 1 and F_k = 1 + F_(k-1) x (1 + r_k), which
holds for any day count and any lengths of periods; with weights the 1 is the instalment's weight.
It is computed in integers and rounded once. An instalment that the level does not pay the interest
of (after a long first period, or a cut in the middle of one) repays nothing: it is left out of the
formula, which is solved again, or what is unmet is carried into the next one.

Smoothing and the residue look for the level, or the first principal, at which the last instalment
is nearest to what it should be. What the last one lacks falls as the level rises, so the search
is bracketed and ends after a few runs whatever the terms.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from math import lcm

from domain.common.rounding import round_ratio
from domain.loans.worksheet import Level, Line, Part, Run, Worksheet

_FINE = 10**12
_MAX_SOLUTIONS = 2
"""How often a level is solved with more instalments left out; once unless many are short.

Where instalments hardly repay anything, many are short in their long months only: then the level
is looked for by its runs.
"""

Gap = Callable[[int], int]
"""By how much the last instalment exceeds what it should be, by steps up; it never rises."""

Find = Callable[[Gap, int, int], int]
"""What finds the steps to take, between the lowest and the highest."""


def solve(
    sheet: Worksheet, formula: Sequence[Line], kept: tuple[int, int], *, is_exact: bool
) -> tuple[Level, Run, bool]:
    """Return the level part by the lines of a `formula`, its run, and whether it was found.

    `kept` is the exact amount that the level part leaves. A formula that is not `is_exact` has
    other interest than the run: no instalment is left out of it. Without a solution the level
    returned is near to one.
    """
    left_out = {index for index, line in enumerate(formula) if not line.weight[0]}
    level = _level(sheet, formula, kept, left_out)
    run = sheet.run(sheet.targets(level))
    for _ in range(_MAX_SOLUTIONS):
        if not is_exact or left_out.issuperset(run.short):
            return level, run, True
        left_out.update(run.short)
        level = _level(sheet, formula, kept, left_out)
        run = sheet.run(sheet.targets(level))
    return level, run, False


def _level(
    sheet: Worksheet, formula: Sequence[Line], kept: tuple[int, int], left_out: Collection[int]
) -> Level:
    denominator = lcm(*(line.weight[1] for line in formula)) if sheet.is_weighted else 1
    if sheet.flat_base is None and all(x.part is not Part.LEVEL_PRINCIPAL for x in formula):
        owed, paid, scale = _balances(sheet, formula, denominator, left_out)
        owed = max(owed * kept[1] - kept[0] * scale, 0) * denominator
        if not sheet.is_weighted or not paid:
            # A cut may leave only instalments without weight: the last one repays everything.
            return Level(owed, paid * kept[1]) if paid else Level(0)
        # Multiplied by each weight: exact to a millionth of a millionth of a minor unit.
        return Level(round_ratio(owed * _FINE, paid * kept[1]), _FINE)
    owed, per = sheet.balance, 1
    if formula[0].part is Part.TOTAL:
        owed, per = _with_flat_interest(sheet, formula)
    paying = (line for line in formula if line.part is not Part.NOTHING)
    shares = sum(denominator // line.weight[1] * line.weight[0] for line in paying)
    return Level(owed * denominator, per * shares) if shares else Level(0)


def _with_flat_interest(sheet: Worksheet, formula: Sequence[Line]) -> tuple[int, int]:
    owed, per = sheet.running
    for line in formula:
        more, unit = line.factor
        owed, per = owed * unit + (sheet.flat_base or 0) * more * per, per * unit
    return owed + (sheet.balance + sheet.brought) * per, per


def _balances(
    sheet: Worksheet, formula: Sequence[Line], denominator: int, left_out: Collection[int]
) -> tuple[int, int, int]:
    """Return `owed`, `paid` and `scale`: at the end the balance is (owed - level x paid) / scale.

    The level counts in parts of `denominator`. `unmet` and `unpaid` make, in the same way, the
    interest that the next instalment has to pay and that bears none.
    """
    scale = sheet.running[1]
    owed, paid = sheet.balance * scale, 0
    unmet, unpaid = sheet.brought * scale + sheet.running[0], 0
    for index, line, count in _alike(formula, left_out, single=bool(unmet)):
        more, unit = line.factor
        if line.part is Part.NOTHING:
            unmet, unpaid = 0, 0
            continue
        weight = denominator // line.weight[1] * line.weight[0]
        if index in left_out:
            if not sheet.carries:
                unmet, unpaid = 0, 0
                continue
            unmet = unmet * unit + owed * more
            unpaid = unpaid * unit + paid * more + weight * scale * unit
            owed, paid, scale = owed * unit, paid * unit, scale * unit
            continue
        grown, whole = (unit + more) ** count, unit**count
        sums = unit * (grown - whole) // more if more else count * whole
        owed = owed * grown + unmet * whole
        paid = paid * grown + unpaid * whole + weight * scale * sums
        scale *= whole
        unmet, unpaid = 0, 0
    return owed, paid, scale


def _alike(
    formula: Sequence[Line], left_out: Collection[int], *, single: bool
) -> Iterator[tuple[int, Line, int]]:
    """Return lines with the number of equal ones that follow; `single`: the first by itself."""
    start = 0
    while start < len(formula):
        line, end = formula[start], start + 1
        alone = start in left_out or (single and start == 0) or start - 1 in left_out
        if not alone and line.part is not Part.NOTHING:
            while end < len(formula) and end not in left_out and _is_alike(line, formula[end]):
                end += 1
        yield start, line, end - start
        start = end


def _is_alike(line: Line, other: Line) -> bool:
    if other is line:
        return True
    pays = other.part is not Part.NOTHING
    return pays and other.factor == line.factor and other.weight == line.weight


def nearest(gap: Gap, lowest: int, highest: int) -> int:
    """Return the number of steps at which the gap is nearest to zero, the fewer if two are.

    The search stays between `lowest` and `highest`.
    """
    known = _Known(gap)
    if not known(0):
        return 0
    found = (0, *_crossing(known, lowest, highest))
    return min(found, key=lambda steps: (abs(known(steps)), abs(steps)))


def fewest_covering(gap: Gap, lowest: int, highest: int) -> int:
    """Return the fewest steps up at which the last instalment exceeds nothing."""
    return _crossing(_Known(gap), lowest, highest)[1]


def most_reaching(gap: Gap, lowest: int, highest: int) -> int:
    """Return the most steps up at which the last instalment lacks nothing."""
    known = _Known(gap)
    low, high = _crossing(known, lowest, highest)
    return low if known(high) else high


class _Known:
    """A gap that remembers what it was asked for: each answer is a run."""

    def __init__(self, gap: Gap) -> None:
        self._gap = gap
        self._found: dict[int, int] = {}

    def __call__(self, steps: int) -> int:
        found = self._found.get(steps)
        if found is None:
            found = self._found[steps] = self._gap(steps)
        return found


def _crossing(gap: Gap, lowest: int, highest: int) -> tuple[int, int]:
    """Return two steps next to each other: above zero at the first, not above it at the second.

    Where the gap does not change its sign in between, both are the end nearer to zero.
    """
    rises = gap(0) > 0
    way, end = (1, highest) if rises else (-1, lowest)
    here, there = 0, way if lowest <= way <= highest else 0
    while (gap(there) > 0) is rises:
        if there == end:
            return end, end
        # As far as the line through both points says, twice to eight times as far as before.
        stride = abs(there - here)
        fall = abs(gap(here) - gap(there)) // stride
        stride = min(max(abs(gap(there)) // max(fall, 1) + 1, 2 * stride), 8 * stride)
        here, there = there, min(max(there + way * stride, lowest), highest)
    return _narrowed(gap, *((here, there) if rises else (there, here)))


def _narrowed(gap: Gap, low: int, high: int) -> tuple[int, int]:
    """Halve a bracket until its ends are next to each other.

    Every second time it is cut where the line through the last two steps above zero says: below
    zero the loan is repaid early, and the gap says little.
    """
    lower: int | None = None
    by_line = True
    while high - low > 1:
        middle = (low + high) // 2
        if by_line:
            fall = gap(low) - gap(high) if lower is None else gap(lower) - gap(low)
            wide = high - low if lower is None else low - lower
            middle = low + gap(low) * wide // max(fall, 1)
            middle = min(max(middle, low + 1), high - 1)
        by_line = not by_line or gap(middle) > 0
        if gap(middle) > 0:
            lower, low = low, middle
        else:
            high = middle
    return low, high
