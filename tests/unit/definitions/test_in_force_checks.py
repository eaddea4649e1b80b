"""What is refused of drafts of the kinds that are in force: at which field, and what is right."""

from typing import Any

import pytest

from domain.common.definitions import Kind
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.templates import APPLICATION_REMINDER, MESSAGE_TEMPLATE, SIGNER_INVITATION
from domain.people.consents import CONSENT_TEXT, Purpose
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from domain.sources import SOURCE
from services.definitions.shipped import Files
from tests.definitions import changed, codes, findings, in_force_at, shipped

FACE = Purpose.FACE_RECOGNITION


KINDS = (CONSENT_TEXT, CONTACT_LIMITS, MESSAGE_TEMPLATE, RATE_CAPS, SOURCE)
REMINDER = APPLICATION_REMINDER
OFFERED = "missing, application"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_shipped_is_in_order(kind: Kind[Any]) -> None:
    assert codes(kind)
    for code in codes(kind):
        assert findings(kind, code, shipped(kind, code).model_dump(mode="json")) == []


@pytest.mark.parametrize(
    ("path", "value", "field", "said"),
    [
        ("rules", [], "rules", "at least 1 item"),
        ("rules.0.value", "0", "rules.0.value", "greater than 0"),
        ("rules.0.value", ..., "rules.0.value", "required"),
        ("rules.0.lender_kind", "PAWNSHOP", "rules.0.lender_kind", "'BANK', 'TRUST'"),
        ("rules.0.enforcement", "soft", "rules.0.enforcement", "'hard' or 'warn'"),
        ("rules.0.source", "", "rules.0.source", "at least 1 character"),
        ("rules.0.ceiling", "24", "rules.0.ceiling", "not permitted"),
        ("rules.0.until", "2017-08-04", "rules.0.until", "ends after it begins"),
        ("rules.1.since", "2025-10-02", "rules.1.since", "no rule of BANK holds from 2025-10-01"),
        ("rules.8.since", "2019-08-19", "rules.8.times_lpr", "no loan prime rate is known"),
        ("loan_prime_rates.1.since", "2019-08-20", "loan_prime_rates.1.since", "each day once"),
        ("loan_prime_rates.1.percent", "-1", "loan_prime_rates.1.percent", "greater than 0"),
    ],
)
def test_a_table_of_caps_is_refused(path: str, value: object, field: str, said: str) -> None:
    found = findings(RATE_CAPS, HOME_CAPS, changed(RATE_CAPS, HOME_CAPS, path, value))
    assert (field, True) in [(where, said in why) for where, why, _ in found], found


@pytest.mark.parametrize(
    ("path", "value", "field", "said"),
    [
        ("text", "short", "text", "at least 40 characters"),
        ("text", "  I agree that these words begin and end with blanks.  ", "text", "with a word"),
        ("text", "I agree to other words under the same version.", "version", "change it"),
        ("version", "two words", "version", "match pattern"),
        ("purpose", "bureau_query", "purpose", "not the code"),
        ("purpose", "everything", "purpose", "'face_recognition'"),
        ("language", "en", "language", "not permitted"),
    ],
)
def test_a_consent_text_is_refused(path: str, value: object, field: str, said: str) -> None:
    found = findings(CONSENT_TEXT, FACE, changed(CONSENT_TEXT, FACE, path, value))
    assert (field, True) in [(where, said in why) for where, why, _ in found], found


def test_other_words_under_another_version_may_be_released() -> None:
    draft = changed(CONSENT_TEXT, FACE, "text", "I agree to other words under another version.")
    assert findings(CONSENT_TEXT, FACE, draft | {"version": "2"}) == []
    assert findings(CONSENT_TEXT, FACE, draft)[0][2] == "1.1"


def test_there_is_a_text_for_every_purpose() -> None:
    assert codes(CONSENT_TEXT) == sorted(Purpose)


