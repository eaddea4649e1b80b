"""Products as they are offered: limits, terms, elements, and what they cost."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from api.http.schemas import Currency, MinorUnits, ResponseBody
from domain.common.business_days import BusinessDayRule
from domain.common.day_count import DayCount
from domain.common.frequency import Frequency
from domain.loans.early_settlement import EarlySettlement
from domain.loans.fees import Fee
from domain.loans.plan_terms import Method
from domain.pricing.rate_caps import LenderKind
from domain.products.costs import representative_loans
from domain.products.products import AgreedProduct
from domain.verification.elements import ElementKind


class ProductTermsResponse(ResponseBody):
    """On what terms the product lends. Rates are percent a year, amounts of fees minor units."""

    annual_rate: Decimal
    penalty_annual_rate: Decimal
    grace_days: int
    method: Method
    frequency: Frequency
    day_count: DayCount
    business_day_rule: BusinessDayRule
    principal_grace: int
    interest_grace: int
    interest_free: int
    fees: tuple[Fee, ...]
    early_settlement: EarlySettlement


class RepresentativeLoanResponse(ResponseBody):
    """What one loan costs, if all of it is drawn at once.

    `total` is what is paid in all, `total_cost` that beside the principal. `apr_simple` and
    `apr_compound` are over all costs, as on the cost sheet of a quote; where there is no such rate,
    `reason` says why.
    """

    amount: MinorUnits
    instalments: int
    proceeds: MinorUnits
    total: MinorUnits
    total_cost: MinorUnits
    apr_simple: Decimal | None
    apr_compound: Decimal | None
    reason: str | None


class ProductResponse(ResponseBody):
    """One product in force: what an application that begins now is agreed on."""

    code: str
    version: int = Field(description="of the definition that is in force")
    lender_kind: LenderKind
    currency: Currency
    zone: str
    mode: Literal["single_batch", "revolving"]
    amount_min: MinorUnits
    amount_max: MinorUnits
    amount_step: MinorUnits
    instalments: tuple[int, ...] = Field(description="the numbers of them to choose from")
    terms: ProductTermsResponse
    required_elements: tuple[ElementKind, ...]
    optional_elements: tuple[ElementKind, ...]
    drawdown_elements: tuple[ElementKind, ...]
    loans: list[RepresentativeLoanResponse] = Field(
        description="every choice of instalments at the smallest, a middle and the largest amount"
    )

    @classmethod
    def of(cls, product: AgreedProduct, on: date) -> "ProductResponse":
        """Return the answer for a product as it lends on a day."""
        content = product.content
        return cls(
            code=product.code,
            version=product.product.ref.version,
            lender_kind=content.lender_kind,
            currency=content.currency,
            zone=content.zone,
            mode=content.mode,
            amount_min=content.amount_min,
            amount_max=content.amount_max,
            amount_step=content.amount_step,
            instalments=content.instalments,
            terms=ProductTermsResponse.model_validate(content.terms),
            required_elements=content.required_elements,
            optional_elements=content.optional_elements,
            drawdown_elements=content.drawdown_elements,
            loans=[
                RepresentativeLoanResponse.model_validate(loan)
                for loan in representative_loans(content, on)
            ],
        )
