"""Documents of an application, judged one by one: accepted, or asked for again with a reason.

A document is a side of the identity card, the face before the camera, or one more that a reviewer
asked for by its name.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.common.errors import DomainError, FieldError
from domain.verification.elements import ElementKind


class DocumentKind(StrEnum):
    """Which document; `EXTRA` is one that the product does not know."""

    CARD_FRONT = "identity_card.front"
    CARD_BACK = "identity_card.back"
    LIVENESS = "liveness"
    EXTRA = "extra"


class DocumentVerdict(StrEnum):
    """What a reviewer said of a document."""

    ACCEPTED = "accepted"
    AGAIN = "again"


PLACES: Final[Mapping[DocumentKind, str]] = MappingProxyType(
    {DocumentKind.CARD_FRONT: "front", DocumentKind.CARD_BACK: "back"}
)
"""Documents that are one picture of several in the identity card, by its place there."""
ELEMENTS: Final[Mapping[DocumentKind, ElementKind]] = MappingProxyType(
    {
        DocumentKind.CARD_FRONT: ElementKind.IDENTITY_CARD,
        DocumentKind.CARD_BACK: ElementKind.IDENTITY_CARD,
        DocumentKind.LIVENESS: ElementKind.LIVENESS,
    }
)
"""The element that a document is part of."""
MAX_EXTRAS: Final = 10
"""So many further documents are asked for in one application."""


class DocumentNotThere(FieldError):
    """A document was judged that the applicant has not given."""


class DocumentNotAskedFor(FieldError):
    """An applicant gives a document that nobody asked for, or not any more."""


class DocumentsIncomplete(FieldError):
    """Of one element some documents that are asked for are missing; `field` names the first."""


class TooManyDocuments(DomainError):
    """An application has as many further documents as it may."""
