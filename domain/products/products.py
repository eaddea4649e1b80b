"""Products as data: what is asked, what is offered, what decides."""

from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.common.errors import DomainError
from domain.decisioning.decision import DECISION_SOURCES
from domain.loans.fees import Fee
from domain.pricing.rate_caps import LenderKind
from domain.products.element_catalogue import (
    BANK_CARD_BINDING,
    CATALOGUE,
    ElementPolicy,
    Stage,
    asked_at,
)
from domain.sources import Capability
from domain.verification.elements import ElementKind


class UnknownProduct(DomainError):
    """No product has this code."""

    code = "unknown_product"


class OutsideProduct(DomainError):
    """An amount or a term lies outside what the product lends."""

    code = "outside_product"


class Product(BaseModel):
    """One loan product.

    Amounts are minor units, rates percent a year. `zone` is where its business dates are.
    `lender_kind` says which rate caps hold. `fees` are charged beside the interest. `funder` is the
    code of whoever lends the money; `settlement_bank` the code of the bank through which it moves,
    whose cash in transit has an account of its own.

    Elements: `required_elements` are asked for in this order before the decision,
    `drawdown_elements` before money is drawn, `optional_elements` are taken and never waited for.
    `element_policies` replace the catalogue's entries of their kinds. `check_address_book` compares
    emergency contacts with the address book of a person who allows it, `check_registered_photo` a
    living face with the photo that the registry keeps, besides the card's. Who stops providing is
    reminded `reminders_after` the last step. A reviewer may ask `supplement_rounds` times for
    elements again, each time to be provided `supplement_within`.

    `decision_sources` are asked for the decision; what one of them does not say is missing, and
    refers to a person.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    lender_kind: LenderKind
    currency: str
    zone: str
    amount_min: int
    amount_max: int
    amount_step: int
    instalments: tuple[int, ...]
    annual_rate: Decimal
    penalty_annual_rate: Decimal
    fees: tuple[Fee, ...] = ()
    funder: str = "own"
    settlement_bank: str | None = None
    mode: Literal["single_batch", "revolving"]
    required_elements: tuple[ElementKind, ...]
    optional_elements: tuple[ElementKind, ...] = ()
    drawdown_elements: tuple[ElementKind, ...] = ()
    element_policies: tuple[ElementPolicy, ...] = ()
    check_address_book: bool = False
    check_registered_photo: bool = True
    decision_sources: tuple[Capability, ...] = Field(default=DECISION_SOURCES, min_length=1)
    collecting_for: timedelta
    reminders_after: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=3))
    supplement_rounds: int = 2
    supplement_within: timedelta = timedelta(days=7)
    review_within: timedelta
    offer_valid_for: timedelta
    line_valid_for: timedelta
    quote_valid_for: timedelta

    @field_validator("decision_sources")
    @classmethod
    def _decided_by_rules(cls, sources: tuple[Capability, ...]) -> tuple[Capability, ...]:
        if not set(sources) <= set(DECISION_SOURCES):
            raise ValueError(f"the policy has rules for {', '.join(DECISION_SOURCES)}")
        return sources

    @property
    def asked_for_decision(self) -> tuple[Capability, ...]:
        """Return the sources that can be asked by then; the model score is of a verified card."""
        if ElementKind.BANK_CARD in self.required_elements:
            return self.decision_sources
        return tuple(one for one in self.decision_sources if one is not Capability.MODEL_SCORE)

    @property
    def elements(self) -> tuple[ElementKind, ...]:
        """Return the kinds that an application takes, the required ones first."""
        return self.required_elements + self.optional_elements

    def policy_of(self, kind: ElementKind) -> ElementPolicy:
        """Return what holds for a kind of element with this product."""
        own = {policy.kind: policy for policy in self.element_policies}
        return own.get(kind, CATALOGUE[kind])

    def needs_of(self, kind: ElementKind) -> tuple[ElementKind, ...]:
        """Return the kinds that are verified before one, of those that are asked for."""
        needs = self.policy_of(kind).needs
        return tuple(need for need in needs if need in self.required_elements)

    def fields_of(self, kind: ElementKind) -> tuple[str, ...]:
        """Return the names of the fields that a kind of element may bring with this product."""
        surplus = () if self.check_address_book else ("address_book",)
        return tuple(name for name in self.policy_of(kind).fields if name not in surplus)

    def check_request(self, amount: int, instalments: int) -> None:
        """Raise `OutsideProduct` unless `amount` over `instalments` months can be applied for."""
        if not self.amount_min <= amount <= self.amount_max or amount % self.amount_step:
            raise OutsideProduct(
                f"amount must be {self.amount_min} to {self.amount_max} in steps of"
                f" {self.amount_step} (minor units)"
            )
        if instalments not in self.instalments:
            raise OutsideProduct(f"instalments must be one of {list(self.instalments)}")


# Lent by banks through a platform: 24 % a year with all fees is a hard limit for such loans, and no
# lower one warns. A microloan company would be held to four times the loan prime rate from 2028.
# The penalty rate equals the contract rate: overdue principal then costs the borrower no more than
# the 24 % a year that interest, penalty and fees together may reach (domain facts, section 2.3).
CASH_LOAN = Product(
    code="cash",
    lender_kind=LenderKind.BANK,
    currency="CNY",
    zone="Asia/Shanghai",
    amount_min=100_000,
    amount_max=5_000_000,
    amount_step=10_000,
    instalments=(3, 6, 12, 24),
    annual_rate=Decimal("24"),
    penalty_annual_rate=Decimal("24"),
    mode="single_batch",
    required_elements=asked_at(Stage.APPLICATION),
    collecting_for=timedelta(days=7),
    review_within=timedelta(minutes=30),
    offer_valid_for=timedelta(days=7),
    line_valid_for=timedelta(days=15),
    quote_valid_for=timedelta(minutes=30),
)

# A line that is drawn on for a year is debited often: its card is bound with the bank's own code,
# as agreements for such debits are, and whatever else the applicant can show is taken.
REVOLVING_LOAN = CASH_LOAN.model_copy(
    update={
        "code": "revolving",
        "mode": "revolving",
        "line_valid_for": timedelta(days=365),
        "optional_elements": asked_at(Stage.OPTIONAL),
        "element_policies": (BANK_CARD_BINDING,),
    }
)

PRODUCTS = MappingProxyType({product.code: product for product in (CASH_LOAN, REVOLVING_LOAN)})

# Zones are built when the module is imported: the first ZoneInfo reads the environment, which
# workflow code may not do.
ZONES = MappingProxyType({product.zone: ZoneInfo(product.zone) for product in PRODUCTS.values()})


def product_of(code: str) -> Product:
    """Return the product with `code` or raise `UnknownProduct`."""
    try:
        return PRODUCTS[code]
    except KeyError:
        raise UnknownProduct(f"no product {code!r}; there are {sorted(PRODUCTS)}") from None
