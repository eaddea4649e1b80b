"""The durable processes: they decide what happens next and never do I/O."""

from typing import Final

from workflows.application import CreditApplication
from workflows.collections import Collections
from workflows.drawdown import Drawdown
from workflows.line import CreditLine
from workflows.loan import Loan
from workflows.repayment import Repayment

WORKFLOWS: Final[tuple[type, ...]] = (
    CreditApplication,
    CreditLine,
    Drawdown,
    Loan,
    Repayment,
    Collections,
)
