"""The activities by name: what each takes and gives, where it runs, how it is retried.

Workflows may not import activities, which hold clients and pools; both sides import these.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from pydantic import BaseModel
from temporalio.common import RetryPolicy

from domain.decisioning.decision import Decision
from messages import (
    applications,
    collections,
    credit_analysis,
    lines,
    loans,
    maintenance,
    payments,
    queues,
    verification,
)

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel | None)

FOREVER = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=20),
)


@dataclass(frozen=True)
class Call(Generic[Input, Result]):
    """One activity.

    `local` calls are short transactions on our own database that run inside the workflow worker and
    cost one history event; the others run on `queue`.
    What an update does first is never local: the update itself is on record only when its task has
    ended, and a task that is lost before may come again with another command in front.
    """

    name: str
    takes: type[Input]
    gives: type[Result]
    queue: str = queues.CORE
    local: bool = False
    timeout: timedelta = timedelta(seconds=30)


Nothing = type(None)

# Liveness is judged and the face compared on a machine of our own that may be busy: two calls of 35
# seconds each, and the waits for a turn and a connection. Should they take all that time, a second
# comparison is left to the repeat: their answers are on record by then, and all it has to do is to
# fetch the registry's photo (8 seconds) and compare with it.
VERIFY_ELEMENT = Call(
    "verify_element",
    verification.VerifyElement,
    verification.ElementOutcome,
    queues.PROVIDERS,
    timeout=timedelta(seconds=90),
)
VERIFY_ELEMENTS = Call(
    "verify_elements",
    verification.VerifyElements,
    verification.VerifiedElements,
    queues.PROVIDERS,
)
START_DATA_IMPORT = Call(
    "start_data_import",
    verification.StartDataImport,
    verification.DataImportProgress,
    queues.PROVIDERS,
)
CONFIRM_DATA_IMPORT = Call(
    "confirm_data_import",
    verification.ConfirmDataImport,
    verification.DataImportProgress,
    queues.PROVIDERS,
)
POLL_DATA_IMPORT = Call(
    "poll_data_import",
    verification.PollDataImport,
    verification.DataImportProgress,
    queues.PROVIDERS,
)
END_DATA_IMPORT = Call(
    "end_data_import", verification.EndDataImport, verification.DataImportProgress, local=True
)
REUSE_ELEMENTS = Call(
    "reuse_elements", verification.ReuseElements, verification.ReusedElements, local=True
)
REMIND_APPLICANT = Call(
    "remind_applicant",
    verification.RemindApplicant,
    verification.ApplicantReminded,
    queues.PROVIDERS,
)
ASSESS_APPLICATION = Call(
    "assess_application",
    applications.AssessApplication,
    Decision,
    queues.PROVIDERS,
)
RECORD_STATE = Call("record_state", applications.RecordState, applications.RecordedState)
RECORD_DECISION = Call("record_decision", applications.RecordDecision, Nothing, local=True)
RECORD_REVIEW = Call("record_review", applications.RecordReview, applications.RecordedReview)
ESCALATE_REVIEW = Call("escalate_review", applications.EscalateReview, applications.ReviewDue)
RECORD_SUPPLEMENT = Call("record_supplement", verification.RecordSupplement, Nothing)
RESUME_REVIEW = Call("resume_review", verification.ResumeReview, Nothing)
OPEN_LINE = Call("open_line", applications.OpenLine, Nothing)

RESERVE_DRAWDOWN = Call("reserve_drawdown", lines.ReserveDrawdown, lines.DrawReceipt)
CLOSE_LINE = Call("close_line", lines.CloseLine, Nothing, local=True)

SIGN_CONTRACT = Call("sign_contract", lines.SignContract, lines.SignedContract, queues.PROVIDERS)
DISBURSE = Call("disburse", lines.Disburse, payments.TransferOutcome, queues.PROVIDERS)
QUERY_TRANSFER = Call(
    "query_transfer", payments.QueryTransfer, payments.TransferOutcome, queues.PROVIDERS
)
BOOK_LOAN = Call("book_loan", lines.BookLoan, lines.BookedLoan, local=True)
FAIL_DRAWDOWN = Call("fail_drawdown", lines.FailDrawdown, Nothing, local=True)

COLLECT_INSTALMENT = Call(
    "collect_instalment", loans.CollectInstalment, loans.CollectOutcome, queues.PROVIDERS
)
REQUEST_REPAYMENT = Call("request_repayment", loans.RequestRepayment, Nothing)
APPLY_REPAYMENT = Call("apply_repayment", loans.ApplyRepayment, loans.AppliedRepayment, local=True)
POST_TRANSACTION = Call("post_transaction", loans.PostTransaction, Nothing)
RECORD_DELINQUENCY = Call("record_delinquency", loans.RecordDelinquency, Nothing, local=True)

DEBIT_REPAYMENT = Call(
    "debit_repayment", loans.DebitRepayment, payments.TransferOutcome, queues.PROVIDERS
)
FAIL_REPAYMENT = Call("fail_repayment", loans.FailRepayment, Nothing, local=True)

TAKE_STEP = Call(
    "take_collections_step", collections.TakeStep, collections.StepTaken, queues.PROVIDERS
)
CLOSE_EPISODE = Call("close_collections_episode", collections.CloseEpisode, Nothing, local=True)

CHECK_PARTY = Call(
    "check_party", credit_analysis.CheckParty, credit_analysis.CheckedParty, queues.PROVIDERS
)
REQUEST_ASSESSMENT = Call(
    "request_assessment",
    credit_analysis.RequestAssessment,
    credit_analysis.AssessmentStatus,
    queues.PROVIDERS,
)
QUERY_ASSESSMENT = Call(
    "query_assessment",
    credit_analysis.RequestAssessment,
    credit_analysis.AssessmentStatus,
    queues.PROVIDERS,
)
ASSESS_ANALYSIS = Call(
    "assess_analysis", credit_analysis.AssessAnalysis, credit_analysis.AssessedAnalysis
)
RECORD_ANALYSIS = Call("record_analysis", credit_analysis.RecordAnalysis, Nothing)
RECORD_ANALYSIS_REVIEW = Call(
    "record_analysis_review", credit_analysis.RecordAnalysisReview, Nothing
)
DELIVER_NOTICE = Call(
    "deliver_notice",
    credit_analysis.DeliverNotice,
    credit_analysis.NoticeDelivery,
    queues.PROVIDERS,
)
INVITE_SIGNER = Call(
    "invite_signer", credit_analysis.InviteSigner, credit_analysis.SignerInvited, queues.PROVIDERS
)
COUNT_SIGNATURES = Call(
    "count_signatures",
    credit_analysis.AboutAnalysis,
    credit_analysis.SignaturesCounted,
    local=True,
)
PICK_REPORT = Call(
    "pick_report", credit_analysis.AboutAnalysis, credit_analysis.PickedReport, local=True
)
RELAY_REPORT = Call(
    "relay_report", credit_analysis.RelayReport, credit_analysis.RelayedReport, queues.PROVIDERS
)
GIVE_UP_REPORT = Call("give_up_report", credit_analysis.RelayReport, Nothing, local=True)

SUM_LEDGER = Call("sum_ledger", maintenance.Maintain, maintenance.Maintained, local=True)
PRUNE_RECORDS = Call("prune_records", maintenance.Maintain, maintenance.Maintained)
ACCRUE_INCOME = Call("accrue_income", maintenance.Maintain, maintenance.Maintained)
MOVE_DUE_DATES = Call("move_due_dates", maintenance.Maintain, maintenance.Maintained)
START_MISSING = Call("start_missing", maintenance.Maintain, maintenance.Maintained)
LEVEL_CUSTOMERS = Call("level_customers", maintenance.Maintain, maintenance.Maintained)
GRANT_PREAPPROVALS = Call("grant_preapprovals", maintenance.Maintain, maintenance.Maintained)
