"""The requests that the simulators accept, field by field; anything else is refused."""

from base64 import b64decode
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

OrderKind = Literal["disbursement", "debit"]
FailureReason = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""`insufficient_funds`, `card_closed`, `limit_exceeded`, `name_mismatch`; a fault may want any."""


Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:.\-]{1,128}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _picture_bytes(value: object) -> object:
    return b64decode(value, validate=True) if isinstance(value, str) else value


Picture = Annotated[bytes, BeforeValidator(_picture_bytes), Field(max_length=8 * 1024 * 1024)]


class Request(BaseModel):
    """Base of all requests: exact fields, exact types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TwoFactors(Request):
    """real_name/verify and registered_photo/fetch."""

    name: Text
    identity_number: Text


class ThreeFactors(TwoFactors):
    """operator/verify, the bureaus' score, blacklist/check and multi_lender/query."""

    mobile: Text


class FourFactors(ThreeFactors):
    """bank_card/verify."""

    card_number: Text


class Contact(Request):
    """One entry of contacts/verify."""

    name: Text
    relation: Text
    mobile: Text


class BookEntry(Request):
    """One entry of an applicant's address book."""

    name: Annotated[str, StringConstraints(max_length=100)]
    mobile: Annotated[str, StringConstraints(max_length=32)]


class ContactsCheck(Request):
    """contacts/verify."""

    identity_number: Text
    mobile: Text
    contacts: Annotated[list[Contact], Field(min_length=1, max_length=20)]
    address_book: Annotated[list[BookEntry], Field(max_length=5_000)] | None = None


class CardPictures(Request):
    """identity_card/read."""

    front: Picture
    back: Picture


class LivenessCheck(Request):
    """liveness/check."""

    frames: Annotated[list[Picture], Field(min_length=1, max_length=20)]
    actions: Annotated[list[Text], Field(min_length=1, max_length=20)]


class FaceCompare(Request):
    """liveness/compare. The simulator knows all faces; it asks whether a reference is a card."""

    face: Picture
    identity_number: Text
    reference: Picture | None = None


class Disbursement(Request):
    """payments/disburse; `amount` in minor units."""

    order_no: Key
    amount: Annotated[int, Field(gt=0)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    card_number: Text
    name: Text


class Debit(Disbursement):
    """payments/debit."""

    initiator: Literal["merchant", "cardholder"]


class OrderQuery(Request):
    """payments/query."""

    kind: OrderKind
    order_no: Key


class Sign(ThreeFactors):
    """signing/sign."""

    contract_no: Key
    document_sha256: Sha256


class ContractQuery(Request):
    """signing/get."""

    contract_no: Key


class Message(Request):
    """messaging/send."""

    message_id: Key
    mobile: Text
    template: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
    variables: dict[str, str]


class Email(Request):
    """email/send."""

    message_id: Key
    address: Text
    subject: Text
    body: Annotated[str, StringConstraints(min_length=1, max_length=8_000)]


class Push(Request):
    """push/send."""

    message_id: Key
    token: Text
    title: Text
    body: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class MessageQuery(Request):
    """messaging/query, email/query and push/query."""

    message_id: Key


class SettlementNotice(BaseModel):
    """The body of a callback."""

    event_id: str
    kind: OrderKind
    order_no: str
    status: Literal["succeeded", "failed"]
    reason: FailureReason | None
    occurred_at: str
