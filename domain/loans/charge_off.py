"""Charge-off: the debt stays due and is collected, its income stops and its principal is a loss.

It ends when it is undone, or when the borrower cures it by paying in full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.common.errors import InvalidEvent
from domain.loans.events import ChargedOff, ChargeOffReason, ChargeOffUndone
from domain.loans.instalment_account import InstalmentAccount


@dataclass(frozen=True, slots=True)
class ChargeOff:
    """A charge-off that stands; `paid_principal` (minor units) was repaid before it."""

    on: date
    reason: ChargeOffReason
    paid_principal: int


def charge_off_after(
    event: ChargedOff | ChargeOffUndone,
    instalments: Sequence[InstalmentAccount],
    in_force: ChargeOff | None,
    *,
    is_open: bool,
) -> ChargeOff | None:
    """Return the charge-off that stands after an event; None when it is taken back.

    Raises `InvalidEvent` for a loan that owes nothing, is written off or is charged off already,
    and when there is nothing to take back.
    """
    if isinstance(event, ChargeOffUndone):
        if in_force is None:
            raise InvalidEvent(f"the loan is not charged off on {event.on}", field="kind")
        return None
    if in_force is not None:
        raise InvalidEvent(f"the loan is charged off since {in_force.on}", field="kind")
    if not is_open:
        raise InvalidEvent(f"nothing is owed to charge off on {event.on}", field="on")
    paid = sum(item.paid.principal for item in instalments)
    return ChargeOff(event.on, event.reason, paid)


def is_cured(in_force: ChargeOff, *, was_due: bool, is_due: bool, is_open: bool) -> bool:
    """Say whether a payment or a waiver cured a charge-off.

    `was_due` says whether anything was due before it, `is_due` and `is_open` what is due and owed
    after it. A loan given up for its credit risk is cured once nothing is due any more; one that is
    a fraud only when nothing is owed at all.
    """
    if not is_open:
        return True
    return in_force.reason is ChargeOffReason.CREDIT and was_due and not is_due
