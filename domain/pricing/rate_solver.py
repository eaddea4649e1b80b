"""The one solver behind every disclosed rate: the rate at which dated flows balance.

All arithmetic is decimal with 50 digits, so a rate is the same on every machine.
"""

from collections.abc import Mapping, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from itertools import pairwise
from math import exp, isfinite, log
from typing import NamedTuple

from domain.common.errors import DomainError

EXACT = Context(prec=50, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""The arithmetic of every rate."""

_CLOSE = Decimal("1e-12")
"""A step this short is the last: the error is squared by it, and the answer needs ten places."""
_GUESSES = 12
_NEAR = 1e-13
_PATIENCE = 8
_SHORT = Decimal("0.01")
_LEAST_GROWTH = Decimal("1e-15")
_CENT_FRACTION = Decimal("1e-9")
_AMBIGUOUS = "more than one rate, or none, could balance these flows"
_ZERO = Decimal(0)
_ONE = Decimal(1)


class NoRate(DomainError):
    """The flows have no rate, more than one could be theirs, or it is beyond any sense."""


class Time(NamedTuple):
    """When a flow happens, counted from the first one on a grid of equal steps.

    Over `steps` the rate compounds. Over the `odd` rest, counted in parts of a period, it is
    simple, as Regulation Z asks; a method that compounds throughout has no odd rest.
    """

    steps: int
    odd: int = 0


class _Group(NamedTuple):
    """The flows in one direction that share one odd rest, last flow first.

    `gaps` are the steps between a flow and the one before it; `amounts` and `moments` are what
    Horner's rule needs for the present value and the mean time.
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
        growth = _balancing_growth(placed, odd_parts, negative=total > 0) if total else _ONE
        if not is_plain and _is_ever_in_credit(placed, growth, odd_parts):
            raise NoRate(_AMBIGUOUS)
        return growth**steps - _ONE


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


def _is_ever_in_credit(placed: Sequence[tuple[Time, int]], growth: Decimal, odd_parts: int) -> bool:
    """Say whether the borrower is ever owed money at this rate; if never, it is the only rate.

    This is Soper's criterion (1959): a balance that stays on one side under one rate grows with the
    rate throughout, so no other rate brings it to zero in the end. A line that is drawn, repaid and
    drawn again meets it.
    """
    present = _ZERO
    for (steps, odd), amount in placed[:-1]:
        present += amount / (growth**steps * (_ONE + (growth - _ONE) * odd / odd_parts))
        if present < -_CENT_FRACTION:
            return True
    return False


def _groups(placed: Sequence[tuple[Time, int]], odd_parts: int, sign: int) -> tuple[_Group, ...]:
    """Group the flows whose sign is `sign`, as amounts without it."""
    by_odd: dict[int, list[tuple[int, int]]] = {}
    for (steps, odd), amount in placed:
        if amount * sign > 0:
            by_odd.setdefault(odd, []).append((steps, amount * sign))
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


def _balancing_growth(
    placed: Sequence[tuple[Time, int]], odd_parts: int, *, negative: bool
) -> Decimal:
    """Return the growth of one step, one plus its rate, at which paid and lent are worth the same.

    Newton's method on the logarithm of paid over lent, which is nearly a straight line in the
    logarithm of the growth, with both logarithms by their first Pade approximants. The bracket
    holds a root throughout; every eighth step halves it, so the search ends whatever the flows.
    It starts from a guess in floating point, which saves steps and decides nothing.
    """
    lent_groups, paid_groups = _groups(placed, odd_parts, 1), _groups(placed, odd_parts, -1)
    low, high = (_ZERO, _ONE) if negative else (_ONE, None)
    growth, attempt = _guess(placed, odd_parts), 0
    if growth < low or (high is not None and growth > high):
        growth = _ONE
    while True:
        attempt += 1
        lent, lent_at = _value_and_mean_time(lent_groups, growth)
        paid, paid_at = _value_and_mean_time(paid_groups, growth)
        if paid > lent:
            low = growth
        else:
            high = growth
        if high is not None and high < _LEAST_GROWTH:
            raise NoRate("so little is paid back that no rate expresses it")
        lead = paid_at - lent_at
        change = 2 * (paid - lent) / (paid + lent) / (lead if lead > _SHORT else _ONE)
        change = max(-_ONE, min(_ONE, change))
        following = growth * (2 + change) / (2 - change)
        if abs(following - growth) <= _CLOSE * growth:
            return following
        outside = following < low or (high is not None and following > high)
        if high is not None and (outside or attempt % _PATIENCE == 0):
            following = (low + high) / 2
        growth = following


def _guess(placed: Sequence[tuple[Time, int]], odd_parts: int) -> Decimal:
    """Return about the growth that balances the flows; one where no number near it is found."""
    force = 0.0
    try:
        for _ in range(_GUESSES):
            growth = exp(force)
            lent = paid = lent_at = paid_at = 0.0
            for (steps, odd), amount in placed:
                value = amount * exp(-force * steps)
                at = value * steps
                if odd:
                    simple = 1.0 + odd / odd_parts * (growth - 1.0)
                    at = (at + value * odd / odd_parts * growth / simple) / simple
                    value /= simple
                if amount > 0:
                    lent += value
                    lent_at += at
                else:
                    paid -= value
                    paid_at -= at
            change = log(paid / lent) / (paid_at / paid - lent_at / lent)
            force += min(max(change, -1.0), 1.0)
            if abs(change) < _NEAR:
                break
        return Decimal(exp(force)) if isfinite(force) else _ONE
    except (ArithmeticError, ValueError):
        return _ONE


def _value_and_mean_time(groups: Sequence[_Group], growth: Decimal) -> tuple[Decimal, Decimal]:
    """Return the present value of flows and, weighted by it, the mean time they are away."""
    discount = _ONE / growth
    powers: dict[int, Decimal] = {}
    value = time = _ZERO
    for odd, amounts, moments, gaps in groups:
        present = moment = _ZERO
        for amount, weighted, gap in zip(amounts, moments, gaps, strict=True):
            power = powers.get(gap)
            if power is None:
                power = powers[gap] = discount if gap == 1 else discount**gap
            present = (present + amount) * power
            moment = (moment + weighted) * power
        simple = _ONE + odd * (growth - _ONE)
        value += present / simple
        time += (moment + present * odd * growth / simple) / simple
    return value, time / value
