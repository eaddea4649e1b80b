"""Charges that fall due on a day of their own, beside the instalments."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from domain.loans.allocation import Component
from domain.loans.amortisation import Row
from domain.loans.due_dates import Period
from domain.loans.instalment_account import InstalmentAccount
from domain.loans.terms import LoanTerms

FIRST_NUMBER: Final = 10_001
"""Charges are numbered from here on, beyond every instalment."""


class Charges:
    """The charges of one loan, each an account like that of an instalment."""

    def __init__(self, terms: LoanTerms) -> None:
        self._terms = terms
        self._all: list[InstalmentAccount] = []

    def add(self, component: Component, amount: int, due_on: date) -> None:
        """Let another charge be owed."""
        number = FIRST_NUMBER + len(self._all)
        period = Period(number, due_on, due_on, due_on, (0, 1))
        charge = InstalmentAccount(self._terms, Row(period, 0, 0, 0, ()))
        charge.charge(component, amount)
        self._all.append(charge)

    def among(self, instalments: Sequence[InstalmentAccount]) -> Sequence[InstalmentAccount]:
        """Return instalments and charges by due date, an instalment before a charge."""
        if not self._all:
            return instalments
        return sorted((*instalments, *self._all), key=lambda item: item.due_on)

    def call_in(self, on: date) -> None:
        """Let those that are due later fall due on a day."""
        for item in self._all:
            if item.due_on > on:
                period = replace(item.row.period, due_on=on, start=on, end=on)
                item.rebind(replace(item.row, period=period))


def is_charge(number: int) -> bool:
    """Say whether a number is that of a charge, not of an instalment."""
    return number >= FIRST_NUMBER
