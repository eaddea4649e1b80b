"""Identity card: reading both sides of the card from pictures (OCR)."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from domain.sources import Capability
from providers.http.images import Image
from providers.http.requests import SourceRequest
from providers.http.verdict import VerificationResponse
from providers.http.wire import PersonalReceived
from providers.verification.recognition import Models, Scores

Day = date


class CardFields(PersonalReceived):
    """What is printed on the card. `valid_until` is None for a long-term card."""

    name: str = Field(min_length=1, max_length=64)
    identity_number: str = Field(pattern=r"^[0-9]{17}[0-9X]$")
    sex: Literal["male", "female"]
    ethnicity: str | None = Field(default=None, max_length=20)
    birth_date: Day
    address: str = Field(min_length=1, max_length=200)
    issuer: str = Field(min_length=1, max_length=100)
    valid_from: Day
    valid_until: Day | None

    @model_validator(mode="after")
    def _validity_runs_forward(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("a card is valid until after it is valid from")
        return self


class CardReading(VerificationResponse):
    """A match is a card that could be read; a mismatch asks for a better picture.

    Reasons: `image_blurred`, `no_card_found`, `several_cards`, `wrong_side`, `card_inconsistent`.
    `scores` holds the reader's confidence (0 to 1) by field, `models` what read it, with versions.
    Whether the fields agree with what the applicant typed is for the caller.
    """

    given_with_match = ("fields",)

    fields: CardFields | None = None
    scores: Scores = Field(default_factory=dict)
    models: Models = Field(default_factory=dict)


class CardReadRequest(SourceRequest[CardReading]):
    """Have both sides of a card read.

    `identity_number` stays here: it says whose card, and so which document, has to be read.
    """

    capability = Capability.IDENTITY_CARD
    operation = "read"

    front: Image
    back: Image
    identity_number: str | None = Field(default=None, exclude=True)
