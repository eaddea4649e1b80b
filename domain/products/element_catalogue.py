"""The catalogue of elements: for each kind when it is asked, what it needs, how long it counts.

A product chooses kinds and overrides entries. Another kind of element is a form in
`domain.verification.elements`, an entry here, and an adapter to whoever answers for it.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict

from domain.people.consents import Purpose
from domain.sources import Capability
from domain.verification.elements import FORMS, Element, ElementKind, PersonalInformation

PICTURE_OF_ANOTHER: Final = "picture_used_by_another"
"""The reason of a mismatch whose picture, bit by bit, another person gave before."""


class Stage(StrEnum):
    """When an element is asked for; optional ones are taken with an application."""

    APPLICATION = "application"
    DRAWDOWN = "drawdown"
    OPTIONAL = "optional"


class OnMismatch(StrEnum):
    """What follows from a mismatch."""

    RESUBMIT = "resubmit"
    """The applicant may provide the element again, up to the limit: the last wrong try rejects."""
    REJECT = "reject"
    """The application is rejected at once."""
    REFER = "refer"
    """The element counts as provided and a person decides, whatever the policy would say."""


class ElementPolicy(BaseModel):
    """What holds for one kind of element.

    `valid_for_days` counts from the business date of the verification: on the day so many days
    later it still counts. `capability` says which sources can answer; what that costs is in their
    profiles (`domain.sources`).
    `attempts` limits how often an element is taken in one application, answered or not;
    `mismatches` how often it may be wrong, there and by one person in 24 hours. `on_reason`
    overrides `on_mismatch` for a reason that the source gives. `reject_code` is the code of a
    rejection, by `reject` or after the last wrong try. A `captured` element is fetched from
    its source in steps: perhaps a code that the applicant is sent and enters, and a result that is
    waited for at most `capture_within`. The wrong code that reaches `codes` ends it, where
    `codes_prove` with a mismatch: who cannot read the code does not have the mobile. What a face is
    asked to do may be shown for `challenge_valid_for`. A kind that `proves_presence` shows that the
    applicant is the person; it is verified in every channel anew. What a kind `needs` has been
    verified before anybody is asked about it, so that nothing rests on what was only typed.
    """

    model_config = ConfigDict(frozen=True)

    kind: ElementKind
    stage: Stage
    capability: Capability
    consent: Purpose
    valid_for_days: int
    attempts: int = 10
    mismatches: int = 3
    on_mismatch: OnMismatch = OnMismatch.RESUBMIT
    on_reason: tuple[tuple[str, OnMismatch], ...] = ()
    reject_code: str = "R01"
    captured: bool = False
    capture_within: timedelta = timedelta(hours=72)
    codes: int = 5
    codes_prove: bool = False
    challenge_valid_for: timedelta = timedelta(minutes=10)
    proves_presence: bool = False
    needs: tuple[ElementKind, ...] = (ElementKind.REAL_NAME,)

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that are asked for."""
        return tuple(name for name in FORMS[self.kind].model_fields if name != "kind")

    def consequence(self, reason: str | None) -> OnMismatch:
        """Return what follows from a mismatch for `reason`."""
        return dict(self.on_reason).get(reason or "", self.on_mismatch)

    def counts_until(self, verified_on: date) -> date:
        """Return the last business date on which a verification of `verified_on` counts."""
        return verified_on + timedelta(days=self.valid_for_days)


ADDRESS_BOOK_CONSENT: Final = Purpose.CONTACTS_CHECK
"""What an address book needs beside the consent of the element that brings it.

Nobody needs one to apply (domain facts, section 5.6), so refusing it refuses nothing else.
"""


def consents_needed(policy: ElementPolicy, element: Element) -> dict[str, Purpose]:
    """Return what an element needs consents to, by what of it needs them."""
    needed = {str(policy.kind): policy.consent}
    if isinstance(element, PersonalInformation) and element.address_book is not None:
        needed["address_book"] = ADDRESS_BOOK_CONSENT
    return needed


