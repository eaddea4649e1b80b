"""Encryption at rest: a keyring for payloads and personal columns, and a blind index for look-ups.

An encrypted value names its key, so that a new key can be put in front at any time and everything
encrypted before stays readable:

    version (1 byte) | length of key id (1) | key id | nonce (12) | ciphertext and tag (16)

The header and the associated data are authenticated: a value copied to another row, column
or purpose cannot be decrypted. Nonces are 96 random bits; NIST SP 800-38D (8.3) allows 2**32 values
under one key that way, so change the first key long before.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_ID = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


class KeyringError(Exception):
    """A keyring cannot be made, or a value cannot be decrypted. Never quotes keys or values."""


class InvalidKeysError(KeyringError):
    """The text of a key setting is not `id:base64[,id:base64...]` of 32-byte keys."""


class UnknownKey(KeyringError):
    """The value was encrypted with a key that this keyring does not hold."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no key {key_id!r} in the keyring")
        self.key_id = key_id


class Tampered(KeyringError):
    """The value was changed, or encrypted with other associated data."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """AES-256-GCM keys by id; the first encrypts, all decrypt."""

    primary: str
    _ciphers: Mapping[str, AESGCM]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `id:base64,id2:base64`; raises InvalidKeysError."""
        ciphers: dict[str, AESGCM] = {}
        for position, entry in enumerate(part for part in text.split(",") if part.strip()):
            key_id, _, encoded = entry.strip().partition(":")
            if not _KEY_ID.match(key_id):
                raise InvalidKeysError(
                    f"key {position + 1}: an id of letters, digits, _ . - is needed"
                )
            if key_id in ciphers:
                raise InvalidKeysError(f"key id {key_id!r} appears twice")
            ciphers[key_id] = AESGCM(_key_bytes(encoded, f"key {key_id!r}"))
        if not ciphers:
            raise InvalidKeysError("no key given: expected `id:base64` of 32 random bytes")
        return cls(next(iter(ciphers)), ciphers)

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Encrypt `plaintext` for what `associated_data` names: table, column and row id, say."""
        key_id = self.primary.encode()
        header = bytes((_VERSION, len(key_id))) + key_id
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self.primary]
        return header + nonce + cipher.encrypt(nonce, plaintext, header + associated_data)

    def decrypt(self, encrypted: bytes, associated_data: bytes) -> bytes:
        """Return what was encrypted with the same associated data.

        Raises UnknownKey or Tampered.
        """
        header, nonce, ciphertext = _split(encrypted)
        key_id = header[2:].decode("ascii", "replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(key_id)
        try:
            return cipher.decrypt(nonce, ciphertext, header + associated_data)
        except InvalidTag:
            raise Tampered(
                "the value cannot be decrypted: changed, or encrypted with other associated data"
            ) from None


@dataclass(frozen=True, slots=True)
class BlindIndex:
    """Keyed digests by which an encrypted column can be looked up without storing the value."""

    _key: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a base64 key of 32 bytes; raises InvalidKeysError."""
        return cls(_key_bytes(text, "blind index key"))

    def of(self, kind: str, value: str) -> bytes:
        """Return the HMAC-SHA256 of `value` as a `kind` (such as `mobile`): 32 bytes.

        The same value of another kind has another digest. Normalise `value` first.
        """
        return hmac.new(self._key, kind.encode() + b"\0" + value.encode(), hashlib.sha256).digest()


def _key_bytes(encoded: str, what: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        raise InvalidKeysError(f"{what} is not base64") from None
    if len(key) != _KEY_BYTES:
        raise InvalidKeysError(f"{what} has {len(key)} bytes, expected {_KEY_BYTES}")
    return key


def _split(encrypted: bytes) -> tuple[bytes, bytes, bytes]:
    """Return header, nonce and ciphertext; raises Tampered when the form is not ours."""
    if len(encrypted) < 2 or encrypted[0] != _VERSION:
        raise Tampered("not an encrypted value")
    end = 2 + encrypted[1]
    if len(encrypted) < end + _NONCE_BYTES + _TAG_BYTES:
        raise Tampered("an encrypted value is cut short")
    return encrypted[:end], encrypted[end : end + _NONCE_BYTES], encrypted[end + _NONCE_BYTES :]
