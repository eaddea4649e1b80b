"""The payload codec: whatever enters Temporal's database is sealed by our keyring."""

from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from runtime.keyring import Keyring

ENCODING: Final = b"binary/encrypted"
# The sealed bytes name their key themselves; the copy in the metadata is for people and tools.
# The place is a constant, not the workflow id: one payload is legitimately moved between
# workflows (continue-as-new, a child's input, reset) without passing through the codec again.
_AAD: Final = b"loanflow/temporal-payload"


class KeyringCodec(PayloadCodec):
    """Seals every payload whole, metadata included; opens those sealed by any key we hold."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads sealed by the first key."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads opened; those that are not ours are returned as they are.

        Raises UnknownKey or Tampered. In a workflow task this fails the task, which is retried,
        so that a worker that lacks a key holds its workflows up instead of losing them.
        """
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
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
