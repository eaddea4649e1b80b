"""What is sent by a template, and that nobody is sent anything in quiet hours."""

from datetime import datetime, timedelta

import pytest

from domain.common.zones import zone_of
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.templates import APPLICATION_REMINDER, MESSAGE_TEMPLATE
from tests.definitions import shipped

ZONE = zone_of("Asia/Shanghai")
LIMITS = shipped(CONTACT_LIMITS, HOME_LIMITS)


@pytest.mark.parametrize(
    ("local", "allowed"),
    [
        ("2026-03-01 07:59", "2026-03-01 08:00"),
        ("2026-03-01 08:00", None),
        ("2026-03-01 21:59", None),
        ("2026-03-01 22:00", "2026-03-02 08:00"),
        ("2026-03-01 23:30", "2026-03-02 08:00"),
        ("2026-12-31 22:15", "2027-01-01 08:00"),
    ],
)
def test_nobody_is_messaged_from_ten_in_the_evening_to_eight(
    local: str, allowed: str | None
) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=ZONE)
    end = None if allowed is None else datetime.fromisoformat(allowed).replace(tzinfo=ZONE)
    assert LIMITS.not_before(at, ZONE) == end


@pytest.mark.parametrize("at", ["07:59:45", "21:59:45"])
def test_what_would_reach_into_the_quiet_hours_is_not_begun(at: str) -> None:
    instant = datetime.fromisoformat(f"2026-03-01 {at}").replace(tzinfo=ZONE)
    assert LIMITS.not_before(instant, ZONE, timedelta(seconds=30)) is not None
    assert LIMITS.not_before(instant - timedelta(minutes=1), ZONE, timedelta(seconds=30)) == (
        None if at > "08" else LIMITS.not_before(instant, ZONE)
    )


def test_exactly_the_variables_of_the_template_are_sent() -> None:
    template = shipped(MESSAGE_TEMPLATE, APPLICATION_REMINDER)
    given = {"missing": "2", "application": "ABC123", "amount": "1"}
    assert template.filled(given) == {"missing": "2", "application": "ABC123"}
    with pytest.raises(ValueError, match="application_reminder needs application"):
        template.filled({"missing": "2"})
