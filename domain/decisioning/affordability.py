"""What an applicant can afford: income, what is paid elsewhere, and the instalment that still fits.

The share of income that goes into debts (dti) is all monthly instalments, the new one among them,
over the monthly income. The limit of 0.55 is that of article 36 of China's guidelines on the risk
of housing loans (CBRC 2004, no. 57), which lenders use for other credit as well. Whatever is
unknown makes the answer None: it is for a person, and never a pass.
"""

from collections.abc import Callable
from decimal import ROUND_UP, Decimal
from typing import Final

from domain.common.data import Data
from domain.decisioning.provided_facts import Provided

MAX_DTI: Final = Decimal("0.55")
"""The usual highest share of income that goes into debts."""

_PLACES: Final = Decimal("0.0001")


class Affordability(Data):
    """A month of the applicant's, in minor units; None is what is not known.

    `fixed_outgoings` are what the applicant is bound to pay besides debts: rent, utilities,
    insurance.
    """

    income_monthly: int | None = None
    fixed_outgoings: int | None = None
    instalments_elsewhere: int | None = None

    def dti_after(self, instalment: int) -> Decimal | None:
        """Return the share of income that debts take with a new instalment, rounded up to 0.0001.

        None without an income, or where it is not known what is paid elsewhere.
        """
        if not self.income_monthly or self.instalments_elsewhere is None:
            return None
        debts = Decimal(self.instalments_elsewhere + instalment)
        return (debts / self.income_monthly).quantize(_PLACES, ROUND_UP)

    def affordable_instalment(self, max_dti: Decimal = MAX_DTI) -> int | None:
        """Return the greatest new instalment within `max_dti`, 0 if none is, None if unknown.

        It also fits into what is left of the income behind outgoings and instalments.
        """
        if not self.income_monthly or self.instalments_elsewhere is None:
            return None
        within = int(self.income_monthly * max_dti) - self.instalments_elsewhere
        left = self.income_monthly - (self.fixed_outgoings or 0) - self.instalments_elsewhere
        return max(0, min(within, left))


def affordability_of(provided: Provided) -> Affordability:
    """Return what the account and the bureau's report say together.

    Instalments elsewhere are the greater of what the bureau knows of and what the account shows:
    one knows loans that are paid from another account, the other lenders that report to no bureau.
    """
    flows, bureau = provided.bank_flows, provided.bureau_report
    known = [
        paid
        for paid in (
            None if flows is None else flows.loan_instalments,
            None if bureau is None else bureau.monthly_payments,
        )
        if paid is not None
    ]
    return Affordability(
        income_monthly=None if flows is None else flows.income_monthly,
        fixed_outgoings=None if flows is None else flows.fixed_outgoings,
        instalments_elsewhere=max(known, default=None),
    )


def fitting_amount(
    asked: int,
    *,
    least: int,
    step: int,
    affordable: int,
    instalment_of: Callable[[int], int],
) -> int | None:
    """Return the greatest amount up to the one asked whose instalment is affordable.

    Amounts are `least` and whole steps above it, in minor units; None if not even `least` fits.
    `instalment_of` gives the greatest instalment of an amount, and grows with it.
    """
    if asked < least or instalment_of(least) > affordable:
        return None
    low, high = 0, (asked - least) // step
    while low < high:
        middle = (low + high + 1) // 2
        if instalment_of(least + middle * step) <= affordable:
            low = middle
        else:
            high = middle - 1
    return least + low * step
