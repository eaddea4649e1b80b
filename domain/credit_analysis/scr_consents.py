"""What a signer of a proposal consents to before anybody else is asked about the credit."""

from typing import Final

from domain.common.definitions import Kind
from domain.people.consents import ConsentWords, check_version

SHOWN: Final = "standard"
"""The code of the text that signers are shown."""

SCR_CONSENT_TEXT: Final = Kind(
    "scr_consent_text",
    ConsentWords,
    lambda text, others: check_version(text, others.find("scr_consent_text", SHOWN)),
)
