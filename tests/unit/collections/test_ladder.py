"""A collections ladder: its hours and days, and what is wrong with one that cannot be climbed."""

from datetime import date, datetime, time
from typing import Any

import pytest

from domain.collections import COLLECTIONS_LADDER, step_instant
from domain.common.zones import zone_of
from tests.definitions import findings, shipped

STANDARD = shipped(COLLECTIONS_LADDER, "standard")


def test_contact_only_between_nine_and_nine_and_later_steps_on_later_days() -> None:
    """The China Banking Association's guideline of 2026 forbids contact from 22:00 to 08:00."""
    assert all(time(9) <= step.hour < time(21) for step in STANDARD.steps)
    assert [step.days_past_due for step in STANDARD.steps] == [1, 4, 8, 15, 31, 61]


def test_a_step_is_taken_at_its_hour_of_the_borrowers_day() -> None:
    at = step_instant(STANDARD.steps[1], date(2026, 2, 15), zone_of("Asia/Shanghai"))
    assert at == datetime.fromisoformat("2026-02-19T02:00:00+00:00")


def draft(**step: Any) -> dict[str, Any]:
    """A ladder of a reminder and a call, the call with other values."""
    call = {"name": "call", "days_past_due": 4, "channel": "call_task", "hour": "10:00:00"}
    reminder = call | {
        "name": "reminder",
        "days_past_due": 1,
        "channel": "sms",
        "template": "collections-reminder",
    }
    return {"steps": [reminder, {**call, **step}]}


@pytest.mark.parametrize(
    ("content", "field", "said", "example"),
    [
        ({"steps": []}, "steps", "at least one step", "a reminder on day 1"),
        (draft(name="reminder"), "steps.1.name", "another step is called", "reminder_again"),
        (draft(name="First call"), "steps.1.name", "small letters", "first_call"),
        (draft(days_past_due=1), "steps.1.days_past_due", "days rise from step to step", "2"),
        (draft(days_past_due=0), "steps.1.days_past_due", "late from day 1 on", "1"),
        (draft(hour="07:59:00"), "steps.1.hour", "before 08:00", "10:00:00"),
        (draft(hour="22:00:00"), "steps.1.hour", "at 22:00 or later", "10:00:00"),
        (draft(channel="fax"), "steps.1.channel", "'sms' or 'call_task'", '"call_task"'),
        (draft(channel="sms"), "steps.1.template", "needs the template", "collections-call"),
        (draft(template="collections-call"), "steps.1.template", "leave it out", ""),
        (
            draft(channel="sms", template="collections-by-fax"),
            "steps.1.template",
            "release it first",
            "collections-call",
        ),
        (draft(days_past_due="4"), "steps.1.days_past_due", "valid integer", "4"),
        (draft(hours="10:00:00"), "steps.1.hours", "not permitted", ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    content: dict[str, Any], field: str, said: str, example: str
) -> None:
    found = findings(COLLECTIONS_LADDER, "standard", content)
    assert [(at, like) for at, message, like in found if said in message] == [(field, example)]


def test_a_ladder_that_can_be_climbed_has_no_findings() -> None:
    assert findings(COLLECTIONS_LADDER, "standard", draft()) == []
    assert findings(COLLECTIONS_LADDER, "standard", draft(hour="21:59:59")) == []
