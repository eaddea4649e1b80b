"""Loan events as bodies carry them: those of `domain.loans.events`, unknown fields refused."""

from typing import Annotated

from pydantic import Field

from domain.common.kinds import NamesItsKinds
from domain.loans import events as loan_events


class StrictDisbursed(loan_events.Disbursed, extra="forbid"):
    """Principal went out to the borrower: that of the terms, or one of its tranches."""


class StrictPaid(loan_events.Paid, extra="forbid"):
    """Money came in. It covers what is due in the order of the terms' allocation."""


class StrictPaidOff(loan_events.PaidOff, extra="forbid"):
    """Money came in to settle the whole loan early, under a payoff quote of the same day."""


class StrictReversed(loan_events.Reversed, extra="forbid"):
    """An earlier event, named by its key, turned out not to have happened, or was taken back."""


class StrictChargedBack(loan_events.ChargedBack, extra="forbid"):
    """Part of a payment was taken back; what no credit covers is owed again."""


class StrictCharged(loan_events.Charged, extra="forbid"):
    """A fee or a penalty was charged, due with the next instalment or on a day of its own."""


class StrictWaived(loan_events.Waived, extra="forbid"):
    """The lender forwent up to `amount` of a component: of one instalment, or the oldest first."""


class StrictRateChanged(loan_events.RateChanged, extra="forbid"):
    """From that day interest runs at another rate; the instalments ahead are levelled anew."""


class StrictRescheduled(loan_events.Rescheduled, extra="forbid"):
    """What is ahead is replaced by `instalments` new ones from `first_due_on`."""


class StrictHolidayGranted(loan_events.HolidayGranted, extra="forbid"):
    """Nothing is due on the next `count` due dates; `extend` adds as many at the end."""


class StrictDueDayChanged(loan_events.DueDayChanged, extra="forbid"):
    """The next instalment falls due on `first_due_on` and the others follow; the level stays."""


class StrictReAged(loan_events.ReAged, extra="forbid"):
    """What is overdue moved into the instalments ahead: nothing is late."""


class StrictInterestPaused(loan_events.InterestPaused, extra="forbid"):
    """No interest runs from that day up to `until`; instalments keep their level meanwhile."""


class StrictAccelerated(loan_events.Accelerated, extra="forbid"):
    """The lender called the whole loan in: all that is left is due, with interest up to the day."""


class StrictWrittenOff(loan_events.WrittenOff, extra="forbid"):
    """The lender gave the loan up: nothing accrues any more, what was owed stays collectable."""


class StrictChargedOff(loan_events.ChargedOff, extra="forbid"):
    """Income stops and the principal counts as lost, by reason; the debt stays due as it is."""


class StrictChargeOffUndone(loan_events.ChargeOffUndone, extra="forbid"):
    """The lender takes the charge-off that stands back."""


class StrictRecovered(loan_events.Recovered, extra="forbid"):
    """Money came in on a loan that is written off."""


class StrictRefunded(loan_events.Refunded, extra="forbid"):
    """Credit held for the borrower was paid back."""


StrictEvent = Annotated[
    StrictDisbursed
    | StrictPaid
    | StrictPaidOff
    | StrictReversed
    | StrictChargedBack
    | StrictCharged
    | StrictWaived
    | StrictRateChanged
    | StrictRescheduled
    | StrictHolidayGranted
    | StrictDueDayChanged
    | StrictReAged
    | StrictInterestPaused
    | StrictAccelerated
    | StrictWrittenOff
    | StrictChargedOff
    | StrictChargeOffUndone
    | StrictRecovered
    | StrictRefunded,
    NamesItsKinds(),
    Field(discriminator="kind"),
]
"""Any event, told apart by `kind`."""
