"""The states of an application and what may follow what."""

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.elements import ElementKind, Verdict
from domain.errors import DomainError
from domain.products import Product


class ApplicationState(StrEnum):
    """Where an application stands; the last four are final."""

    COLLECTING = "collecting"
    DECIDING = "deciding"
    IN_REVIEW = "in_review"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Say whether nothing can happen to the application any more."""
        return self in _FINAL


_FINAL = frozenset(
    {
        ApplicationState.ACCEPTED,
        ApplicationState.REJECTED,
        ApplicationState.WITHDRAWN,
        ApplicationState.EXPIRED,
    }
)


class Waiting(StrEnum):
    """Whose move it is."""

    APPLICANT = "applicant"
    PROVIDER = "provider"
    DECISION = "decision"
    REVIEWER = "reviewer"
    NOTHING = "nothing"


class ApplicationClosed(DomainError):
    """A command came for an application that is final."""

    code = "application_closed"


class WrongState(DomainError):
    """A command does not fit the state that the application is in."""

    code = "wrong_state"


class ReviewClosed(DomainError):
    """Somebody else decided the review first, or it was never open."""

    code = "review_closed"


class ElementsMissing(DomainError):
    """An application was submitted before every required element was verified."""

    code = "elements_missing"


class ElementRefused(DomainError):
    """An element cannot be taken: not asked for, verified already, or tried too often."""

    code = "element_refused"


class ElementRecord(BaseModel):
    """What the process remembers of one kind of element."""

    model_config = ConfigDict(extra="ignore")

    kind: ElementKind
    element_id: str
    attempts: int
    verdict: Verdict
    reason: str | None = None


class Rejection(BaseModel):
    """Why an application was refused and from when the person may apply again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    reapply_on: date | None


def missing_elements(
    product: Product, elements: dict[ElementKind, ElementRecord]
) -> tuple[ElementKind, ...]:
    """Return the kinds that `product` requires and that are not verified yet, in its order."""
    return tuple(
        kind
        for kind in product.required_elements
        if kind not in elements or elements[kind].verdict is not Verdict.MATCH
    )


def check_may_provide(
    product: Product, elements: dict[ElementKind, ElementRecord], kind: ElementKind
) -> None:
    """Raise `ElementRefused` unless an element of `kind` may be provided now."""
    if kind not in product.required_elements:
        raise ElementRefused(f"product {product.code} does not ask for {kind}")
    known = elements.get(kind)
    if known is None:
        return
    if known.verdict is Verdict.MATCH:
        raise ElementRefused(f"{kind} is verified already")
    if known.verdict is Verdict.PENDING:
        raise ElementRefused(f"{kind} is being verified")
    if known.attempts >= product.element_attempts:
        raise ElementRefused(f"{kind} was tried {known.attempts} times, which is the limit")
