"""Every workflow that a worker runs.

Apart from the package itself: the sandbox imports a workflow's package anew for each run.
"""

from typing import Final

from workflows.applications.application import CreditApplication
from workflows.collections import Collections
from workflows.credit_analysis.company_credit_analysis import CompanyCreditAnalysis
from workflows.credit_analysis.feedback import AnalysisFeedback
from workflows.lines.drawdown import Drawdown
from workflows.lines.line import CreditLine
from workflows.loans.loan import Loan
from workflows.loans.repayment import Repayment
from workflows.maintenance import Maintenance

WORKFLOWS: Final[tuple[type, ...]] = (
    CreditApplication,
    CreditLine,
    Drawdown,
    Loan,
    Repayment,
    Collections,
    CompanyCreditAnalysis,
    AnalysisFeedback,
    Maintenance,
)
