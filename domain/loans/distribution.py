"""The one place that allocates money: which instalment and component a payment covers."""

from collections.abc import Iterable, Sequence
from datetime import date

from domain.loans.allocation import Allocation, Bucket, Component, Direction, Timing
from domain.loans.instalment_account import Amounts, InstalmentAccount

_DUE_TIMINGS = (Timing.PAST_DUE, Timing.DUE)


class Distribution:
    """Divides money by an allocation's order. Every method returns what is left."""

    def __init__(self, allocation: Allocation) -> None:
        self._buckets = allocation.order
        self._vertical = allocation.direction is Direction.VERTICAL
        self._components = {timing: allocation.components(timing) for timing in Timing}
        self._timings = [t for t in allocation.timings() if t is not Timing.IN_ADVANCE]

    def cover(self, instalments: Sequence[InstalmentAccount], funds: int, on: date) -> int:
        """Cover what is due on a day or was before."""
        if self._vertical:
            due = [bucket for bucket in self._buckets if bucket.timing in _DUE_TIMINGS]
            return _pay_buckets(instalments, due, funds, on)
        if self._timings[0] is Timing.DUE:
            late = [item for item in instalments if item.due_on < on]
            instalments = [*(item for item in instalments if item.due_on == on), *late]
        for item in instalments:
            if not funds or item.due_on > on:
                break
            funds = self.pay_due(item, funds, on)
        return funds

    def pay_due(self, instalment: InstalmentAccount, funds: int, on: date) -> int:
        """Pay one instalment that is due."""
        if instalment.paid_on is not None:
            return funds
        timing = Timing.PAST_DUE if instalment.due_on < on else Timing.DUE
        return _pay(instalment, self._components[timing], funds, on)

    def pay_ahead(
        self, instalments: Sequence[InstalmentAccount], funds: int, on: date, *, from_last: bool
    ) -> int:
        """Pay instalments that are not due yet, from the next or from the last one on."""
        ahead = [item for item in instalments if item.due_on > on]
        if from_last:
            ahead.reverse()
        if self._vertical:
            early = [bucket for bucket in self._buckets if bucket.timing is Timing.IN_ADVANCE]
            return _pay_buckets(ahead, early, funds, on)
        for item in ahead:
            funds = _pay(item, self._components[Timing.IN_ADVANCE], funds, on)
        return funds

    def pay_named(self, instalment: InstalmentAccount, funds: int, on: date) -> int:
        """Pay one instalment, due or not."""
        return _pay(instalment, self._components[_timing(instalment, on)], funds, on)

    def pay_component(
        self, instalments: Sequence[InstalmentAccount], component: Component, funds: int, on: date
    ) -> int:
        """Pay one component of every instalment, due or not."""
        for item in instalments:
            funds = _pay(item, (component,), funds, on)
        return funds

    def waive(self, instalments: Sequence[InstalmentAccount], funds: int, on: date) -> int:
        """Forgo what is due as a payment would cover it, principal apart."""
        due = [item for item in instalments if item.due_on <= on]
        buckets = [item for item in self._buckets if item.component is not Component.PRINCIPAL]
        if not self._vertical:
            for item in due:
                components = self._components[_timing(item, on)]
                income = [one for one in components if one is not Component.PRINCIPAL]
                funds = _cover(item, item.waived, income, funds, on)
            return funds
        for bucket in buckets:
            for item in due:
                if _timing(item, on) is bucket.timing:
                    funds = _cover(item, item.waived, (bucket.component,), funds, on)
        return funds

    def pay_all(self, instalments: Sequence[InstalmentAccount], funds: int, on: date) -> int:
        """Pay everything that is owed."""
        for item in instalments:
            funds = _pay(item, tuple(Component), funds, on)
        return funds


def _timing(instalment: InstalmentAccount, on: date) -> Timing:
    if instalment.due_on > on:
        return Timing.IN_ADVANCE
    return Timing.DUE if instalment.due_on == on else Timing.PAST_DUE


def _pay(
    instalment: InstalmentAccount, components: Iterable[Component], funds: int, on: date
) -> int:
    return _cover(instalment, instalment.paid, components, funds, on)


def _cover(
    instalment: InstalmentAccount,
    into: Amounts,
    components: Iterable[Component],
    funds: int,
    on: date,
) -> int:
    left = funds
    for component in components:
        if not left:
            break
        left -= instalment.cover(into, component, left, on)
    if left != funds:
        instalment.note_paid(on)
    return left


def _pay_buckets(
    instalments: Sequence[InstalmentAccount], buckets: Iterable[Bucket], funds: int, on: date
) -> int:
    for bucket in buckets:
        for item in instalments:
            if not funds:
                return 0
            if _timing(item, on) is bucket.timing:
                funds = _pay(item, (bucket.component,), funds, on)
    return funds
