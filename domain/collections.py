"""The collections ladder: what is done to an overdue loan, on which day past due, at what hour."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.common.calendar import instant_at
from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.errors import DomainError
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS, ContactLimits
from domain.messaging.templates import MESSAGE_TEMPLATE

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


class ContactChannel(StrEnum):
    """How a borrower is reached."""

    SMS = "sms"
    CALL_TASK = "call_task"


class TaskClosed(DomainError):
    """A call has its result, by somebody else or another one, or is not to be made any more."""


class LadderStep(Content):
    """One step: on `days_past_due`, at `hour` local time.

    `name` is unique on the ladder and never used again for another step; `template` is the code of
    the message template that is sent, none where a person calls.
    """

    name: str
    days_past_due: int = Field(strict=True)
    channel: ContactChannel
    hour: time
    template: str | None = None


class CollectionsLadder(Content):
    """The steps of one overdue episode, in their order."""

    steps: tuple[LadderStep, ...]


def step_instant(step: LadderStep, oldest_due_on: date, zone: ZoneInfo) -> datetime:
    """Return when `step` is taken for a loan whose oldest unpaid instalment fell due then (UTC)."""
    return instant_at(oldest_due_on + timedelta(days=step.days_past_due), step.hour, zone)


def _check(ladder: CollectionsLadder, others: InForce) -> Iterator[Finding]:
    if not ladder.steps:
        yield Finding("steps", "a ladder has at least one step", "a reminder on day 1")
    names: set[str] = set()
    for index, step in enumerate(ladder.steps):
        yield from _check_step(step, f"steps.{index}", others)
        if step.name in names:
            message = f"another step is called {step.name!r}"
            yield Finding(f"steps.{index}.name", message, f"{step.name}_again")
        names.add(step.name)
    for index, (before, after) in enumerate(pairwise(ladder.steps), start=1):
        if after.days_past_due <= before.days_past_due:
            message = f"days rise from step to step; the last one is on day {before.days_past_due}"
            yield Finding(f"steps.{index}.days_past_due", message, str(before.days_past_due + 1))


def _check_step(step: LadderStep, field: str, others: InForce) -> Iterator[Finding]:
    if _NAME.fullmatch(step.name) is None:
        message = "a name has small letters, digits and underscores, 40 at most"
        yield Finding(f"{field}.name", message, "first_call")
    if step.days_past_due < 1:
        yield Finding(f"{field}.days_past_due", "a loan is late from day 1 on", "1")
    limits = others.find(CONTACT_LIMITS.name, HOME_LIMITS)
    if isinstance(limits, ContactLimits) and not limits.allow(step.hour):
        message = (
            f"nobody is contacted before {limits.quiet_until:%H:%M}, nor at"
            f" {limits.quiet_from:%H:%M} or later, local time"
        )
        yield Finding(f"{field}.hour", message, "10:00:00")
    if step.channel is ContactChannel.SMS and not step.template:
        message = "a message needs the template that is sent"
        yield Finding(f"{field}.template", message, f"collections-{step.name}")
    elif (
        step.channel is ContactChannel.SMS
        and step.template
        and others.find(MESSAGE_TEMPLATE.name, step.template) is None
    ):
        message = f"there is no {MESSAGE_TEMPLATE.name} {step.template!r}: release it first"
        yield Finding(f"{field}.template", message, f"collections-{step.name}")
    if step.channel is ContactChannel.CALL_TASK and step.template is not None:
        yield Finding(f"{field}.template", "a call sends no template: leave it out")


COLLECTIONS_LADDER: Final = Kind("collections_ladder", CollectionsLadder, _check)
