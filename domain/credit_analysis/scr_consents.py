"""What a signer of a proposal consents to before anybody else is asked about the credit.

The central credit register (SCR) may be queried under the prior authorisation of each person whom
the query is about. The words here are our own: an installation replaces them by its lawyers' and
changes the version with them.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from domain.credit_analysis.errors import UnknownConsentText


@dataclass(frozen=True)
class ScrText:
    """The words that a signer agrees to, in one version."""

    version: str
    text: str

    @property
    def sha256(self) -> str:
        """Return the digest of the text in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


CURRENT: Final = ScrText(
    "1",
    "I authorise the lender named here and the credit analysis service that it asks to query what"
    " the Credit Information System (SCR) of the Central Bank of Brazil holds about me, and my data"
    " to be passed to that service, for this one request for credit. I may refuse: the request is"
    " then decided without that query.",
)
"""The text that is shown today."""


def check_text(version: str, sha256: str) -> None:
    """Raise `UnknownConsentText` unless the text shown was the current one."""
    if version != CURRENT.version or sha256.lower() != CURRENT.sha256:
        raise UnknownConsentText(
            f"the text is version {CURRENT.version}, sha256 {CURRENT.sha256}: read it again"
        )
