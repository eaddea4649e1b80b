"""Cases: what people have to look at."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.http.schemas import Body, Currency, MinorUnits, Reason, ResponseBody
from domain.cases.cases import CallResult, CaseKind, CaseOutcome, CaseState, LogEntry, Stage
from domain.cases.strategy import SecondPersonReason
from domain.common.typed_text import Typed
from domain.people.staff import Handle

Callee = Literal["applicant", "employer", "emergency_contact"]
"""Who is called: a role, no name and no number."""

Text = Annotated[Typed, Field(min_length=1, max_length=2000)]


class NextBody(Body):
    """Which queue the next case is to come from; without one any that the caller may work on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queue": "initial"}]})

    queue: str | None = Field(default=None, max_length=64)


class EscalateBody(Body):
    """Why a case is left to somebody senior."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "income abroad"}]})

    reason: Reason


class ReassignBody(EscalateBody):
    """To whom a case is given, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"to": "reviewer-7", "reason": "on leave"}]}
    )

    to: Handle


class NoteBody(Body):
    """A note for colleagues. It is stored encrypted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "the employer moved in March"}]}
    )

    text: Text


class CallBody(Body):
    """What came of a telephone call; `script` is one of the review strategy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"who": "applicant", "script": "identity", "result": "verified"}]
        }
    )

    who: Callee
    script: str = Field(min_length=1, max_length=64)
    result: CallResult
    note: Text | None = None


class CaseResponse(ResponseBody):
    """A case. `subject` is what it is about, of a review the application.

    `due_at` is when its stage is late. `claimed_by` works on it until `claimed_until`.
    `initial_by` decided the initial stage, and approved `approved_amount` there if anything.
    """

    id: str
    kind: CaseKind
    subject: str
    product: str
    channel: str
    currency: Currency
    amount: MinorUnits
    instalments: int
    stage: Stage
    second_reason: SecondPersonReason | None
    queue: str
    skill: str | None
    state: CaseState
    outcome: CaseOutcome | None
    opened_at: datetime
    due_at: datetime
    paused_at: datetime | None
    escalated_at: datetime | None
    assigned_to: str | None
    claimed_by: str | None
    claimed_until: datetime | None
    initial_by: str | None
    approved_amount: int | None
    approved_instalments: int | None
    decided_by: str | None
    reason: str | None
    decided_at: datetime | None


class NextResponse(ResponseBody):
    """The case that the caller holds now, null if there is none for them."""

    case: CaseResponse | None


class LogResponse(ResponseBody):
    """One entry of a worklog."""

    at: datetime
    actor: str
    entry: LogEntry
    detail: dict[str, Any]
    text: str | None


class CaseWithLog(CaseResponse):
    """A case with what was done on it, the oldest entry first."""

    log: list[LogResponse]
