"""What is sent by a template, and that nobody is sent anything in quiet hours."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.common.zones import zone_of
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.events import (
    LANGUAGES,
    NOTICES,
    VARIABLES,
    FieldType,
    MessageChannel,
    MessagePurpose,
)
from domain.messaging.rendering import sms_parts, write
from domain.messaging.templates import APPLICATION_REMINDER, MESSAGE_TEMPLATE
from tests.definitions import shipped

_OF_TYPE: dict[FieldType, Any] = {
    FieldType.MONEY: {"amount": 94_560, "currency": "CNY"},
    FieldType.DAY: "2026-03-01",
    FieldType.INSTANT: "2026-03-01T08:00:00+00:00",
    FieldType.NUMBER: 3,
    FieldType.REFERENCE: "ABC123",
    FieldType.REASON: "age",
}
SAID = {
    purpose: {name: _OF_TYPE[kind] for name, kind in VARIABLES[purpose].items()}
    for purpose in NOTICES
}
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


@pytest.mark.parametrize("purpose", NOTICES)
def test_every_message_is_written_in_each_channel_and_language(purpose: MessagePurpose) -> None:
    """W13's table: event x channel x language, each with every value in it."""
    template = shipped(MESSAGE_TEMPLATE, purpose)
    assert template.purpose is purpose
    for channel in template.channels:
        for language in LANGUAGES[purpose]:
            rendered = template.render(channel, language, SAID[purpose])
            assert rendered.language == language
            for value in rendered.variables.values():
                assert value in rendered.text
            assert "{" not in rendered.text
            assert bool(rendered.title) is (channel is not MessageChannel.SMS)


@pytest.mark.parametrize(
    ("kind", "value", "zh", "en", "pt"),
    [
        (
            FieldType.MONEY,
            {"amount": 123_456_789, "currency": "CNY"},
            "1,234,567.89元",
            "CNY 1,234,567.89",
            "CNY 1.234.567,89",
        ),
        (
            FieldType.MONEY,
            {"amount": 123_456, "currency": "BRL"},
            "BRL 1,234.56",
            "BRL 1,234.56",
            "R$ 1.234,56",
        ),
        (FieldType.DAY, "2026-03-01", "2026年3月1日", "1 March 2026", "01/03/2026"),
        (FieldType.DAY, None, "随时", "any time", "qualquer data"),
        # 16:30 UTC is half past midnight of the next day in Shanghai.
        (
            FieldType.INSTANT,
            "2026-02-28T16:30:00+00:00",
            "2026年3月1日 00:30",
            "1 March 2026 00:30",
            "01/03/2026 00:30",
        ),
    ],
)
def test_values_are_written_as_the_language_writes_them(
    kind: FieldType, value: object, zh: str, en: str, pt: str
) -> None:
    assert [write(kind, value, language) for language in ("zh", "en", "pt")] == [zh, en, pt]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("您" * 70, 1),
        ("您" * 71, 2),
        ("您" * 134, 2),
        ("您" * 135, 3),
        ("a" * 70 + "ã", 2),
        ("😀" * 36, 2),
    ],
)
def test_sms_are_counted_as_networks_count_them(text: str, parts: int) -> None:
    """3GPP TS 23.038 and 23.040: 160 or 153 letters of the GSM alphabet, else 70 or 67."""
    assert sms_parts(text) == parts
