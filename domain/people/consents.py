"""What an applicant allows, each purpose by itself, in which words, and until when.

Personal data of a sensitive kind (identity, face, financial accounts, communications) needs a
separate consent for each purpose, which can be withdrawn as easily as it was given (PIPL, articles
15, 29; domain facts, section 5.6). A consent says which text was shown, by version and SHA-256.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

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

    code = "consent_missing"


class UnknownConsentText(DomainError):
    """A consent names a text that is not in force: its version or digest is another one."""

    code = "unknown_consent_text"


@dataclass(frozen=True)
class ConsentText:
    """The words that an applicant agrees to, in one version."""

    purpose: Purpose
    version: str
    text: str

    @property
    def sha256(self) -> str:
        """Return the digest of the text in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


_RIGHTS: Final = (
    "You may withdraw this consent at any time in your user centre; what was done before stays"
    " lawful. Refusing it does not affect consents given for other purposes."
)

# An installation replaces the words by its lawyers': change the version with them.
_WORDS: Final[Mapping[Purpose, str]] = MappingProxyType(
    {
        Purpose.IDENTITY_VERIFICATION: (
            "I agree that my name, my identity number and the pictures of my identity card are"
            " compared with the public register through an authorised verification service."
        ),
        Purpose.OPERATOR_QUERY: (
            "I agree that my mobile operator is asked whether my mobile number is registered under"
            " my name and identity number."
        ),
        Purpose.OPERATOR_REPORT: (
            "I agree that, with a code sent to me, my account at my mobile operator is read once"
            " for a report of my plan, bills, calls, messages, top-ups, points and data use."
        ),
        Purpose.PERSONAL_INFORMATION: (
            "I agree that what I say of my education, family, work, income and address is used to"
            " assess my application, and that the emergency contacts I name are checked to be"
            " people other than me."
        ),
        Purpose.CONTACTS_CHECK: (
            "I agree that the emergency contacts I name are compared with my address book, if I"
            " give it, and with the calls of my operator's report, if I authorise one. Only how"
            " many agree is kept: the address book is erased as soon as it was compared, at the"
            " latest with the end of my application. I may apply without it."
        ),
        Purpose.FACE_RECOGNITION: (
            "I agree that pictures of my face are processed to tell that I am present and to"
            " compare me with my identity card and the public register."
        ),
        Purpose.BANK_CARD_VERIFICATION: (
            "I agree that my card number is verified together with my name, my identity number and"
            " the mobile number that my bank holds."
        ),
        Purpose.BUREAU_QUERY: (
            "I agree that licensed credit bureaus, shared lists of bad debts and of borrowers with"
            " several lenders, and UnionPay's risk score of my card are asked for my credit"
            " information for this application."
        ),
        Purpose.DATA_IMPORT: (
            "I agree that the account data which I authorise (card statements, online banking,"
            " e-commerce) is imported once and used to assess my application."
        ),
        Purpose.CREDIT_ANALYSIS: (
            "I agree that my data is passed to a credit analysis service and that its automated"
            " result, which I may have reviewed by a person, is used for the decision."
        ),
    }
)

_FIRST_VERSION: Final = "1"
_LATER_VERSIONS: Final[Mapping[Purpose, str]] = MappingProxyType({Purpose.CONTACTS_CHECK: "2"})

CURRENT_TEXTS: Final[Mapping[Purpose, ConsentText]] = MappingProxyType(
    {
        purpose: ConsentText(
            purpose, _LATER_VERSIONS.get(purpose, _FIRST_VERSION), f"{words} {_RIGHTS}"
        )
        for purpose, words in _WORDS.items()
    }
)
"""The text that is shown for each purpose today."""


def check_text(purpose: Purpose, version: str, sha256: str) -> None:
    """Raise `UnknownConsentText` unless the text shown was the current one for `purpose`."""
    current = CURRENT_TEXTS[purpose]
    if version != current.version or sha256.lower() != current.sha256:
        raise UnknownConsentText(
            f"the text of {purpose} is version {current.version}, sha256 {current.sha256}"
        )