@pytest.mark.parametrize(
    ("code", "path", "value", "field", "said", "example"),
    [
        ("real_name", "costs", 1, "costs", "not permitted", ""),
        ("real_name", "cost", -1, "cost", "greater than or equal to 0", ""),
        ("real_name", "cost", 1.5, "cost", "valid integer", ""),
        ("real_name", "currency", "yuan", "currency", "match pattern", ""),
        ("real_name", "capability", "guessing", "capability", "'real_name', 'operator'", ""),
        ("real_name", "capability", ..., "capability", "required", ""),
        ("real_name", "capability", "bureau", "capability", "keeps its capability", "real_name"),
        ("real_name", "consent", "whatever", "consent", "'face_recognition'", ""),
        ("real_name", "zone", "Mars/Olympus", "zone", "names are like Asia/Shanghai", ""),
        ("real_name", "calls_per_second", 0, "calls_per_second", "greater than or equal", ""),
        ("real_name", "calls_per_second", "nan", "calls_per_second", "finite", ""),
        ("real_name", "daily_quota", -1, "daily_quota", "greater than or equal to 0", ""),
        ("real_name", "order", 0, "order", "greater than or equal to 1", ""),
        ("real_name", "name", "another", "name", "not the code", "real_name"),
        ("real_name", "name", "../bureau", "name", "match pattern", ""),
        ("bureau", "consent", None, "consent", "under a consent only", "bureau_query"),
    ],
)
def test_a_source_is_refused(
    code: str, path: str, value: object, field: str, said: str, example: str
) -> None:
    found = findings(SOURCE, code, changed(SOURCE, code, path, value))
    # What the model refuses comes with what is in force at the field.
    told = example or in_force_at(SOURCE, code, field)
    assert (field, True, told) in [(one[0], said in one[1], one[2]) for one in found], found


def test_a_second_source_needs_a_client_and_a_text_to_consent_to() -> None:
    second = {"name": "other", "capability": "credit_analysis"}
    assert findings(SOURCE, "other", second) == [
        ("name", "only qitech can be asked for credit_analysis", "qitech")
    ]
    names_plus = {"name": "names_plus", "capability": "real_name", "order": 1}
    assert findings(SOURCE, "names_plus", names_plus) == []
    with_consent = names_plus | {"consent": "identity_verification"}
    assert findings(SOURCE, "names_plus", with_consent) == []
    (finding,) = SOURCE.findings(with_consent, Files({}), "names_plus")
    assert (finding.field, "no text" in finding.message) == ("consent", True)
    assert finding.example == "release consent_text/identity_verification first"


def test_a_source_that_is_off_may_lack_what_it_would_need() -> None:
    draft = changed(SOURCE, "bureau", "consent", None)
    assert findings(SOURCE, "bureau", draft | {"enabled": False}) == []


@pytest.mark.parametrize(
    ("code", "path", "value", "field", "said", "example"),
    [
        (REMINDER, "purpose", "greeting", "purpose", "'application_reminder'", ""),
        (REMINDER, "channels.0", "pigeon", "channels.0", "'sms'", ""),
        (REMINDER, "sms.provider_template", "A b", "sms.provider_template", "match", ""),
        (REMINDER, "sms.texts", {}, "sms.texts", "at least 1 item", ""),
        (REMINDER, "sms.texts.zh", ..., "sms.texts", "not written in zh", 'zh = "..."'),
        (
            REMINDER,
            "sms.texts.en",
            "{missing} {application} " + "x" * 460,
            "sms.texts.en",
            "takes 4 SMS",
            "a shorter text",
        ),
        (
            REMINDER,
            "variables.0",
            ...,
            "sms.texts.en",
            "{missing}, which",
            '"missing"',
        ),
        (
            REMINDER,
            "sms.texts.en",
            "It waits: {missing}.",
            "sms.texts.en",
            "application",
            "{application}",
        ),
        (
            REMINDER,
            "sms.texts.en",
            "It waits: {missing",
            "sms.texts.en",
            "in braces",
            "{contract}",
        ),
        (
            REMINDER,
            "variables.0",
            "amount",
            "variables.0",
            "cannot say amount",
            OFFERED,
        ),
        (SIGNER_INVITATION, "variables.0", ..., "variables", "for nothing without link", "link"),
    ],
)
def test_a_message_template_is_refused(
    code: str, path: str, value: object, field: str, said: str, example: str
) -> None:
    found = findings(MESSAGE_TEMPLATE, code, changed(MESSAGE_TEMPLATE, code, path, value))
    # What the model refuses comes with what is in force at the field.
    told = example or in_force_at(MESSAGE_TEMPLATE, code, field)
    assert (field, True, told) in [(one[0], said in one[1], one[2]) for one in found], found


@pytest.mark.parametrize(
    ("path", "value", "field", "said"),
    [
        ("quiet_from", "07:00:00", "quiet_from", "begin in the evening"),
        ("quiet_from", "22:00:00+08:00", "quiet_from", "without a zone"),
        ("quiet_until", "half past", "quiet_until", "invalid"),
        ("quiet_until", ..., "quiet_until", "required"),
        ("dial_attempts", 6, "dial_attempts", "not permitted"),
    ],
)
def test_limits_on_contact_are_refused(path: str, value: object, field: str, said: str) -> None:
    draft = changed(CONTACT_LIMITS, HOME_LIMITS, path, value)
    found = findings(CONTACT_LIMITS, HOME_LIMITS, draft)
    assert (field, True) in [(where, said in why) for where, why, _ in found], found
