"""The signature and the hashed identifiers of the service that follows Fireeye (水晶球).

Same vendor, open.unionpay.com services 573 and 753. A request carries a token, `ts` in milliseconds
and `sign`; identifiers travel only as SM3 digests in capital hex.
"""

import hashlib

from cryptography.hazmat.primitives import hashes
from pydantic import SecretStr


def request_signature(signing_key: SecretStr, body: bytes, timestamp_ms: int) -> str:
    """Return `sign`: lower-case hex SHA-256 of key, exact request body and time stamp, joined."""
    key = signing_key.get_secret_value().encode()
    return hashlib.sha256(key + body + str(timestamp_ms).encode()).hexdigest()


def hashed_identifier(number: str) -> str:
    """Return the SM3 digest of an identity or mobile number, in capital hex."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(number.encode())
    return digest.finalize().hex().upper()


def hashed_card_number(number: str) -> str:
    """Return the SM3 digest of a card number behind its length, in capital hex.

    The page says "add the length first" without an example; two decimal digits are taken (`16…`).
    """
    return hashed_identifier(f"{len(number):02d}{number}")
