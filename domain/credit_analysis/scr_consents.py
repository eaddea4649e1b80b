"""What a signer of a proposal consents to before anybody else is asked about the credit."""

import hashlib
from collections.abc import Iterator
from typing import Final

from pydantic import Field

from domain.common.definitions import Content, Finding, InForce, Kind
from domain.credit_analysis.errors import UnknownConsentText


class ScrConsentText(Content):
    """The words that a signer agrees to, in one version.

    `version` is what people and records call it; it changes with the words.
    """

    version: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    text: str = Field(min_length=40, max_length=20_000)

    @property
    def sha256(self) -> str:
        """Return the digest of the text in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def _check(text: ScrConsentText, others: InForce) -> Iterator[Finding]:
    """Say what is wrong with a text: other words need another version."""
    current = others.find(SCR_CONSENT_TEXT.name, SHOWN)
    if (
        isinstance(current, ScrConsentText)
        and current.version == text.version
        and current.text != text.text
    ):
        message = f"other words stand under version {current.version}: change it with them"
        yield Finding("version", message, f"{current.version}.1")


SCR_CONSENT_TEXT: Final = Kind("scr_consent_text", ScrConsentText, _check)

SHOWN: Final = "standard"
"""The code of the text that signers are shown."""


def check_text(current: ScrConsentText, version: str, sha256: str) -> None:
    """Raise `UnknownConsentText` unless the text shown was the current one."""
    if version != current.version or sha256.lower() != current.sha256:
        raise UnknownConsentText(
            f"the text is version {current.version}, sha256 {current.sha256}: read it again"
        )
