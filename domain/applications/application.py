"""The states of an application and what may follow what."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.common.data import Data
from domain.common.errors import DomainError, FieldError
from domain.people.identity_documents import DOCUMENT_NOT_SUPPORTED
from domain.products.products import AgreedProduct
from domain.verification.element_policies import OnMismatch
from domain.verification.elements import Element, ElementKind, PersonalInformation, Verdict


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


class WrongState(DomainError):
    """A command does not fit the state that the application is in."""


class ApplicationPending(DomainError):
    """The person has an application for the same product that is not over.

    `application_id` is which one; who may not see it is not told in the message.
    """

    def __init__(self, message: str, application_id: str = "") -> None:
        super().__init__(message)
        self.application_id = application_id


class ReviewClosed(DomainError):
    """Somebody else decided the review first, or it was never open."""


class InvalidReview(FieldError):
    """A reviewer's word says something that cannot be; `field` names what to change."""


class ElementsMissing(DomainError):
    """An application was submitted before every required element was provided."""


class ElementRefused(DomainError):
    """An element cannot be taken: not asked for, verified already, or attempted too often.

    `field` names the one to leave out, where it is not the whole element.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class CodeRefused(DomainError):
    """A code came for an element that waits for none."""


class SupplementRefused(DomainError):
    """A reviewer asks for more than the product allows."""


class ElementRecord(BaseModel):
    """What the process remembers of one kind of element.

    A `reused` one was verified for an earlier application.
    """

    model_config = ConfigDict(extra="ignore")

    kind: ElementKind
    element_id: str
    attempts: int
    verdict: Verdict
    reason: str | None = None
    mismatches: int = 0
    reused: bool = False


class Rejection(Data):
    """Why an application was refused and from when the person may apply again."""

    code: str
    reapply_on: date | None


class Supplement(Data):
    """What a reviewer asked to be provided again; `round` counts from 1."""

    round: int
    kinds: tuple[ElementKind, ...]
    requested_by: str
    reason: str
    due_at: datetime


def is_provided(
    product: AgreedProduct, kind: ElementKind, verdict: Verdict | None, reason: str | None
) -> bool:
    """Say whether an element with this verdict counts as provided.

    A match does; so does what a person is to judge.
    """
    return verdict is Verdict.MATCH or is_referred(product, kind, verdict, reason)


def is_referred(
    product: AgreedProduct, kind: ElementKind, verdict: Verdict | None, reason: str | None
) -> bool:
    """Say whether a person is to judge an element: its policy says so, or no source can know.

    A real name that nobody could confirm is not judged: everything else rests on it.
    """
    if verdict is Verdict.MISMATCH:
        return product.policy_of(kind).consequence(reason) is OnMismatch.REFER
    unknown = verdict is Verdict.UNAVAILABLE and reason == DOCUMENT_NOT_SUPPORTED
    return unknown and kind is not ElementKind.REAL_NAME


def missing_elements(
    product: AgreedProduct,
    elements: Mapping[ElementKind, ElementRecord],
    supplement: Supplement | None = None,
) -> tuple[ElementKind, ...]:
    """Return the kinds that are asked for and not provided yet, in the product's order.

    Asked for is what `product` requires, and what a reviewer's `supplement` reopened.
    """
    asked = product.required_elements
    if supplement is not None:
        asked += tuple(kind for kind in supplement.kinds if kind not in asked)
    return tuple(
        kind
        for kind in asked
        if kind not in elements
        or not is_provided(product, kind, elements[kind].verdict, elements[kind].reason)
    )


def referred_elements(
    product: AgreedProduct, elements: Mapping[ElementKind, ElementRecord]
) -> tuple[ElementKind, ...]:
    """Return the kinds that a person is to judge."""
    return tuple(
        record.kind
        for record in elements.values()
        if is_referred(product, record.kind, record.verdict, record.reason)
    )


def rejecting_element(
    product: AgreedProduct, elements: Mapping[ElementKind, ElementRecord]
) -> ElementRecord | None:
    """Return the element whose mismatch rejects the application, None without one."""
    return next(
        (
            record
            for record in elements.values()
            if record.verdict is Verdict.MISMATCH
            and product.policy_of(record.kind).consequence(record.reason) is OnMismatch.REJECT
        ),
        None,
    )


def is_exhausted(product: AgreedProduct, record: ElementRecord) -> bool:
    """Say whether an element may not be provided again, however its last attempt ended."""
    policy = product.policy_of(record.kind)
    return record.attempts >= policy.attempts or record.mismatches >= policy.mismatches


def failed_element(
    product: AgreedProduct,
    elements: Mapping[ElementKind, ElementRecord],
    supplement: Supplement | None = None,
) -> ElementRecord | None:
    """Return an element that is asked for and was wrong at its last attempt, None without one.

    Where the last attempt got no answer at all nothing is known against the person: it never fails.
    """
    missing = missing_elements(product, elements, supplement)
    return next(
        (
            elements[kind]
            for kind in missing
            if kind in elements
            and elements[kind].verdict is Verdict.MISMATCH
            and is_exhausted(product, elements[kind])
        ),
        None,
    )


def check_may_provide(
    product: AgreedProduct,
    elements: Mapping[ElementKind, ElementRecord],
    kind: ElementKind,
    supplement: Supplement | None = None,
    together: Collection[ElementKind] = (),
) -> None:
    """Raise `ElementRefused` unless an element of `kind` may be provided now.

    What it needs comes before it, or `together` with it. One that was only taken over from an
    earlier application may be replaced.
    """
    if kind not in product.kinds and not (supplement and kind in supplement.kinds):
        raise ElementRefused(f"product {product.code} does not ask for {kind}")
    for need in product.needs_of(kind):
        if need not in together and not _is_on_its_way(product, elements.get(need)):
            raise ElementRefused(f"{kind} needs {need} first")
    known = elements.get(kind)
    if known is None or known.reused:
        return
    if is_provided(product, kind, known.verdict, known.reason):
        raise ElementRefused(f"{kind} is verified already")
    if known.verdict.is_open:
        raise ElementRefused(f"{kind} is being verified")
    policy = product.policy_of(kind)
    if known.attempts >= policy.attempts:
        raise ElementRefused(f"{kind} was tried {known.attempts} times, which is the limit")
    if known.mismatches >= policy.mismatches:
        raise ElementRefused(f"{kind} was wrong {known.mismatches} times, which is the limit")


def _is_on_its_way(product: AgreedProduct, record: ElementRecord | None) -> bool:
    return record is not None and (
        record.verdict.is_open or is_provided(product, record.kind, record.verdict, record.reason)
    )


def check_form(product: AgreedProduct, element: Element, place: str = "") -> None:
    """Raise `ElementRefused` where `element` brings more than `product` may be given.

    `place` stands before the name of the field, where the element is a part of something.
    """
    brings_book = isinstance(element, PersonalInformation) and element.address_book is not None
    if brings_book and not product.content.check_address_book:
        raise ElementRefused(
            f"product {product.code} does not take address books", field=f"{place}address_book"
        )


def check_may_supplement(
    product: AgreedProduct, rounds: int, kinds: Collection[ElementKind]
) -> None:
    """Raise `SupplementRefused` unless a reviewer may ask for `kinds` after so many `rounds`."""
    if rounds >= product.content.supplement_rounds:
        raise SupplementRefused(f"elements were asked for again {rounds} times, which is the limit")
    offered = product.kinds + product.drawdown_elements
    others = [kind for kind in kinds if kind not in offered]
    if others or not kinds:
        raise SupplementRefused(f"product {product.code} takes {', '.join(offered)}")


def next_reminder(product: AgreedProduct, last_step_at: datetime, sent: int) -> datetime | None:
    """Return when an applicant who last did something then is reminded next; None: not any more."""
    if sent >= len(product.content.reminders_after):
        return None
    return last_step_at + product.content.reminders_after[sent]
