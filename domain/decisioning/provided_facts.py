"""What a decision reads of what the applicant provided: only ever a reason to ask a person.

The facts are those of verifications. Nothing follows from what was not provided or is not told;
what is told can send a case to a person, and neither approves nor rejects it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Self

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


class AccountFlows(Data):
    """Of a bank account's lines, a month's in minor units (`domain.verification.bank_flows`)."""

    balance_follows: bool | None = None
    income_monthly: int | None = None
    fixed_outgoings: int | None = None
    loan_instalments: int | None = None


class BureauFile(Data):
    """Of the full report of a bureau; `monthly_payments` in minor units."""

    monthly_payments: int | None = None
    overdue_now: bool | None = None
    enquiries_90d: int | None = None
    overdue_months_24: int | None = None


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


_WHOLE: Final = (
    ElementKind.OPERATOR_REPORT,
    ElementKind.ONLINE_BANKING,
    ElementKind.ECOMMERCE,
    ElementKind.BANK_FLOWS,
    ElementKind.BUREAU_REPORT,
)


class Provided(Data):
    """What is told of each, None without it."""

    operator_report: OperatorAccount | None = None
    online_banking: CardStatements | None = None
    ecommerce: PlatformAccount | None = None
    bank_flows: AccountFlows | None = None
    bureau_report: BureauFile | None = None
    address_book: AddressBook | None = None
    face: FaceLikeness | None = None

    @classmethod
    def of(cls, facts: Mapping[ElementKind, Mapping[str, Any]]) -> Self:
        """Return what is told by the facts of verifications, by kind of element."""
        return cls.model_validate(
            {
                **{kind: facts.get(kind) or None for kind in _WHOLE},
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

_COUNTS: Final = (
    ("operator_months", "operator_report.months_on_network", "months_on_network_refer_below"),
    ("operator_silent_days", "operator_report.silent_days_30d", "silent_days_refer_above"),
    ("operator_unpaid_bills", "operator_report.unpaid_bills", "unpaid_bills_refer_above"),
    ("operator_collector_calls", "operator_report.collector_calls", "collector_calls_refer_above"),
    ("statements_overdue", "online_banking.overdue_bills", "overdue_statements_refer_above"),
    (
        "statements_utilisation",
        "online_banking.utilisation_per_mille",
        "utilisation_per_mille_refer_above",
    ),
    ("address_book_entries", "address_book.entries", "address_book_refer_below"),
    ("address_book_entries", "address_book.entries", "address_book_refer_above"),
    ("address_book_overdue", "address_book.overdue_entries", "overdue_contacts_refer_above"),
)
"""Rule, what it reads, and the limit; its name says on which side a person has to look."""

_ANSWERS: Final = (
    ("operator_inactive", "operator_report.active", False, "not active"),
    ("platform_name", "ecommerce.name_matches", False, "another name"),
    ("platform_credit_overdue", "ecommerce.credit_overdue", True, "overdue"),
    ("flows_altered", "bank_flows.balance_follows", False, "a balance does not follow"),
    ("bureau_overdue", "bureau_report.overdue_now", True, "overdue"),
)
"""Rule, what it reads, the answer that a person has to look at, and that answer in words."""


def provided_hits(provided: Provided, limits: ProvidedLimits) -> Iterator[Found]:
    """Yield what a person has to look at."""
    for rule, what, limit in _COUNTS:
        count, bound = _told(provided, what), getattr(limits, limit)
        if count is not None and (count < bound if limit.endswith("_below") else count > bound):
            yield rule, count
    for rule, what, answer, words in _ANSWERS:
        if _told(provided, what) is answer:
            yield rule, words
    for side in ("card", "registry"):
        likeness, threshold = (
            _told(provided, f"face.{side}_{what}") for what in ("similarity", "threshold")
        )
        known = likeness is not None and threshold is not None
        if known and likeness - threshold < limits.face_margin_refer_below:
            yield f"face_narrow_{side}", f"{likeness} of {threshold}"


def _told(provided: Provided, what: str) -> Any:
    """Return a field of what was provided, such as `face.card_similarity`; None without it."""
    part, field = what.split(".")
    return getattr(getattr(provided, part), field, None)
