"""Products: what is offered to whom, what it asks for, and on what terms it lends."""

from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field

from domain.common.data import Data
from domain.common.definitions import Agreed, Code, Content
from domain.common.errors import DomainError
from domain.common.money import format_amount
from domain.decisioning.decision import DECISION_SOURCES
from domain.loans.bank_accounts import BankAccounts
from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms
from domain.pricing.rate_caps import CapFinding, CappedLender, LenderKind, RateCaps, enforce_caps
from domain.pricing.trial import plan_rates
from domain.pricing.trial_rates import existing
from domain.products.terms import TermsTemplate, terms_of
from domain.sources import Capability
from domain.verification.element_policies import ElementPolicies, ElementPolicy
from domain.verification.elements import ElementKind


class UnknownProduct(DomainError):
    """No product has this code."""


class UnknownElementKind(DomainError):
    """A kind of element that came up after the policies that an application was agreed under."""


class OutsideProduct(DomainError):
    """An amount or a term lies outside what the product lends."""


MAX_CHOICE = 120
"""The most instalments that can be applied for."""

_Amount = Annotated[int, Field(strict=True, gt=0)]
_Choice = Annotated[int, Field(strict=True, ge=1, le=MAX_CHOICE)]
_PARTY = r"^[a-z0-9_-]{1,32}$"
_Duration = Annotated[timedelta, Field(gt=timedelta())]


class Product(Content):
    """One loan product.

    Amounts are minor units of `currency`; `instalments` are the numbers of them to choose from.
    `zone` is where its business dates are. `lender_kind` says which rate caps hold. `funder` is the
    code of whoever lends the money; `bank_accounts` are the lender's bank accounts through which it
    moves: cash has an account of its own in the ledger for each.

    Elements: `required_elements` are asked for in this order before the decision,
    `drawdown_elements` before money is drawn, `optional_elements` are taken and never waited for;
    what holds for each is in the definition `element_policies`. `check_address_book` compares
    emergency contacts with the address book of a person who allows it, `check_registered_photo` a
    living face with the photo that the registry keeps, besides the card's. Who stops providing is
    reminded `reminders_after` the last step. A reviewer may ask `supplement_rounds` times for
    elements again, each time to be provided `supplement_within`.

    `decision_sources` are asked for the decision, which the definition `decision_policy` takes;
    what one of them does not say is missing, and refers to a person. `collections`, `servicing` and
    `contract` are the codes of the ladder, the servicing policy and the contract of its loans.
    """

    lender_kind: LenderKind
    currency: str
    zone: str
    amount_min: _Amount
    amount_max: _Amount
    amount_step: _Amount
    instalments: tuple[_Choice, ...] = Field(min_length=1, max_length=36)
    terms: TermsTemplate
    funder: str = Field(default="own", pattern=_PARTY)
    bank_accounts: BankAccounts | None = None
    mode: Literal["single_batch", "revolving"]
    required_elements: tuple[ElementKind, ...]
    optional_elements: tuple[ElementKind, ...] = ()
    drawdown_elements: tuple[ElementKind, ...] = ()
    check_address_book: bool = Field(default=False, strict=True)
    check_registered_photo: bool = Field(default=True, strict=True)
    decision_sources: tuple[Capability, ...] = Field(default=DECISION_SOURCES, min_length=1)
    collecting_for: _Duration
    reminders_after: tuple[_Duration, ...] = (timedelta(days=1), timedelta(days=3))
    supplement_rounds: int = Field(default=2, strict=True, ge=0, le=10)
    supplement_within: _Duration = timedelta(days=7)
    review_within: _Duration
    offer_valid_for: _Duration
    line_valid_for: _Duration
    quote_valid_for: _Duration
    element_policies: Code
    decision_policy: Code
    collections: Code
    servicing: Code
    contract: Code

    @property
    def asked_for_decision(self) -> tuple[Capability, ...]:
        """Return the sources that can be asked by then; the model score is of a verified card."""
        if ElementKind.BANK_CARD in self.required_elements:
            return self.decision_sources
        return tuple(one for one in self.decision_sources if one is not Capability.MODEL_SCORE)

    def loan_terms(self, amount: int, instalments: int, on: date) -> LoanTerms:
        """Return the terms of a loan that is drawn on a day; raises `InvalidTerms`."""
        return terms_of(
            self.terms,
            currency=self.currency,
            principal=amount,
            instalments=instalments,
            disbursed_on=on,
        )

    def check_request(self, amount: int, instalments: int) -> None:
        """Raise `OutsideProduct` unless `amount` over `instalments` can be applied for."""
        if not self.amount_min <= amount <= self.amount_max or amount % self.amount_step:
            raise OutsideProduct(
                f"amount must be {format_amount(self.amount_min, self.currency)} to"
                f" {format_amount(self.amount_max, self.currency)} {self.currency}"
                f" in steps of {format_amount(self.amount_step, self.currency)}"
            )
        if instalments not in self.instalments:
            raise OutsideProduct(
                f"instalments must be one of {', '.join(map(str, self.instalments))}"
            )

    def lendable(self, most: int) -> int:
        """Return what is lent where `most` may be: whole steps, and the least amount at least."""
        return max(most - most % self.amount_step, self.amount_min)


