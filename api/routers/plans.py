"""Trials of loan terms: nothing is stored, nothing is looked up."""

from api.auth import Caller
from api.gate import COMMAND_PROBLEMS, gated_router
from api.schemas.plan import PlanTrial, TrialAnswer
from domain.trial import trial

router = gated_router("/plans", "plans")


@router.post("/preview", responses=COMMAND_PROBLEMS, summary="Try loan terms")
def preview(body: PlanTrial, caller: Caller) -> TrialAnswer:
    """Return what terms lead to: rows, totals, rates, costs, and where the loan stands on a day.

    Each row has the arithmetic behind its interest. With `lender_kind` the rates are compared with
    the caps of such a lender; with `as_of` the loan is shown on that day, after `events`.
    """
    return TrialAnswer.of(trial(body.terms, body.events, body.as_of, body.lender_kind))
