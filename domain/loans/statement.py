"""The statement of account: what a borrower owed, what moved it, and what they owe now."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.common.data import Data
from domain.common.errors import FieldError
from domain.loans.events import AnyEvent, Charged, ChargedBack, LoanEvent, Reversed
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms

MAX_DAYS: Final = 366
"""The longest period of one statement."""


class InvalidPeriod(FieldError):
    """A period that no statement can be made of; `field` names what to change."""


class MovementKind(StrEnum):
    """What moved the balance."""

    DISBURSED = "disbursed"
    DEDUCTED = "deducted"
    INTEREST = "interest"
    FEE = "fee"
    PENALTY = "penalty"
    PAYMENT = "payment"
    WAIVED = "waived"
    REFUND = "refund"


class Movement(Data):
    """One line: `amount` (minor units) is owed more from the day `on`, or less if negative.

    `text` says why in words, `event` is the key of the record that it goes back to; what falls due
    by the plan or accrues has none. `balance` is what is owed after it.
    """

    on: date
    kind: MovementKind
    text: str
    amount: int
    balance: int
    event: str | None


class Statement(Data):
    """A loan's account from the beginning of a day to the end of another; minor units.

    A balance is the principal outstanding, and interest, fees and penalty that can be claimed, less
    the credit held: negative when the lender owes the borrower. Interest of a running period is not
    in it before its due date. A debt that the lender wrote off is owed still. `opening` and the
    movements add up to `closing`.
    """

    currency: str
    begins: date
    ends: date
    opening: int
    movements: tuple[Movement, ...]
    closing: int


def statement(
    terms: LoanTerms, events: Iterable[LoanEvent], begins: date, ends: date, today: date
) -> Statement:
    """Return the statement of a period by all that is known of it today.

    A payment that was recorded late stands on its value date. Raises `InvalidPeriod` for a period
    that is empty, ahead or longer than `MAX_DAYS`.
    """
    _refuse_nonsense(begins, ends, today)
    known = sorted(events, key=lambda event: event.on)
    before = [event for event in known if event.on < begins]
    within = [event for event in known if begins <= event.on <= ends]
    start = position(terms, before, begins - timedelta(days=1))
    movements: list[Movement] = []
    balance = opening = owed(start)
    for stands, event in _steps(terms, before, within, begins, ends):
        for movement in _between(start, stands, event, balance):
            movements.append(movement)
            balance = movement.balance
        start = stands
    return Statement(
        currency=terms.currency,
        begins=begins,
        ends=ends,
        opening=opening,
        movements=tuple(movements),
        closing=balance,
    )


def owed(stands: Position) -> int:
    """Return the balance of a loan's account (see `Statement`)."""
    return sum(_parts(stands).values())


def _parts(stands: Position) -> dict[MovementKind, int]:
    """Return what the balance is the sum of."""
    return {
        MovementKind.DISBURSED: stands.disbursed,
        MovementKind.INTEREST: stands.billed.interest,
        MovementKind.FEE: stands.billed.fee,
        MovementKind.PENALTY: stands.billed.penalty,
        MovementKind.DEDUCTED: -stands.deducted,
        MovementKind.PAYMENT: stands.deducted - stands.received - stands.recovered,
        MovementKind.WAIVED: -stands.principal_waived,
        MovementKind.REFUND: stands.refunded,
    }


def _steps(
    terms: LoanTerms,
    before: Sequence[LoanEvent],
    within: Sequence[LoanEvent],
    begins: date,
    ends: date,
) -> Iterator[tuple[Position, AnyEvent | None]]:
    """Yield where the loan stands on each day on which something happens, and after each event."""
    final = position(terms, (*before, *within), ends)
    due = {row.due_on for row in final.instalments if begins <= row.due_on <= ends}
    known = list(before)
    for day in sorted({*due, *(event.on for event in within), ends}):
        yield position(terms, known, day), None
        for event in within:
            if event.on == day:
                known.append(event)
                yield position(terms, known, day), event


def _between(
    before: Position, after: Position, event: AnyEvent | None, balance: int
) -> Iterator[Movement]:
    was, now = _parts(before), _parts(after)
    for kind, value in now.items():
        amount = value - was[kind]
        if not amount:
            continue
        balance += amount
        yield Movement(
            on=after.as_of,
            kind=kind,
            text=_text(kind, amount, event),
            amount=amount,
            balance=balance,
            event=None if event is None else event.key,
        )


def _text(kind: MovementKind, amount: int, event: AnyEvent | None) -> str:
    if isinstance(event, Reversed | ChargedBack):
        return f"{_TEXTS[kind]}, taken back"
    if isinstance(event, Charged) and event.name:
        return event.name
    if kind in _CLAIMS and amount < 0:
        return f"{_TEXTS[kind]}, forgone"
    return _TEXTS[kind]


_CLAIMS: Final = frozenset({MovementKind.INTEREST, MovementKind.FEE, MovementKind.PENALTY})
_TEXTS: Final = {
    MovementKind.DISBURSED: "Paid out",
    MovementKind.DEDUCTED: "Fees kept back",
    MovementKind.INTEREST: "Interest",
    MovementKind.FEE: "Fees",
    MovementKind.PENALTY: "Penalty",
    MovementKind.PAYMENT: "Payment",
    MovementKind.WAIVED: "Principal forgone",
    MovementKind.REFUND: "Credit paid back",
}


def _refuse_nonsense(begins: date, ends: date, today: date) -> None:
    if ends > today:
        raise InvalidPeriod(f"to: {ends} is ahead; today is {today}", field="to")
    if begins > ends:
        raise InvalidPeriod(f"from: {begins} is after {ends}", field="from")
    if (ends - begins).days >= MAX_DAYS:
        earliest = ends - timedelta(days=MAX_DAYS - 1)
        raise InvalidPeriod(
            f"from: a statement covers {MAX_DAYS} days at most: not before {earliest}",
            field="from",
        )
