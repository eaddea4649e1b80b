"""The signature of requests and callbacks, by a value computed with OpenSSL."""

from datetime import UTC, datetime, timedelta

import pytest

from providers.http.signature import SignatureInvalid, sign, verify_signature
from sandbox.signature import fault_of, signature_of

AT = datetime.fromtimestamp(1_700_000_000, UTC)
BODY = b'{"a":1}'
# printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
SECRET = "secret"
MAC = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
HEADER = f"t=1700000000,v1={MAC}"


def code_of(
    header: str | None, body: bytes = BODY, now: datetime = AT, secret: str = SECRET
) -> str:
    with pytest.raises(SignatureInvalid) as caught:
        verify_signature(secret, header, body, now)
    return caught.value.code


def test_the_form_is_what_openssl_computes() -> None:
    assert sign("secret", BODY, AT) == HEADER
    assert signature_of("secret", BODY, AT) == HEADER


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_five_minutes_of_difference_pass(minutes: int) -> None:
    now = AT + timedelta(minutes=minutes)
    verify_signature("secret", HEADER, BODY, now)
    assert fault_of("secret", HEADER, BODY, now) is None


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_or_future_signature_is_stale(seconds: int) -> None:
    now = AT + timedelta(seconds=seconds)
    assert code_of(HEADER, now=now) == "stale"
    assert fault_of("secret", HEADER, BODY, now) == "stale_signature"


def test_body_time_and_secret_are_covered() -> None:
    assert code_of(HEADER, body=b'{"a":2}') == "wrong"
    assert code_of(HEADER, secret="other") == "wrong"
    assert code_of(HEADER.replace("1700000000", "1700000001")) == "wrong"
    for header, body in ((HEADER, b'{"a":2}'), (HEADER.replace("000,", "001,"), BODY)):
        assert fault_of("secret", header, body, AT) == "bad_signature"


@pytest.mark.parametrize("header", [None, ""])
def test_no_signature_is_missing(header: str | None) -> None:
    assert code_of(header) == "missing"


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        MAC,
        f"v1={MAC}",
        f"t=-1,v1={MAC}",
        f"t=1e9,v1={MAC}",
        f"t=١٧,v1={MAC}",
        f"t=1700000000,v1={MAC.upper()}",
        f"t=1700000000,v1={MAC}0",
        f"t=1700000000,v1={MAC},v1={MAC}",
        f"t=1700000000,t=1,v1={MAC}",
        f" {HEADER}",
        f"{HEADER}\n",
        "t=" + "9" * 400 + f",v1={MAC}",
    ],
)
def test_any_other_form_is_refused(header: str) -> None:
    assert code_of(header) == "malformed"
    assert fault_of("secret", header, BODY, AT) == "bad_signature"
