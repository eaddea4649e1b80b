"""Every workflow that a worker runs.

Apart from the package itself: the sandbox imports a workflow's package anew for each run.
"""

from typing import Final

from workflows.analysis_feedback import AnalysisFeedback
from workflows.application import CreditApplication
from workflows.collections import Collections
from workflows.company_credit_analysis import CompanyCreditAnalysis
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
    CompanyCreditAnalysis,
    AnalysisFeedback,
)
