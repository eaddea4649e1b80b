"""Sources of facts about people and companies: what each can say, costs, allows, and needs.

A source is data: which one is asked first, which stands in for it, and whether it is asked at all
are changed without a release (`catalogue`). Nothing here knows how a source is called.
"""

import math
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from domain.common.calendar import business_date, instant_at
from domain.people.consents import Purpose

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


class DataSource(BaseModel):
    """One provider's profile for one capability.

    `cost` is in minor units of `currency` for each `billed_on`. `daily_quota` counts calls on one
    day of `zone`, `calls_per_second` limits all processes together; None: no limit. A match may be
    used again for `validity_days`, any other definite answer for `denial_validity_days`; 0 means
    only by the enquiry that got it. `consent` is the purpose that the person must have allowed;
    None where the law counts the data as necessary for a loan (domain facts, section 5.6). Of a
    capability's `enabled` sources the one of lowest `order` is asked first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no such time zone") from error
        return zone

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


class Catalogue:
    """The sources of an installation."""

    def __init__(self, sources: Mapping[str, DataSource]) -> None:
        self._sources = MappingProxyType(dict(sources))

    def source(self, name: str) -> DataSource | None:
        """Return the profile of `name`, None if unknown."""
        return self._sources.get(name)

    def of(self, capability: Capability) -> tuple[DataSource, ...]:
        """Return the enabled sources of a capability in the order in which they are asked."""
        able = (
            source
            for source in self._sources.values()
            if source.enabled and source.capability is capability
        )
        return tuple(sorted(able, key=lambda source: (source.order, source.name)))

    @property
    def all(self) -> tuple[DataSource, ...]:
        """Return every source, also those that are switched off."""
        return tuple(self._sources.values())


def _shipped(*sources: DataSource) -> Mapping[str, DataSource]:
    return MappingProxyType({source.name: source for source in sources})


# Costs are figures to plan with; an installation puts its contracts' in their place. The registers'
# matches stand for 30 days (domain facts, section 3.4), Fireeye's answers for one within a quota
# (section 4.4). A living face is asked for every time, and so is the registry's photo, which is
# never kept, whatever is set here (`docs/enquiries.md`).
SOURCES: Final[Mapping[str, DataSource]] = _shipped(
    DataSource(
        name="real_name",
        capability=Capability.REAL_NAME,
        cost=30,
        validity_days=30,
        denial_validity_days=1,
    ),
    DataSource(
        name="operator",
        capability=Capability.OPERATOR,
        cost=40,
        validity_days=30,
        denial_validity_days=1,
    ),
    DataSource(
        name="contacts",
        capability=Capability.CONTACTS,
        cost=20,
        consent=Purpose.PERSONAL_INFORMATION,
    ),
    DataSource(
        name="identity_card", capability=Capability.IDENTITY_CARD, cost=10, validity_days=30
    ),
    DataSource(
        name="liveness",
        capability=Capability.LIVENESS,
        cost=20,
        consent=Purpose.FACE_RECOGNITION,
    ),
    DataSource(
        name="face",
        capability=Capability.FACE,
        cost=50,
        consent=Purpose.FACE_RECOGNITION,
    ),
    DataSource(
        name="registered_photo",
        capability=Capability.REGISTERED_PHOTO,
        cost=60,
        billed_on=BilledOn.MATCH,
        denial_validity_days=1,
        consent=Purpose.FACE_RECOGNITION,
    ),
    DataSource(
        name="bank_card",
        capability=Capability.BANK_CARD,
        cost=50,
        validity_days=30,
        denial_validity_days=1,
    ),
    DataSource(
        name="bureau",
        capability=Capability.BUREAU,
        cost=200,
        billed_on=BilledOn.MATCH,
        validity_days=1,
        denial_validity_days=1,
        consent=Purpose.BUREAU_QUERY,
    ),
    DataSource(
        name="bureau_second",
        capability=Capability.BUREAU,
        cost=200,
        billed_on=BilledOn.MATCH,
        validity_days=1,
        denial_validity_days=1,
        consent=Purpose.BUREAU_QUERY,
        order=2,
    ),
    DataSource(
        name="blacklist",
        capability=Capability.BLACKLIST,
        cost=50,
        validity_days=1,
        denial_validity_days=1,
        consent=Purpose.BUREAU_QUERY,
    ),
    DataSource(
        name="multi_lender",
        capability=Capability.MULTI_LENDER,
        cost=80,
        validity_days=1,
        denial_validity_days=1,
        consent=Purpose.BUREAU_QUERY,
    ),
    DataSource(
        name="fireeye_transaction",
        capability=Capability.TRANSACTION_AUTHENTICATION,
        cost=100,
        daily_quota=100_000,
        validity_days=1,
        denial_validity_days=1,
        consent=Purpose.BUREAU_QUERY,
    ),
    DataSource(
        name="fireeye_score",
        capability=Capability.MODEL_SCORE,
        cost=150,
        daily_quota=100_000,
        validity_days=1,
        denial_validity_days=1,
        consent=Purpose.BUREAU_QUERY,
    ),
    DataSource(
        name="credit_card",
        capability=Capability.CREDIT_CARD,
        cost=50,
        validity_days=30,
        denial_validity_days=1,
    ),
    DataSource(name="card_binding", capability=Capability.CARD_BINDING, cost=60),
    DataSource(
        name="company",
        capability=Capability.COMPANY,
        cost=100,
        validity_days=7,
        denial_validity_days=1,
    ),
    DataSource(
        name="person",
        capability=Capability.PERSON,
        cost=100,
        validity_days=7,
        denial_validity_days=1,
    ),
    DataSource(name="qitech", capability=Capability.CREDIT_ANALYSIS, cost=500, currency="BRL"),
    DataSource(
        name="operator_report",
        capability=Capability.OPERATOR_REPORT,
        cost=300,
        billed_on=BilledOn.MATCH,
        consent=Purpose.OPERATOR_REPORT,
    ),
    DataSource(
        name="online_banking",
        capability=Capability.ONLINE_BANKING,
        cost=300,
        billed_on=BilledOn.MATCH,
        consent=Purpose.DATA_IMPORT,
    ),
    DataSource(
        name="ecommerce",
        capability=Capability.ECOMMERCE,
        cost=300,
        billed_on=BilledOn.MATCH,
        consent=Purpose.DATA_IMPORT,
    ),
)
"""The sources that are shipped, by name."""


def catalogue(changes: Mapping[str, Mapping[str, Any]] | None = None) -> Catalogue:
    """Return the shipped sources with an installation's changes, by the sources' names.

    A known name's fields are replaced one by one, an unknown name adds a source and says at least
    its capability. Raises ValueError (pydantic's ValidationError) naming what is wrong.
    """
    sources = dict(SOURCES)
    for name, fields in (changes or {}).items():
        shipped = SOURCES[name].model_dump() if name in SOURCES else {}
        sources[name] = DataSource.model_validate({**shipped, **fields, "name": name})
    return Catalogue(sources)
