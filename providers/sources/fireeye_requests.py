"""What is asked of UnionPay Fireeye, and the bytes that ask it.

Field names are the page's, `certid` without a capital among them. No check digit is asked for: the
page's own sample card has a wrong one. The order of the fields is that of the page's samples.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, ClassVar, Generic, Literal, Self
from urllib.parse import quote_plus

from pydantic import Field, SecretStr, StringConstraints, model_validator

from domain.sources import Capability
from providers.http.requests import SourceRequest, SourceResponseT
from providers.sources.fireeye_profile import FireeyeOperation, FireeyeProfile, FireeyeWire
from providers.sources.fireeye_responses import (
    PROVIDER,
    ModelScore,
    TransactionAuthentication,
    authentication_of,
    score_of,
)

MAX_MINOR_UNITS = 10**13

CardNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{13,19}$")]
IdentityNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{17}[0-9X]$|^[0-9A-Z]{8,15}$")]
"""Of any document: that Fireeye knows citizens only is said by its profiles (`documents`)."""
Mobile = Annotated[str, StringConstraints(pattern=r"^1[3-9][0-9]{9}$")]
Location = Annotated[str, StringConstraints(pattern=r"^[^\p{Cc}]{1,64}$")]

AmountUnit = Literal["yuan", "fen"]


@dataclass(frozen=True)
class FireeyeCredentials:
    """What UnionPay gave the institution; sent in the envelope when the profile says so."""

    institution_id: str
    app_key: SecretStr


class FireeyeRequest(SourceRequest[SourceResponseT], Generic[SourceResponseT]):
    """One of the two questions, on Fireeye's own wire."""

    provider = PROVIDER
    wired_as: ClassVar[FireeyeOperation]

    @abstractmethod
    def sent(self, amount_unit: AmountUnit) -> dict[str, str]:
        """Return the business fields as sent."""

    @abstractmethod
    def response_of(self, data: int | None) -> SourceResponseT:
        """Return what the data of a response say, None if nothing was found."""


class TransactionQuery(FireeyeRequest[TransactionAuthentication]):
    """Ask whether a card's transaction exists.

    `amount` is in minor units of the yuan (fen), dates are Shanghai's; `asked_on` is today, which
    no transaction comes after.
    """

    capability = Capability.TRANSACTION_AUTHENTICATION
    operation = "authenticate"
    wired_as = FireeyeOperation.TRANSACTION_AUTHENTICATION

    card_number: CardNumber
    transacted_on: date
    amount: Annotated[int, Field(gt=0, le=MAX_MINOR_UNITS)]
    identity_number: IdentityNumber | None = None
    mobile: Mobile | None = None
    location: Location | None = None
    asked_on: date = Field(exclude=True)

    @model_validator(mode="after")
    def _is_not_in_the_future(self) -> Self:
        if self.transacted_on > self.asked_on:
            raise ValueError("a transaction's date is not after today")
        return self

    def sent(self, amount_unit: AmountUnit) -> dict[str, str]:
        """Return the business fields as sent, optional ones only when given."""
        fen = str(self.amount)
        yuan = f"{self.amount // 100}.{self.amount % 100:02d}"
        sent = {
            "transDate": f"{self.transacted_on:%Y%m%d}",
            "cardNo": self.card_number,
            "certid": self.identity_number,
            "mobile": self.mobile,
            "transLocation": self.location,
            "transAmount": yuan if amount_unit == "yuan" else fen,
        }
        return {name: value for name, value in sent.items() if value is not None}

    def response_of(self, data: int | None) -> TransactionAuthentication:
        """Return whether the transaction exists."""
        return authentication_of(data)


class ScoreQuery(FireeyeRequest[ModelScore]):
    """Ask what the model scores a person."""

    capability = Capability.MODEL_SCORE
    operation = "model_score"
    wired_as = FireeyeOperation.MODEL_SCORE

    card_number: CardNumber
    identity_number: IdentityNumber
    mobile: Mobile

    def sent(self, amount_unit: AmountUnit) -> dict[str, str]:
        """Return the business fields as sent, an amount not among them."""
        return {"mobile": self.mobile, "cardNo": self.card_number, "certid": self.identity_number}

    def response_of(self, data: int | None) -> ModelScore:
        """Return the score."""
        return score_of(data)


@dataclass(frozen=True)
class Encoded:
    """A request's personal parts, ready for the wire: one of the two, and the content type."""

    content_type: str
    query: bytes | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)


def check_credentials(profile: FireeyeProfile, credentials: FireeyeCredentials | None) -> None:
    """Raise ValueError unless the credentials are there that the profile sends."""
    if profile.shows_credentials and credentials is None:
        raise ValueError("the profile's envelope needs an institution id and a key")


def encode(
    wire: FireeyeWire, fields: Mapping[str, str], credentials: FireeyeCredentials | None
) -> Encoded:
    """Return the fields in the envelope, charset and encoding that `wire` asks for.

    Queries and forms are percent-encoded always; the page's form sample is not, and would break on
    `+`, `&` and `%`.
    """
    text = json.dumps(
        _enveloped(wire, fields, credentials), ensure_ascii=False, separators=(",", ":")
    )
    suffix = "" if wire.charset == "UTF-8" else f"; charset={wire.charset}"
    content_type = wire.content_type + suffix
    if wire.encoding == "raw":
        return Encoded(content_type, body=text.encode(wire.charset))
    pair = f"data={quote_plus(text, encoding=wire.charset)}".encode()
    if wire.encoding == "query":
        return Encoded(content_type, query=pair)
    return Encoded(content_type, body=pair)


def _enveloped(
    wire: FireeyeWire, fields: Mapping[str, str], credentials: FireeyeCredentials | None
) -> Mapping[str, object]:
    if wire.envelope == "none" or credentials is None:
        return fields
    return {
        "id": credentials.institution_id,
        "appKey": credentials.app_key.get_secret_value(),
        "data": fields,
    }
