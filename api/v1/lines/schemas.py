"""Credit lines, quotes and drawdowns."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Self

from pydantic import ConfigDict, Field

from api.http.next_actions import NextAction, next_actions
from api.http.schemas import Body, Currency, MinorUnits, ResponseBody
from domain.common.money import PositiveAmount
from domain.lines import DrawdownAction, line_actions
from domain.loans.schedule import Plan
from domain.people.principals import Principal
from domain.pricing.cost_sheet import CostSheet
from domain.products.products import MAX_CHOICE
from storage.lines.drawdowns import DrawdownRow, DrawdownState
from storage.lines.lines import LineRow
from storage.lines.quotes import QuoteRow


class LineResponse(ResponseBody):
    """A line: `reserved` is being disbursed, `drawn` is lent, `available` can be drawn."""

    id: str
    application_id: str
    offer_id: str
    state: Literal["active", "frozen", "used", "expired", "closed"]
    mode: Literal["single_batch", "revolving"]
    currency: Currency
    credit_limit: MinorUnits
    reserved: MinorUnits
    drawn: MinorUnits
    available: MinorUnits
    opened_at: datetime
    expires_at: datetime
    next_actions: list[NextAction] = Field(description="what the caller may do now")

    @classmethod
    def of(cls, caller: Principal, row: LineRow, now: datetime) -> Self:
        """Return the answer for a line as it stands at `now`."""
        possible = line_actions(row.state, row.available, is_over=now >= row.expires_at)
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "next_actions"}
        return cls.model_validate(
            {**fields, "next_actions": next_actions(caller, possible, line_id=row.id)}
        )


class QuoteCreate(Body):
    """What to plan; `amount` in minor units of the line's currency."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": 1000000, "instalments": 12}]}
    )

    amount: PositiveAmount
    instalments: int = Field(strict=True, ge=1, le=MAX_CHOICE)


class PlanRowResponse(ResponseBody):
    """One instalment of a plan; 0 is a down payment."""

    number: int
    due_on: date
    principal: MinorUnits
    interest: MinorUnits
    fee: MinorUnits
    total: MinorUnits
    balance_after: MinorUnits
    days: int


class PlanResponse(ResponseBody):
    """A repayment plan. Equal hashes are equal plans. `deducted` fees leave the proceeds."""

    currency: Currency
    total_interest: MinorUnits
    total_fees: MinorUnits
    deducted: MinorUnits
    total: MinorUnits
    hash: str
    rows: list[PlanRowResponse]

    @classmethod
    def of(cls, plan: Plan) -> "PlanResponse":
        """Return the answer for `plan`."""
        return cls.model_validate(plan)


class CapWarningResponse(ResponseBody):
    """The plan's `rate` is above the `limit` of a soft cap, both in percent a year."""

    rate: Decimal
    limit: Decimal
    source: str
    detail: str


class QuoteResponse(ResponseBody):
    """A trial plan, as if disbursed on `disbursed_on`. Confirm a drawdown by its `plan_hash`.

    `cost_sheet` is the all-in cost sheet to show before the borrower signs. `cap_warnings` are the
    soft rate caps that the plan is above; a plan above a hard one is never quoted.
    """

    id: str
    line_id: str
    currency: Currency
    amount: MinorUnits
    instalments: int
    annual_rate: Decimal
    penalty_annual_rate: Decimal
    disbursed_on: date
    total_interest: MinorUnits
    total_fees: MinorUnits
    deducted: MinorUnits
    total: MinorUnits
    plan_hash: str
    plan: list[PlanRowResponse]
    cost_sheet: CostSheet | None
    cap_warnings: list[CapWarningResponse]
    quoted_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: QuoteRow) -> Self:
        """Return the answer for a recorded quote."""
        terms, plan = row.terms, PlanResponse.of(row.plan)
        return cls(
            id=row.id,
            line_id=row.line_id,
            currency=row.currency,
            amount=row.amount,
            instalments=terms.instalments or len(plan.rows),
            annual_rate=terms.annual_rate,
            penalty_annual_rate=terms.penalty_annual_rate,
            disbursed_on=terms.disbursed_on,
            total_interest=plan.total_interest,
            total_fees=plan.total_fees,
            deducted=plan.deducted,
            total=plan.total,
            plan_hash=row.plan_hash,
            plan=plan.rows,
            cost_sheet=row.cost_sheet,
            cap_warnings=[CapWarningResponse.model_validate(one) for one in row.cap_warnings],
            quoted_at=row.quoted_at,
            expires_at=row.expires_at,
        )


class DrawdownCreate(Body):
    """The quote that the borrower saw, and the hash of its plan as their agreement to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"quote_id": "quo_06c2w8k3v5n9q1t7x4z2m6p8r0", "plan_hash": "ab" * 32}]
        }
    )

    quote_id: str = Field(pattern=r"^quo_[0-9a-z]{26}$")
    plan_hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class DrawdownResponse(ResponseBody):
    """A drawdown on its way to becoming the loan `loan_id`."""

    id: str
    line_id: str
    quote_id: str
    loan_id: str
    state: Literal["reserved", "signed", "disbursing", "disbursed", "failed"]
    currency: Currency
    amount: MinorUnits
    contract_no: str
    contract_sha256: str | None
    failure: str | None
    requested_at: datetime
    changed_at: datetime
    next_actions: list[NextAction] = Field(description="what the caller may do now")

    @classmethod
    def of(cls, caller: Principal, row: DrawdownRow) -> Self:
        """Return the answer for a drawdown."""
        is_loan = row.state is DrawdownState.DISBURSED
        possible = (DrawdownAction.READ_LOAN,) if is_loan else ()
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "next_actions"}
        return cls.model_validate(
            {**fields, "next_actions": next_actions(caller, possible, loan_id=row.loan_id)}
        )
