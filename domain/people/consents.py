"""What an applicant allows, each purpose by itself, in which words, and until when.

Personal data of a sensitive kind (identity, face, financial accounts, communications) needs a
separate consent for each purpose, which can be withdrawn as easily as it was given (PIPL, articles
15, 29). A consent says which text was shown, by version and SHA-256.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from pydantic import Field

from domain.common.definitions import Content, Finding, InForce, Kind, digest
from domain.common.errors import DomainError


class Purpose(StrEnum):
    """What personal data is asked about or fetched for; each is consented to separately."""

    IDENTITY_VERIFICATION = "identity_verification"
    OPERATOR_QUERY = "operator_query"
    OPERATOR_REPORT = "operator_report"
    PERSONAL_INFORMATION = "personal_information"
    CONTACTS_CHECK = "contacts_check"
    FACE_RECOGNITION = "face_recognition"
    BANK_CARD_VERIFICATION = "bank_card_verification"
    BUREAU_QUERY = "bureau_query"
    DATA_IMPORT = "data_import"
    CREDIT_ANALYSIS = "credit_analysis"


class ConsentMissing(DomainError):
    """Something was asked that the applicant has not allowed, or allows no longer."""


class UnknownConsentText(DomainError):
    """A consent names a text that is not in force: its version or digest is another one."""


class ConsentWords(Content):
    """The words that somebody agrees to, in one version.

    `version` is what people and records call it; it changes with the words.
    """

    version: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    text: str = Field(min_length=40, max_length=20_000)

    @property
    def sha256(self) -> str:
        """Return the digest of the text in UTF-8, in hexadecimal."""
        return digest(self.text)

    def check_shown(self, what: str, version: str, sha256: str) -> None:
        """Raise `UnknownConsentText` unless these words were shown; `what` names them."""
        if version != self.version or sha256.lower() != self.sha256:
            raise UnknownConsentText(f"{what} is version {self.version}, sha256 {self.sha256}")


class ConsentText(ConsentWords):
    """What an applicant agrees to for one purpose."""

    purpose: Purpose


def check_version(text: ConsentWords, current: object) -> Iterator[Finding]:
    """Say where a text has other words than `current` under the same version."""
    if (
        isinstance(current, ConsentWords)
        and current.version == text.version
        and current.text != text.text
    ):
        yield Finding(
            "version",
            f"other words stand under version {current.version}: change it with them",
            f"{current.version}.1",
        )


def check_consent_text(text: ConsentText, others: InForce) -> Iterator[Finding]:
    """Say what is wrong with a text: other words need another version."""
    if text.text != text.text.strip():
        yield Finding("text", "the text begins and ends with a word", "I agree that ...")
    yield from check_version(text, others.find(CONSENT_TEXT.name, text.purpose))


CONSENT_TEXT: Final = Kind("consent_text", ConsentText, check_consent_text, named_by="purpose")
