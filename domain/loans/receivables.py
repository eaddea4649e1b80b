"""What a borrower owes beside the instalments: money that came back after it was accounted for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Receivable:
    """One sum in minor units, due on a day; it bears neither interest nor penalty."""

    amount: int
    due_on: date
    paid: int = 0
    written_off: int = 0

    @property
    def unpaid(self) -> int:
        """Return what is still owed of it."""
        return self.amount - self.paid - self.written_off


class Receivables:
    """All of a loan, in the order in which they fell due."""

    def __init__(self) -> None:
        self._all: list[Receivable] = []

    def __iter__(self) -> Iterator[Receivable]:
        return iter(self._all)

    @property
    def unpaid(self) -> int:
        """Return everything owed, due or not."""
        return sum(item.unpaid for item in self._all)

    @property
    def written_off(self) -> int:
        """Return what was given up."""
        return sum(item.written_off for item in self._all)

    def add(self, amount: int, due_on: date) -> None:
        """Let another sum be owed."""
        if amount:
            self._all.append(Receivable(amount, due_on))
            self._all.sort(key=lambda item: item.due_on)

    def pay(self, funds: int, on: date) -> int:
        """Pay what is due by a day; return what is left."""
        for item in self._all:
            if item.due_on > on:
                break
            taken = min(funds, item.unpaid)
            item.paid += taken
            funds -= taken
        return funds

    def write_off(self) -> None:
        """Give up what is owed."""
        for item in self._all:
            item.written_off += item.unpaid

    def move(self, on: date, to: date) -> None:
        """Let what is due by a day fall due on another."""
        for item in self._all:
            if item.unpaid and item.due_on <= on:
                item.due_on = to
