"""The one solver behind every disclosed rate: the rate at which dated flows balance.

All arithmetic is decimal with 50 digits, so a rate is the same on every machine.
"""

from collections.abc import Mapping, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from itertools import pairwise
from typing import ClassVar, NamedTuple

from domain.errors import DomainError

EXACT = Context(prec=50, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""The arithmetic of every rate."""

_CLOSE = Decimal("1e-24")
_AMBIGUOUS = "more than one rate, or none, could balance these flows"
_ZERO = Decimal(0)
_ONE = Decimal(1)


class NoRate(DomainError):
    """The flows have no rate, more than one could be theirs, or it is beyond any sense."""

    code: ClassVar[str] = "no_rate"


class Time(NamedTuple):
    """When a flow happens, counted from the first one on a grid of equal steps.

    Over `steps` the rate compounds. Over the `odd` rest, counted in parts of a period, it is
    simple, as Regulation Z asks; a method that compounds throughout has no odd rest.
    """

    steps: int
    odd: int = 0


class _Group(NamedTuple):
    """The flows that share one odd rest, last flow first.

    `gaps` are the steps between a flow and the one before it; `amounts` and `moments` are what
    Horner's rule needs for the present value and its derivative.
    """

    odd: Decimal
    amounts: tuple[Decimal, ...]
    moments: tuple[Decimal, ...]
    gaps: tuple[int, ...]


def period_rate(flows: Mapping[Time, int], *, steps: int = 1, odd_parts: int = 1) -> Decimal:
    """Return the rate of one period, as a fraction, at which the flows have no value today.

    A period is `steps` steps of the grid long, and `odd_parts` parts of an odd rest. Money the
    borrower receives is positive, money they pay negative. Raises `NoRate`. A rate below zero means
    that less is paid back than was lent.
    """
    placed = sorted((time, amount) for time, amount in flows.items() if amount)
    amounts = [amount for _, amount in placed]
    require_loan(amounts)
    total = sum(amounts)
    is_plain = _sign_changes(amounts) == 1
    if total > 0 and not is_plain and amounts[-1] > 0:
        raise NoRate(_AMBIGUOUS)
    with localcontext(EXACT):
        step_rate = _root(_groups(placed, odd_parts), negative=total > 0) if total else _ZERO
        if not is_plain and _is_ever_in_credit(placed, step_rate, odd_parts):
            raise NoRate(_AMBIGUOUS)
        return (_ONE + step_rate) ** steps - _ONE


def require_loan(amounts: Sequence[int]) -> None:
    """Raise `NoRate` unless money is lent first and something is paid back."""
    if not amounts or max(amounts) < 0:
        raise NoRate("no money is lent, so there is no rate")
    if min(amounts) > 0:
        raise NoRate("nothing is paid back, so there is no rate")
    if amounts[0] < 0:
        raise NoRate("the first flow is a payment: a rate needs money lent first")


def _sign_changes(amounts: Sequence[int]) -> int:
    """Count the changes of sign; with one there is exactly one rate (Descartes' rule)."""
    return sum((before > 0) != (after > 0) for before, after in pairwise(amounts))


def _is_ever_in_credit(
    placed: Sequence[tuple[Time, int]], step_rate: Decimal, odd_parts: int
) -> bool:
    """Say whether the borrower is ever owed money at this rate; if never, it is the only rate.

    This is Soper's criterion (1959): a balance that stays on one side under one rate grows with the
    rate throughout, so no other rate brings it to zero in the end. A line that is drawn, repaid and
    drawn again meets it.
    """
    present = _ZERO
    for (steps, odd), amount in placed[:-1]:
        present += amount / ((_ONE + step_rate) ** steps * (_ONE + step_rate * odd / odd_parts))
        if present < -_CLOSE:
            return True
    return False


def _groups(placed: Sequence[tuple[Time, int]], odd_parts: int) -> tuple[_Group, ...]:
    by_odd: dict[int, list[tuple[int, int]]] = {}
    for (steps, odd), amount in placed:
        by_odd.setdefault(odd, []).append((steps, amount))
    return tuple(_group(Decimal(odd) / odd_parts, flows) for odd, flows in by_odd.items())


def _group(odd: Decimal, flows: Sequence[tuple[int, int]]) -> _Group:
    amounts, moments, gaps = [], [], []
    before = 0
    for steps, amount in flows:
        amounts.append(Decimal(amount))
        moments.append(Decimal(amount * steps))
        gaps.append(steps - before)
        before = steps
    return _Group(odd, tuple(amounts[::-1]), tuple(moments[::-1]), tuple(gaps[::-1]))


def _root(groups: Sequence[_Group], *, negative: bool) -> Decimal:
    """Find the rate by Newton's method, kept inside a bracket; halve or double where it leaves it.

    The value of the flows is below zero under the root and above it over the root.
    """
    low, high = (-_ONE, _ZERO) if negative else (_ZERO, None)
    rate = _ZERO
    while True:
        value, slope = _value_and_slope(groups, rate)
        if value < 0:
            low = rate
        else:
            high = rate
        following = rate - value / slope if slope else None
        if following is None or following < low or (high is not None and following > high):
            rate = 2 * low + _ONE if high is None else (low + high) / 2
        elif abs(following - rate) <= _CLOSE:
            return following
        else:
            rate = following


def _value_and_slope(groups: Sequence[_Group], rate: Decimal) -> tuple[Decimal, Decimal]:
    """Return the present value of the flows at `rate` and its derivative by the rate."""
    discount = _ONE / (_ONE + rate)
    powers: dict[int, Decimal] = {}
    value = slope = _ZERO
    for odd, amounts, moments, gaps in groups:
        present = moment = _ZERO
        for amount, weighted, gap in zip(amounts, moments, gaps, strict=True):
            power = powers.get(gap)
            if power is None:
                power = powers[gap] = discount**gap
            present = (present + amount) * power
            moment = (moment + weighted) * power
        simple = _ONE + odd * rate
        present /= simple
        value += present
        slope -= moment * discount / simple + odd * present / simple
    return value, slope
