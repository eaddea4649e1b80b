"""What an applicant has had verified before: what a later application or drawdown may rest on."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from domain.common.calendar import business_date
from domain.common.data import Data
from domain.common.errors import DomainError
from domain.people.consents import Purpose
from domain.products.products import AgreedProduct
from domain.verification.elements import ElementKind


class DrawdownElementsMissing(DomainError):
    """Money is to be drawn before the elements that the product asks for then are verified."""


class EarlierVerification(Data):
    """An element of a person that was verified before; `own` says that it is this applicant's.

    The others are of the same person as another channel's applicant. `valid_until` is when what was
    verified ends of itself, as an identity card does.
    """

    kind: ElementKind
    element_id: str
    application_id: str
    verified_at: datetime
    valid_until: date | None = None
    own: bool

    def counts_until(self, product: AgreedProduct) -> date:
        """Return the last business date on which it counts for `product`."""
        return counts_until(product, self.kind, self.verified_at, self.valid_until)


def counts_until(
    product: AgreedProduct, kind: ElementKind, verified_at: datetime, valid_until: date | None
) -> date:
    """Return the last business date on which a match of `verified_at` counts for `product`.

    What was verified may end of itself before, on `valid_until`.
    """
    verified_on = business_date(verified_at, product.zone)
    by_policy = product.policy_of(kind).counts_until(verified_on)
    return min(by_policy, valid_until) if valid_until else by_policy


def usable_verifications(
    product: AgreedProduct,
    kinds: Iterable[ElementKind],
    earlier: Iterable[EarlierVerification],
    on: date,
    *,
    consented: Collection[Purpose],
    is_present: bool,
) -> tuple[EarlierVerification, ...]:
    """Return the earlier verifications of `kinds` that count on the business date `on`, one a kind.

    Using one again is another use of it, for which its purpose must be `consented` to now.
    The applicant's own come first, then the ones verified last. What another channel's applicant
    had verified is used only where `is_present`: this applicant has proven, by a living face, to be
    that person. Knowing a name and a number is not enough to be given what somebody else proved.
    """
    ranked = sorted(earlier, key=lambda item: (item.own, item.verified_at), reverse=True)
    usable: dict[ElementKind, EarlierVerification] = {}
    for item in ranked:
        if not product.knows(item.kind):
            continue
        policy = product.policy_of(item.kind)
        valid = on <= item.counts_until(product) and policy.consent in consented
        theirs = item.own or (is_present and not policy.proves_presence)
        if valid and theirs:
            usable.setdefault(item.kind, item)
    return tuple(usable[kind] for kind in kinds if kind in usable)


def check_may_draw(
    product: AgreedProduct,
    earlier: Iterable[EarlierVerification],
    on: date,
    consented: Collection[Purpose],
) -> None:
    """Raise `DrawdownElementsMissing` unless what is asked at drawdown counts on `on`.

    What the applicant had verified before, also for the application itself, counts while it is
    valid and its purpose is `consented` to.
    """
    usable = usable_verifications(
        product, product.drawdown_elements, earlier, on, consented=consented, is_present=False
    )
    missing = set(product.drawdown_elements) - {item.kind for item in usable}
    if missing:
        asked = [kind for kind in product.drawdown_elements if kind in missing]
        raise DrawdownElementsMissing(f"not verified, or not any more: {', '.join(asked)}")