class AgreedProduct(Data):
    """A product and its element policies, as they were given to a process when it started."""

    product: Agreed[Product]
    elements: Agreed[ElementPolicies]

    @property
    def code(self) -> str:
        """Return the product's code."""
        return self.product.ref.code

    @property
    def content(self) -> Product:
        """Return what the product says."""
        return self.product.content

    @property
    def zone(self) -> str:
        """Return the name of the time zone in which its business dates are."""
        return self.content.zone

    @property
    def required_elements(self) -> tuple[ElementKind, ...]:
        """Return the kinds that are asked for before the decision, in their order."""
        return self.content.required_elements

    @property
    def optional_elements(self) -> tuple[ElementKind, ...]:
        """Return the kinds that are taken and never waited for."""
        return self.content.optional_elements

    @property
    def drawdown_elements(self) -> tuple[ElementKind, ...]:
        """Return the kinds that are asked for before money is drawn."""
        return self.content.drawdown_elements

    @property
    def kinds(self) -> tuple[ElementKind, ...]:
        """Return the kinds that an application takes, the required ones first."""
        return self.required_elements + self.optional_elements

    def policy_of(self, kind: ElementKind) -> ElementPolicy:
        """Return what holds for a kind of element; raises `UnknownElementKind`."""
        policy = self.elements.content.find(kind)
        if policy is None:
            raise UnknownElementKind(f"{self.elements.ref} says nothing of {kind}")
        return policy

    def knows(self, kind: ElementKind) -> bool:
        """Say whether anything holds for a kind of element."""
        return self.elements.content.find(kind) is not None

    def needs_of(self, kind: ElementKind) -> tuple[ElementKind, ...]:
        """Return the kinds that are verified before one, of those that are asked for."""
        needs = self.policy_of(kind).needs
        return tuple(need for need in needs if need in self.required_elements)

    def fields_of(self, kind: ElementKind) -> tuple[str, ...]:
        """Return the names of the fields that a kind of element may bring with this product."""
        surplus = () if self.content.check_address_book else ("address_book",)
        return tuple(name for name in self.policy_of(kind).fields if name not in surplus)

    def at_drawdown(self) -> Self:
        """Return the product as it asks for elements on a line: those before money is drawn."""
        asking = self.content.model_copy(
            update={"required_elements": self.drawdown_elements, "optional_elements": ()}
        )
        return self.model_copy(
            update={"product": Agreed[Product](ref=self.product.ref, content=asking)}
        )


def check_plan(
    product: Product, terms: LoanTerms, plan: Plan, caps: RateCaps
) -> tuple[CapFinding, ...]:
    """Return the soft ones of `caps` that a plan is above.

    Raises `RateCapExceeded` on a hard cap of the product's lender, `CapUnknown` when it cannot be
    tested.
    """
    rates = existing(plan_rates(terms, plan))
    return enforce_caps(CappedLender(product.lender_kind, caps), terms.disbursed_on, rates)


def check_release(product: Product, on: date, caps: RateCaps) -> tuple[CapFinding, ...]:
    """Check every term of a product at its smallest and largest amount, contracted on `on`.

    Returns and raises as `check_plan`, and `InvalidTerms`.
    """
    warnings: list[CapFinding] = []
    for instalments in product.instalments:
        for amount in (product.amount_min, product.amount_max):
            terms = product.loan_terms(amount, instalments, on)
            warnings += check_plan(product, terms, build_plan(terms), caps)
    return tuple(warnings)
