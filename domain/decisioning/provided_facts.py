"""What a decision reads of what the applicant provided: only ever a reason to ask a person.

The facts are those of verifications. Nothing follows from what was not provided or is not told;
what is told can send a case to a person, and neither approves nor rejects it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field

from domain.common.data import Data
from domain.verification.elements import ElementKind


class OperatorAccount(Data):
    """Of the operator's report; `silent_days_30d` are days of the last 30 without a call."""

    months_on_network: int | None = None
    active: bool | None = None
    silent_days_30d: int | None = None
    unpaid_bills: int | None = None
    collector_calls: int | None = None


class CardStatements(Data):
    """Of imported statements; `utilisation_per_mille` is what is used of the limits."""

    overdue_bills: int | None = None
    utilisation_per_mille: int | None = None


class PlatformAccount(Data):
    """Of an account at a platform, and of what the platform itself lent."""

    name_matches: bool | None = None
    credit_overdue: bool | None = None


class AddressBook(Data):
    """Counts of an address book; `overdue_entries` the source knows as overdue."""

    entries: int | None = None
    overdue_entries: int | None = None


class FaceLikeness(Data):
    """Of the face: how alike it is to card and registry, and from where on each passes."""

    card_similarity: Decimal | None = None
    card_threshold: Decimal | None = None
    registry_similarity: Decimal | None = None
    registry_threshold: Decimal | None = None


class Provided(Data):
    """What is told of each, None without it."""

    operator_report: OperatorAccount | None = None
    online_banking: CardStatements | None = None
    ecommerce: PlatformAccount | None = None
    address_book: AddressBook | None = None
    face: FaceLikeness | None = None

    @classmethod
    def of(cls, facts: Mapping[ElementKind, Mapping[str, Any]]) -> Self:
        """Return what is told by the facts of verifications, by kind of element."""
        return cls.model_validate(
            {
                "operator_report": facts.get(ElementKind.OPERATOR_REPORT) or None,
                "online_banking": facts.get(ElementKind.ONLINE_BANKING) or None,
                "ecommerce": facts.get(ElementKind.ECOMMERCE) or None,
                "address_book": facts.get(ElementKind.PERSONAL_INFORMATION, {}).get("address_book"),
                "face": facts.get(ElementKind.LIVENESS) or None,
            }
        )


_Count = Annotated[int, Field(strict=True, ge=0)]


class ProvidedLimits(Data):
    """Beyond which of them a person decides.

    The face's margin is by how much a similarity lies above its threshold.
    """

    months_on_network_refer_below: _Count
    silent_days_refer_above: _Count
    unpaid_bills_refer_above: _Count
    collector_calls_refer_above: _Count
    overdue_statements_refer_above: _Count
    utilisation_per_mille_refer_above: _Count
    address_book_refer_below: _Count
    address_book_refer_above: _Count
    overdue_contacts_refer_above: _Count
    face_margin_refer_below: Decimal = Field(ge=0, le=1)


Found = tuple[str, int | str]
"""A rule's name and what it read."""


def provided_hits(provided: Provided, limits: ProvidedLimits) -> tuple[Found, ...]:
    """Return what a person has to look at."""
    found = (
        *_of_the_operator(provided.operator_report or OperatorAccount(), limits),
        *_of_statements(provided.online_banking or CardStatements(), limits),
        *_of_a_platform(provided.ecommerce or PlatformAccount()),
        *_of_the_address_book(provided.address_book or AddressBook(), limits),
        *_of_the_face(provided.face or FaceLikeness(), limits),
    )
    return tuple(one for one in found if one is not None)


def _of_the_operator(account: OperatorAccount, limits: ProvidedLimits) -> tuple[Found | None, ...]:
    return (
        _below("operator_months", account.months_on_network, limits.months_on_network_refer_below),
        ("operator_inactive", "not active") if account.active is False else None,
        _above("operator_silent_days", account.silent_days_30d, limits.silent_days_refer_above),
        _above("operator_unpaid_bills", account.unpaid_bills, limits.unpaid_bills_refer_above),
        _above(
            "operator_collector_calls", account.collector_calls, limits.collector_calls_refer_above
        ),
    )


def _of_statements(statements: CardStatements, limits: ProvidedLimits) -> tuple[Found | None, ...]:
    return (
        _above(
            "statements_overdue", statements.overdue_bills, limits.overdue_statements_refer_above
        ),
        _above(
            "statements_utilisation",
            statements.utilisation_per_mille,
            limits.utilisation_per_mille_refer_above,
        ),
    )


def _of_a_platform(account: PlatformAccount) -> tuple[Found | None, ...]:
    return (
        ("platform_name", "another name") if account.name_matches is False else None,
        ("platform_credit_overdue", "overdue") if account.credit_overdue else None,
    )


def _of_the_address_book(book: AddressBook, limits: ProvidedLimits) -> tuple[Found | None, ...]:
    return (
        _below("address_book_entries", book.entries, limits.address_book_refer_below),
        _above("address_book_entries", book.entries, limits.address_book_refer_above),
        _above("address_book_overdue", book.overdue_entries, limits.overdue_contacts_refer_above),
    )


def _of_the_face(face: FaceLikeness, limits: ProvidedLimits) -> tuple[Found | None, ...]:
    margin = limits.face_margin_refer_below
    return (
        _narrow("face_narrow_card", face.card_similarity, face.card_threshold, margin),
        _narrow("face_narrow_registry", face.registry_similarity, face.registry_threshold, margin),
    )


def _narrow(
    rule: str, similarity: Decimal | None, threshold: Decimal | None, margin: Decimal
) -> Found | None:
    if similarity is None or threshold is None or similarity - threshold >= margin:
        return None
    return rule, f"{similarity} of {threshold}"


def _below(rule: str, value: int | None, limit: int) -> Found | None:
    return (rule, value) if value is not None and value < limit else None


def _above(rule: str, value: int | None, limit: int) -> Found | None:
    return (rule, value) if value is not None and value > limit else None
