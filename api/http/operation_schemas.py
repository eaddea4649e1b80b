"""What collectors and operators see, what third parties send, and health."""

from datetime import date, datetime
from typing import Literal

from pydantic import ConfigDict

from api.http.schemas import Body, ResponseBody

CallResult = Literal["promised", "refused", "no_answer", "wrong_number", "paid"]
CallNote = Literal["call_back_later", "hardship", "disputes_debt", "asks_for_plan", "language"]


class TaskResponse(ResponseBody):
    """A call to make: the loan was `days_past_due` when the task arose."""

    id: str
    loan_id: str
    step: str
    days_past_due: int
    due_on: date
    created_at: datetime


class TaskResult(Body):
    """What came of the call; `note` is a code, free text would collect personal data."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"result": "promised", "note": "call_back_later"}]}
    )

    result: CallResult
    note: CallNote | None = None


class TaskDone(ResponseBody):
    """A task with its result."""

    id: str
    loan_id: str
    result: CallResult
    handled_by: str


class CallbackReceived(ResponseBody):
    """The callback is kept; `duplicate` when this event came before."""

    event_id: str
    duplicate: bool


class Health(ResponseBody):
    """The process is up."""

    status: Literal["ok"]


class Readiness(ResponseBody):
    """Whether what the API needs can be reached; a `read_only` engine answers and cannot write."""

    status: Literal["ready", "not_ready"]
    database: Literal["ok", "unreachable"]
    engine: Literal["ok", "read_only", "unreachable"]
