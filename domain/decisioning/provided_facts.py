"""What a decision reads of what the applicant provided: only ever a reason to ask a person.

The facts are those of verifications. Nothing follows from what was not provided or is not told;
what is told can send a case to a person, and neither approves nor rejects it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Self

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
