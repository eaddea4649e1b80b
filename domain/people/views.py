"""Looking at personal data: by whom, of what, why, and how often.

Every look is recorded before anything is shown. What is masked is shown in full for a purpose and
for a few minutes. Limits by the hour stop whoever copies cases instead of working on them.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.common.errors import TryLater


class ViewKind(StrEnum):
    """What was looked at."""

    DOCUMENT = "document"
    PICTURE = "picture"
    FILE = "file"
    UNMASKED = "unmasked"


class ViewPurpose(StrEnum):
    """Why somebody needs to see what is masked: a code, so that no reason tells of a person."""

    IDENTITY_CHECK = "identity_check"
    CALL = "call"
    FRAUD_CHECK = "fraud_check"
    COMPLAINT = "complaint"
    LEGAL_REQUEST = "legal_request"


class MaskedField(StrEnum):
    """What is shown masked until it is asked for."""

    IDENTITY_NUMBER = "identity_number"
    MOBILE = "mobile"
    BANK_CARD = "bank_card"
    CONTACTS = "contacts"


class ViewLimitReached(TryLater):
    """Somebody looked at more personal data in an hour than reviewing takes."""


UNMASKED_FOR: Final = timedelta(minutes=5)
LIMITED_OVER: Final = timedelta(hours=1)
MAX_VIEWS: Final[Mapping[ViewKind, int]] = MappingProxyType(
    {
        ViewKind.DOCUMENT: 240,
        ViewKind.PICTURE: 600,
        ViewKind.FILE: 200,
        ViewKind.UNMASKED: 60,
    }
)
"""Views of a kind that one person has in `LIMITED_OVER`: a brisk reviewer takes 20 cases in an hour
and opens each a few times, with three to twenty pictures."""
MAX_VIEWED_BYTES: Final = 300_000_000
"""So much of pictures and files in `LIMITED_OVER`."""


def check_may_view(kind: ViewKind, views: int, viewed_bytes: int) -> None:
    """Raise `ViewLimitReached` after so many `views` of a kind, or so much, in `LIMITED_OVER`."""
    if views >= MAX_VIEWS[kind]:
        raise ViewLimitReached(
            f"You have looked at {views} of these in an hour ({kind}), which is the limit:"
            " go on later, or have a supervisor look into it.",
            retry_after=LIMITED_OVER,
        )
    if viewed_bytes >= MAX_VIEWED_BYTES:
        raise ViewLimitReached(
            "You have looked at more pictures and files in an hour than the limit: go on later.",
            retry_after=LIMITED_OVER,
        )
