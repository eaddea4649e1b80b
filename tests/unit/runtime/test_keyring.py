import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from runtime.keyring import BlindIndex, InvalidKeysError, Keyring, Tampered, UnknownKey

KEY = bytes(range(32))
OTHER = bytes(range(32, 64))
AAD = b"applicant.identity_number:per_1"


def setting(**keys: bytes) -> str:
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())


@given(plaintext=st.binary(max_size=300), aad=st.binary(max_size=60))
def test_what_was_sealed_opens(plaintext: bytes, aad: bytes) -> None:
    ring = Keyring.parse(setting(k1=KEY))
    assert ring.decrypt(ring.encrypt(plaintext, aad), aad) == plaintext


def test_the_form_is_the_documented_one() -> None:
    sealed = Keyring.parse(setting(k1=KEY)).encrypt(b"zhang", AAD)
    header, nonce, ciphertext = sealed[:4], sealed[4:16], sealed[16:]
    assert header == b"\x01\x02k1"
    assert AESGCM(KEY).decrypt(nonce, ciphertext, header + AAD) == b"zhang"


def test_the_same_text_is_sealed_differently_each_time() -> None:
    ring = Keyring.parse(setting(k1=KEY))
    assert ring.encrypt(b"x", AAD) != ring.encrypt(b"x", AAD)


def test_first_key_seals_and_old_ones_still_open() -> None:
    old = Keyring.parse(setting(k1=KEY))
    new = Keyring.parse(setting(k2=OTHER, k1=KEY))
    assert new.decrypt(old.encrypt(b"x", AAD), AAD) == b"x"
    with pytest.raises(UnknownKey, match="k2"):
        old.decrypt(new.encrypt(b"x", AAD), AAD)


def test_another_key_under_the_same_id_does_not_open() -> None:
    sealed = Keyring.parse(setting(k1=KEY)).encrypt(b"x", AAD)
    with pytest.raises(Tampered):
        Keyring.parse(setting(k1=OTHER)).decrypt(sealed, AAD)


def test_a_value_moved_to_another_row_does_not_open() -> None:
    ring = Keyring.parse(setting(k1=KEY))
    with pytest.raises(Tampered):
        ring.decrypt(ring.encrypt(b"x", AAD), b"applicant.identity_number:per_2")


def test_a_flip_of_any_bit_is_noticed() -> None:
    ring = Keyring.parse(setting(k1=KEY))
    sealed = ring.encrypt(b"secret", AAD)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises((Tampered, UnknownKey)):
            ring.decrypt(bytes(changed), AAD)


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 10, 20, 31])
def test_a_value_cut_short_is_refused(cut: int) -> None:
    ring = Keyring.parse(setting(k1=KEY))
    with pytest.raises((Tampered, UnknownKey)):
        ring.decrypt(ring.encrypt(b"", AAD)[:cut], AAD)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no key given"),
        ("k1", "0 bytes"),
        ("k1:!!", "not base64"),
        (setting(k1=b"short"), "5 bytes"),
        (f":{base64.b64encode(KEY).decode()}", "an id"),
        (setting(k1=KEY) + "," + setting(k1=OTHER), "twice"),
    ],
)
def test_bad_settings_say_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(InvalidKeysError, match=told):
        Keyring.parse(text)


def test_errors_do_not_quote_keys() -> None:
    encoded = base64.b64encode(b"not thirty-two bytes").decode()
    with pytest.raises(InvalidKeysError) as caught:
        Keyring.parse(f"k1:{encoded}")
    assert encoded not in str(caught.value)


def test_blind_index_is_keyed_and_told_apart_by_kind() -> None:
    index = BlindIndex.parse(base64.b64encode(KEY).decode())
    expected = hmac.digest(KEY, b"mobile\x0013800138000", hashlib.sha256)
    assert index.of("mobile", "13800138000") == expected
    assert index.of("card", "13800138000") != expected
    other = BlindIndex.parse(base64.b64encode(OTHER).decode())
    assert other.of("mobile", "13800138000") != expected
