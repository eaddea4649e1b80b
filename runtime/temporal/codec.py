"""The payload codec: whatever enters Temporal's database is encrypted by our keyring."""

from collections.abc import Sequence
from typing import Final

import structlog
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from runtime import metrics
from runtime.keyring import Keyring, Tampered
from runtime.temporal.converter import UNREADABLE

ENCODING: Final = b"binary/encrypted"

_log = structlog.stdlib.get_logger(__name__)

# The encrypted bytes name their key themselves; the copy in the metadata is for people and tools.
# The place is a constant, not the workflow id: one payload is legitimately moved between
# workflows (continue-as-new, a child's input, reset) without passing through the codec again.
_AAD: Final = b"loanflow/temporal-payload"


class KeyringCodec(PayloadCodec):
    """Encrypts every payload whole, metadata included; decrypts those of any key we hold."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads encrypted by the first key."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads opened; those that are not ours are returned as they are.

        Raises UnknownKey or Tampered. In a workflow task this fails the task, which is retried,
        so that a worker that lacks a key holds its workflows up instead of losing them.
        """
        return [self._open(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        return Payload(
            metadata={
                "encoding": ENCODING,
                "encryption-key-id": self._keyring.primary.encode(),
            },
            data=self._keyring.encrypt(payload.SerializeToString(), _AAD),
        )

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        return Payload.FromString(self._keyring.decrypt(payload.data, _AAD))


class ProcessCodec(KeyringCodec):
    """The same for whoever works on processes: what cannot be opened does not stop them.

    It is logged, counted and handed on as `UNREADABLE`, which no converter reads: a signal or an
    update with such an input is dropped or refused, while a start or a result, which nobody but us
    writes, holds its process up. With `encrypted_only` a payload that we did not encrypt counts as
    one that cannot be opened. Only an unknown key fails the task, which waits for the key.
    """

    def __init__(self, keyring: Keyring, *, encrypted_only: bool) -> None:
        super().__init__(keyring)
        self._sealed_only = encrypted_only

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads opened; raises UnknownKey."""
        return [self._opened(payload) for payload in payloads]

    def _opened(self, payload: Payload) -> Payload:
        if self._sealed_only and payload.metadata.get("encoding") != ENCODING:
            return _unreadable("unencrypted")
        try:
            return self._open(payload)
        except (Tampered, DecodeError):
            return _unreadable("tampered")


def _unreadable(why: str) -> Payload:
    _log.error("payload_unreadable", why=why)
    metrics.payload_unreadable(why)
    return Payload(metadata={"encoding": UNREADABLE})
