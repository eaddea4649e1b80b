"""What holds for each kind of element: what it needs, how long it counts, what a mismatch means.

A definition of this kind has one entry a kind of element; a product refers to one and says which of
the kinds it asks for. Another kind of element is a form in `domain.verification.elements`, an entry
here, and an adapter to whoever answers for it.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from pydantic import Field

from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.reject_codes import REJECT_CODES, STANDARD, RejectCodes
from domain.people.consents import Purpose
from domain.sources import Capability
from domain.verification.elements import FORMS, Element, ElementKind, PersonalInformation

PICTURE_OF_ANOTHER: Final = "picture_used_by_another"
"""The reason of a mismatch whose picture, bit by bit, another person gave before."""


class Stage(StrEnum):
    """When a product asks for an element; optional ones are taken with an application."""

    APPLICATION = "application"
    DRAWDOWN = "drawdown"
    OPTIONAL = "optional"


class OnMismatch(StrEnum):
    """What follows from a mismatch."""

    RESUBMIT = "resubmit"
    """The applicant may provide the element again; the last wrong attempt rejects."""
    REJECT = "reject"
    """The application is rejected at once."""
    REFER = "refer"
    """The element counts as provided and a person decides, whatever the policy would say."""


class ElementPolicy(Content):
    """What holds for one kind of element.

    `valid_for_days` counts from the business date of the verification: on the day so many days
    later it still counts. `capability` says which sources can answer; what that costs is in their
    profiles (`domain.sources`).
    `attempts` limits how often an element is taken in one application, answered or not;
    `mismatches` how often it may be wrong, there and by one person in 24 hours. `on_reason`
    overrides `on_mismatch` for a reason that the source gives. `reject_code` is the code of a
    rejection, by `reject` or after the last wrong attempt. An `imported` element is fetched from
    its source in steps: perhaps a code that the applicant is sent and enters, and a result that is
    waited for at most `import_within`. The wrong code that reaches `codes` ends it, where
    `codes_prove` with a mismatch: who cannot read the code does not have the mobile. What a face is
    asked to do may be shown for `challenge_valid_for`. A kind that `proves_presence` shows that the
    applicant is the person; it is verified in every channel anew. What a kind `needs` has been
    verified before anybody is asked about it, so that nothing rests on what was only typed.
    """

    kind: ElementKind
    capability: Capability
    consent: Purpose
    valid_for_days: int = Field(strict=True, ge=0, le=3650)
    attempts: int = Field(default=10, strict=True, ge=1, le=100)
    mismatches: int = Field(default=3, strict=True, ge=1, le=1000)
    on_mismatch: OnMismatch = OnMismatch.RESUBMIT
    on_reason: dict[str, OnMismatch] = Field(default_factory=dict)
    reject_code: str = "R01"
    imported: bool = False
    import_within: timedelta = Field(default=timedelta(hours=72), gt=timedelta())
    codes: int = Field(default=5, strict=True, ge=1, le=20)
    codes_prove: bool = False
    challenge_valid_for: timedelta = Field(default=timedelta(minutes=10), gt=timedelta())
    proves_presence: bool = False
    needs: tuple[ElementKind, ...] = (ElementKind.REAL_NAME,)

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that are asked for."""
        return tuple(name for name in FORMS[self.kind].model_fields if name != "kind")

    def consequence(self, reason: str | None) -> OnMismatch:
        """Return what follows from a mismatch for `reason`."""
        return self.on_reason.get(reason or "", self.on_mismatch)

    def counts_until(self, verified_on: date) -> date:
        """Return the last business date on which a verification of `verified_on` counts."""
        return verified_on + timedelta(days=self.valid_for_days)


ADDRESS_BOOK_CONSENT: Final = Purpose.CONTACTS_CHECK
"""What an address book needs beside the consent of the element that brings it.

The rules on necessary personal information of common apps (2021) do not count it as necessary for
a loan, so refusing it refuses nothing else.
"""


def consents_needed(policy: ElementPolicy, element: Element) -> dict[str, Purpose]:
    """Return what an element needs consents to, by what of it needs them."""
    needed = {str(policy.kind): policy.consent}
    if isinstance(element, PersonalInformation) and element.address_book is not None:
        needed["address_book"] = ADDRESS_BOOK_CONSENT
    return needed


class ElementPolicies(Content):
    """The policies, one a kind of element."""

    policies: tuple[ElementPolicy, ...] = Field(min_length=1)

    def find(self, kind: ElementKind) -> ElementPolicy | None:
        """Return what holds for a kind, None for one that is not taken under these policies."""
        return next((policy for policy in self.policies if policy.kind is kind), None)


def check_element_policies(content: ElementPolicies, others: InForce) -> Iterator[Finding]:
    """Say what is wrong with policies: kinds twice or left out, needs in a circle, reject codes."""
    seen: set[ElementKind] = set()
    codes = others.find(REJECT_CODES.name, STANDARD)
    for index, policy in enumerate(content.policies):
        where = f"policies.{index}"
        if policy.kind in seen:
            yield Finding(f"{where}.kind", f"{policy.kind} has two policies", "one entry a kind")
        seen.add(policy.kind)
        if not isinstance(codes, RejectCodes) or codes.find(policy.reject_code) is None:
            yield Finding(
                f"{where}.reject_code",
                f"{policy.reject_code} is not in the table reject_codes/{STANDARD}",
                "R01",
            )
        if policy.kind in _all_needs(content, policy.kind):
            yield Finding(f"{where}.needs", f"{policy.kind} would wait for itself", '["real_name"]')
    for kind in ElementKind:
        if kind not in seen:
            # What was verified for another product is kept, whatever this one asks for.
            yield Finding("policies", f"there is no policy for {kind}", f'kind = "{kind}"')


def _all_needs(content: ElementPolicies, kind: ElementKind) -> set[ElementKind]:
    """Return what a kind needs, directly or through another."""
    found: set[ElementKind] = set()
    ahead = [kind]
    while ahead:
        policy = content.find(ahead.pop())
        new = [need for need in policy.needs if need not in found] if policy else []
        found.update(new)
        ahead += new
    return found


ELEMENT_POLICIES: Final = Kind("element_policies", ElementPolicies, check_element_policies)