# Validity, limits and consequences are starting values (domain facts, sections 3.4, 5.2, 5.3): a
# four-factor match is kept for 30 days, three mismatches a day, five wrong codes. To blink and nod
# before a telephone takes a minute; ten leave room for a poor connection.
_ENTRIES: Final = (
    ElementPolicy(
        kind=ElementKind.REAL_NAME,
        stage=Stage.APPLICATION,
        capability=Capability.REAL_NAME,
        consent=Purpose.IDENTITY_VERIFICATION,
        valid_for_days=365,
        needs=(),
    ),
    ElementPolicy(
        kind=ElementKind.OPERATOR,
        stage=Stage.APPLICATION,
        capability=Capability.OPERATOR,
        consent=Purpose.OPERATOR_QUERY,
        valid_for_days=30,
        reject_code="R07",
    ),
    ElementPolicy(
        kind=ElementKind.PERSONAL_INFORMATION,
        stage=Stage.APPLICATION,
        capability=Capability.CONTACTS,
        consent=Purpose.PERSONAL_INFORMATION,
        valid_for_days=180,
        on_reason=(
            ("relation_mismatch", OnMismatch.REFER),
            ("contact_not_in_address_book", OnMismatch.REFER),
        ),
        reject_code="R10",
        needs=(ElementKind.REAL_NAME, ElementKind.OPERATOR),
    ),
    ElementPolicy(
        kind=ElementKind.IDENTITY_CARD,
        stage=Stage.APPLICATION,
        capability=Capability.IDENTITY_CARD,
        consent=Purpose.IDENTITY_VERIFICATION,
        valid_for_days=365,
        mismatches=3,
        on_reason=((PICTURE_OF_ANOTHER, OnMismatch.REFER),),
        reject_code="R12",
    ),
    ElementPolicy(
        kind=ElementKind.LIVENESS,
        stage=Stage.APPLICATION,
        capability=Capability.LIVENESS,
        consent=Purpose.FACE_RECOGNITION,
        valid_for_days=1,
        on_reason=(
            (PICTURE_OF_ANOTHER, OnMismatch.REFER),
            ("no_registered_photo", OnMismatch.REFER),
            ("registered_photo_unusable", OnMismatch.REFER),
        ),
        reject_code="R12",
        proves_presence=True,
        needs=(ElementKind.REAL_NAME, ElementKind.IDENTITY_CARD),
    ),
    ElementPolicy(
        kind=ElementKind.BANK_CARD,
        stage=Stage.APPLICATION,
        capability=Capability.BANK_CARD,
        consent=Purpose.BANK_CARD_VERIFICATION,
        valid_for_days=30,
    ),
    ElementPolicy(
        kind=ElementKind.OPERATOR_REPORT,
        stage=Stage.OPTIONAL,
        capability=Capability.OPERATOR_REPORT,
        consent=Purpose.OPERATOR_REPORT,
        valid_for_days=30,
        attempts=5,
        captured=True,
    ),
    ElementPolicy(
        kind=ElementKind.CREDIT_CARD,
        stage=Stage.OPTIONAL,
        capability=Capability.CREDIT_CARD,
        consent=Purpose.BANK_CARD_VERIFICATION,
        valid_for_days=30,
    ),
    ElementPolicy(
        kind=ElementKind.ONLINE_BANKING,
        stage=Stage.OPTIONAL,
        capability=Capability.ONLINE_BANKING,
        consent=Purpose.DATA_IMPORT,
        valid_for_days=30,
        attempts=5,
        captured=True,
    ),
    ElementPolicy(
        kind=ElementKind.ECOMMERCE,
        stage=Stage.OPTIONAL,
        capability=Capability.ECOMMERCE,
        consent=Purpose.DATA_IMPORT,
        valid_for_days=30,
        attempts=5,
        captured=True,
    ),
    ElementPolicy(
        kind=ElementKind.COMPANY,
        stage=Stage.OPTIONAL,
        capability=Capability.COMPANY,
        consent=Purpose.CREDIT_ANALYSIS,
        valid_for_days=90,
        on_mismatch=OnMismatch.REFER,
        needs=(),
    ),
    ElementPolicy(
        kind=ElementKind.GUARANTOR,
        stage=Stage.OPTIONAL,
        capability=Capability.REAL_NAME,
        consent=Purpose.CREDIT_ANALYSIS,
        valid_for_days=90,
    ),
    ElementPolicy(
        kind=ElementKind.CARD_TRANSACTION,
        stage=Stage.OPTIONAL,
        capability=Capability.TRANSACTION_AUTHENTICATION,
        consent=Purpose.BUREAU_QUERY,
        valid_for_days=30,
        on_mismatch=OnMismatch.REFER,
    ),
)

CATALOGUE: Final[Mapping[ElementKind, ElementPolicy]] = MappingProxyType(
    {entry.kind: entry for entry in _ENTRIES}
)


def asked_at(stage: Stage) -> tuple[ElementKind, ...]:
    """Return the kinds that are usually asked at `stage`, in their usual order."""
    return tuple(entry.kind for entry in _ENTRIES if entry.stage is stage)


BANK_CARD_BINDING: Final = ElementPolicy(
    kind=ElementKind.BANK_CARD,
    stage=Stage.APPLICATION,
    capability=Capability.CARD_BINDING,
    consent=Purpose.BANK_CARD_VERIFICATION,
    valid_for_days=30,
    captured=True,
    capture_within=timedelta(minutes=15),
    codes=3,
    codes_prove=True,
)
"""For products whose bank card is bound with a code by text message, in place of four factors."""
