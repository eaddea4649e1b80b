"""Sources of facts about people and companies: what each can say, costs, allows, and needs.

A source is a definition in force (`catalogue/source`): which one is asked first, which stands in
for it, and whether it is asked at all change by a release. Nothing here knows how one is called.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from domain.common.calendar import business_date, instant_at
from domain.common.definitions import Agreed, Content, Finding, InForce, Kind
from domain.common.zones import ZONES
from domain.people.consents import CONSENT_TEXT, Purpose
from domain.people.identity_documents import DocumentType, document_type

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Capability(StrEnum):
    """What can be asked. Sources of one capability answer the same question."""

    REAL_NAME = "real_name"
    OPERATOR = "operator"
    OPERATOR_REPORT = "operator_report"
    CONTACTS = "contacts"
    IDENTITY_CARD = "identity_card"
    LIVENESS = "liveness"
    FACE = "face"
    REGISTERED_PHOTO = "registered_photo"
    BANK_CARD = "bank_card"
    CARD_BINDING = "card_binding"
    CREDIT_CARD = "credit_card"
    ONLINE_BANKING = "online_banking"
    ECOMMERCE = "ecommerce"
    BANK_FLOWS = "bank_flows"
    BUREAU_REPORT = "bureau_report"
    COMPANY = "company"
    PERSON = "person"
    BUREAU = "bureau"
    BLACKLIST = "blacklist"
    MULTI_LENDER = "multi_lender"
    TRANSACTION_AUTHENTICATION = "transaction_authentication"
    MODEL_SCORE = "model_score"
    CREDIT_ANALYSIS = "credit_analysis"


class BilledOn(StrEnum):
    """What a source charges for. What never reached it is never charged."""

    CALL = "call"
    ANSWER = "answer"
    MATCH = "match"


class DataSource(Content):
    """One provider's profile for one capability.

    `cost` is in minor units of `currency` for each `billed_on`. `daily_quota` counts calls on one
    day of `zone`, `calls_per_second` limits all processes together; None: no limit. A match may be
    used again for `validity_days`, any other definite answer for `denial_validity_days`; 0 means
    only by the enquiry that got it. `consent` is the purpose that the person must have allowed;
    None where the law counts the data as necessary for a loan (rules on necessary personal
    information of common apps, 2021: mobile, name, identity document, bank card). Of a
    capability's `enabled` sources the one of lowest `order` is asked first. `documents`
    are the types of identity document whose numbers it knows, None: all; about a person with
    another one it is not asked.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    name: SourceName
    capability: Capability
    cost: int = Field(default=0, ge=0, le=10_000_000)
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    billed_on: BilledOn = BilledOn.ANSWER
    daily_quota: int | None = Field(default=None, ge=0, le=1_000_000_000)
    zone: str = "Asia/Shanghai"
    calls_per_second: Decimal | None = Field(default=None, ge=Decimal("0.001"), le=100_000)
    validity_days: int = Field(default=0, ge=0, le=3650)
    denial_validity_days: int = Field(default=0, ge=0, le=3650)
    consent: Purpose | None = None
    enabled: bool = True
    order: int = Field(default=1, ge=1, le=100)
    documents: tuple[DocumentType, ...] | None = Field(default=None, min_length=1)

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        if zone not in ZONES:
            raise ValueError("no such time zone; names are like Asia/Shanghai")
        return zone

    def knows(self, identity_number: str | None) -> bool:
        """Say whether the number's document is one that the source knows; no number always is."""
        if self.documents is None or identity_number is None:
            return True
        return document_type(identity_number) in self.documents

    @property
    def gap(self) -> timedelta | None:
        """The time between two calls, at which no second holds more than are allowed."""
        if self.calls_per_second is None:
            return None
        return timedelta(microseconds=math.ceil(1_000_000 / self.calls_per_second))

    def valid_for(self, *, match: bool) -> timedelta:
        """Return how long an answer may stand for another enquiry of the same input."""
        return timedelta(days=self.validity_days if match else self.denial_validity_days)

    def charge(self, *, reached: bool, answered: bool, match: bool) -> int:
        """Return what one call costs, in minor units.

        `reached` says whether the call may have come to the source, `answered` whether it answered
        in form, `match` whether it found or confirmed what was asked.
        """
        due = {BilledOn.CALL: reached, BilledOn.ANSWER: answered, BilledOn.MATCH: match}
        return self.cost if due[self.billed_on] else 0

    def next_day(self, after: datetime) -> datetime:
        """Return the instant at which the next day's quota begins."""
        tomorrow = business_date(after, self.zone) + timedelta(days=1)
        return instant_at(tomorrow, time.min, self.zone)


def asked_in_order(
    sources: Iterable[Agreed[DataSource]], capability: Capability
) -> tuple[Agreed[DataSource], ...]:
    """Return the enabled sources of a capability in the order in which they are asked."""
    able = (
        source
        for source in sources
        if source.content.enabled and source.content.capability is capability
    )
    return tuple(sorted(able, key=lambda source: (source.content.order, source.content.name)))


SENSITIVE: Final[Mapping[Capability, Purpose]] = {
    Capability.CONTACTS: Purpose.PERSONAL_INFORMATION,
    Capability.LIVENESS: Purpose.FACE_RECOGNITION,
    Capability.FACE: Purpose.FACE_RECOGNITION,
    Capability.REGISTERED_PHOTO: Purpose.FACE_RECOGNITION,
    Capability.BUREAU: Purpose.BUREAU_QUERY,
    Capability.BLACKLIST: Purpose.BUREAU_QUERY,
    Capability.MULTI_LENDER: Purpose.BUREAU_QUERY,
    Capability.TRANSACTION_AUTHENTICATION: Purpose.BUREAU_QUERY,
    Capability.MODEL_SCORE: Purpose.BUREAU_QUERY,
    Capability.OPERATOR_REPORT: Purpose.OPERATOR_REPORT,
    Capability.ONLINE_BANKING: Purpose.DATA_IMPORT,
    Capability.ECOMMERCE: Purpose.DATA_IMPORT,
    Capability.BANK_FLOWS: Purpose.DATA_IMPORT,
    Capability.BUREAU_REPORT: Purpose.BUREAU_QUERY,
}
"""What takes a consent of its own, and the usual one: the rest is necessary for a loan (rules on
necessary personal information of common apps, 2021; PIPL), or is not about an applicant."""

_ONE_CLIENT: Final[Mapping[Capability, str]] = {Capability.CREDIT_ANALYSIS: "qitech"}
"""Capabilities that only one source has a client for."""


def check_source(source: DataSource, others: InForce) -> Iterator[Finding]:
    """Say what is wrong with a profile: nobody could be asked by it, or nobody may."""
    only = _ONE_CLIENT.get(source.capability)
    if only is not None and source.name != only:
        yield Finding("name", f"only {only} can be asked for {source.capability}", only)
    current = others.find(SOURCE.name, source.name)
    if isinstance(current, DataSource) and current.capability is not source.capability:
        yield Finding(
            "capability",
            "a source keeps its capability: another one is a source of another name",
            current.capability,
        )
    if source.enabled and source.consent is None and source.capability in SENSITIVE:
        yield Finding(
            "consent",
            f"{source.capability} is asked about under a consent only",
            SENSITIVE[source.capability],
        )
    if source.consent is not None and others.find(CONSENT_TEXT.name, source.consent) is None:
        yield Finding(
            "consent",
            f"there is no text by which anybody could consent to {source.consent}",
            f"release consent_text/{source.consent} first",
        )


SOURCE: Final = Kind("source", DataSource, check_source, named_by="name")
