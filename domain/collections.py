"""The collections ladder: what is done to an overdue loan, on which day past due, at what hour.

Contact is allowed from 09:00 to 21:00 local time by default, inside the 08:00 to 22:00 that the
2026 guideline of the banking association permits (domain facts, section 7).
"""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from domain.common.calendar import instant_at
from domain.common.errors import DomainError


class ContactChannel(StrEnum):
    """How a borrower is reached."""

    SMS = "sms"
    CALL_TASK = "call_task"


class TaskClosed(DomainError):
    """A call has its result, by somebody else or another one, or is not to be made any more."""

    code = "task_closed"


class LadderStep(BaseModel):
    """One step: on `days_past_due`, at `hour` local time."""

    model_config = ConfigDict(frozen=True)

    name: str
    days_past_due: int
    channel: ContactChannel
    hour: time


LADDER: tuple[LadderStep, ...] = (
    LadderStep(name="reminder", days_past_due=1, channel=ContactChannel.SMS, hour=time(10)),
    LadderStep(name="first_call", days_past_due=4, channel=ContactChannel.CALL_TASK, hour=time(10)),
    LadderStep(name="second_notice", days_past_due=8, channel=ContactChannel.SMS, hour=time(10)),
    LadderStep(
        name="second_call", days_past_due=15, channel=ContactChannel.CALL_TASK, hour=time(10)
    ),
    LadderStep(name="final_notice", days_past_due=31, channel=ContactChannel.SMS, hour=time(10)),
    LadderStep(
        name="final_call", days_past_due=61, channel=ContactChannel.CALL_TASK, hour=time(10)
    ),
)


def step_instant(step: LadderStep, oldest_due_on: date, zone: ZoneInfo) -> datetime:
    """Return when `step` is taken for a loan whose oldest unpaid instalment fell due then (UTC)."""
    return instant_at(oldest_due_on + timedelta(days=step.days_past_due), step.hour, zone)
