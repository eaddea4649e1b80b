"""What was verified of an applicant: the only thing that further verifications rest on.

What was typed and not verified, or was refused, counts for nothing: else a card could be bound and
a face be matched under one name, and the application go on under another one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.applications.application import is_provided
from domain.products.products import AgreedProduct
from domain.verification.elements import ElementKind, IdentityCard, Operator, RealName
from storage.applications.applications import ApplicationRow
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository
from storage.verification.elements import ElementRepository, ElementStatus

_BY_DATA: Final = frozenset({ElementKind.REAL_NAME, ElementKind.OPERATOR})
"""The kinds of which what was verified is read; of others only how they stand."""


@dataclass(frozen=True)
class NotVerified:
    """Why nobody may be asked about an element: the code of what is missing."""

    reason: str


@dataclass(frozen=True, repr=False)
class VerifiedApplicant:
    """An applicant as verified for an application. Holds personal data.

    `mobile` may have been verified for an earlier application, as `known_identity` is: the number
    of the person that the applicant is and stays.
    """

    real_name: RealName | None
    mobile: str | None
    card: IdentityCard | None
    known_identity: str | None
    statuses: Mapping[ElementKind, ElementStatus] = field(default_factory=dict)

    def missing(self, product: AgreedProduct, kind: ElementKind) -> str | None:
        """Return the reason why `kind` cannot be asked about yet, None if it can."""
        policy = product.policy_of(kind)
        there = {
            ElementKind.REAL_NAME: self.real_name is not None,
            ElementKind.OPERATOR: self.mobile is not None,
        }
        for need in policy.needs:
            if need in there:
                met = there[need]
            else:
                met = need not in product.required_elements or self._counts(product, need)
            if not met:
                return f"{need}_required"
        return None

    def _counts(self, product: AgreedProduct, kind: ElementKind) -> bool:
        status = self.statuses.get(kind)
        return status is not None and is_provided(product, kind, status.verdict, status.reason)


async def verified_of(
    tx: Transaction,
    application: ApplicationRow,
    product: AgreedProduct,
    kinds: Collection[ElementKind],
) -> VerifiedApplicant:
    """Return what was verified of the applicant of an application by now, as `kinds` need it.

    The card's pictures are large: they are read only for a face, which is compared with them.
    """
    wanted = set(_BY_DATA)
    if ElementKind.LIVENESS in kinds:
        wanted.add(ElementKind.IDENTITY_CARD)
    matches = await ElementRepository(tx).newest_matches(application.id, wanted)
    given = {kind: match.data for kind, match in matches.items()}
    real_name, operator = given.get(ElementKind.REAL_NAME), given.get(ElementKind.OPERATOR)
    card = given.get(ElementKind.IDENTITY_CARD)
    personal = await ApplicantRepository(tx).personal(application.applicant_id)
    needs = {need for kind in kinds for need in product.policy_of(kind).needs}
    latest = await ElementRepository(tx).latest(application.id) if needs - _BY_DATA else []
    return VerifiedApplicant(
        real_name=real_name if isinstance(real_name, RealName) else None,
        mobile=operator.mobile if isinstance(operator, Operator) else personal.mobile,
        card=card if isinstance(card, IdentityCard) else None,
        known_identity=personal.identity_number,
        statuses={status.kind: status for status in latest},
    )
