"""Loans, payoff quotes and repayments."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.http.next_actions import NextAction, next_actions
from api.http.schemas import Body, Currency, MinorUnits, ResponseBody
from api.v1.lines.schemas import PlanResponse, PlanRowResponse
from domain.common.money import Amount, PositiveAmount
from domain.loans.actions import RepaymentAction, loan_actions
from domain.loans.position import Position
from domain.loans.servicing import ServicingPolicy
from domain.loans.state import state_of
from domain.loans.statement import Movement, Statement
from domain.loans.terms_in_force import TermsInForce
from domain.people.principals import Principal
from services.loans.listing import ListedLoan
from services.loans.reading import LoanOnDay, QuotedPayoff
from storage.loans.loans import LoanRow
from storage.loans.repayments import RepaymentRow, RepaymentState


class PositionResponse(Position):
    """A position with the bucket that the loan's servicing policy puts it in."""

    bucket: str

    @classmethod
    def of(cls, position: Position, servicing: ServicingPolicy) -> "PositionResponse":
        """Return the answer for `position`."""
        bucket = servicing.bucket_of(position.days_past_due)
        return cls.model_construct(**dict(position), bucket=bucket)


class LoanSummary(ResponseBody):
    """A loan in a list, as it stands on `business_date`, its today.

    `waiting_since` is when a debit was ordered of which the bank has not said how it ended.
    """

    id: str
    line_id: str
    drawdown_id: str
    currency: Currency
    principal: MinorUnits
    state: Literal["current", "overdue", "settled", "written_off"]
    bucket: str
    risk_class: str | None
    days_past_due: int
    principal_outstanding: MinorUnits
    next_due_on: date | None
    next_due_amount: MinorUnits | None
    business_date: date
    disbursed_on: date
    settled_on: date | None
    waiting_since: datetime | None

    @classmethod
    def of(cls, loan: ListedLoan) -> Self:
        """Return the answer for a loan of a list."""
        return cls.model_validate({**dict(loan.row), "bucket": loan.bucket})


class WaitingResponse(ResponseBody):
    """What a loan waits for: the bank, which has not said what became of a debit.

    Meanwhile no other debit is sent. What is recorded by hand counts at once; should the debit
    have succeeded after all, what is then too much is the borrower's credit.
    """

    waits_for: Literal["bank"] = "bank"
    repayment_id: str
    amount: MinorUnits
    since: datetime


class LoanResponse(ResponseBody):
    """A loan with its position at the end of the business date `position.as_of`.

    `annual_rate` and `instalments` are those in force on that day; `terms_history` says since when,
    and what held before.
    """

    id: str
    line_id: str
    drawdown_id: str
    currency: Currency
    principal: MinorUnits
    annual_rate: Decimal
    penalty_annual_rate: Decimal
    instalments: int
    disbursed_on: date
    plan_hash: str
    state: Literal["current", "overdue", "settled", "written_off"]
    position: PositionResponse
    terms_history: list[TermsInForce]
    waiting: WaitingResponse | None
    next_actions: list[NextAction] = Field(description="what the caller may do now")

    @classmethod
    def of(cls, caller: Principal, found: LoanOnDay) -> Self:
        """Return the answer for a loan as it was found."""
        loan, stands, now = found.loan, found.position, found.terms_history[-1]
        return cls(
            id=loan.id,
            line_id=loan.line_id,
            drawdown_id=loan.drawdown_id,
            currency=loan.currency,
            principal=loan.principal,
            annual_rate=now.annual_rate,
            penalty_annual_rate=loan.terms.penalty_annual_rate,
            instalments=now.instalments,
            disbursed_on=loan.disbursed_on,
            plan_hash=loan.plan_hash,
            state=state_of(stands).value,
            position=PositionResponse.of(stands, found.servicing),
            terms_history=list(found.terms_history),
            waiting=None if found.in_flight is None else _waiting(found.in_flight),
            next_actions=next_actions(
                caller,
                loan_actions(state_of(stands), is_at_bank=found.in_flight is not None),
                loan_id=loan.id,
            ),
        )


def _waiting(repayment: RepaymentRow) -> WaitingResponse:
    return WaitingResponse(
        repayment_id=repayment.id, amount=repayment.amount, since=repayment.requested_at
    )


class LoanPlanResponse(ResponseBody):
    """The plan that the loan is billed by."""

    loan_id: str
    currency: Currency
    total_interest: MinorUnits
    total_fees: MinorUnits
    deducted: MinorUnits
    total: MinorUnits
    plan_hash: str
    rows: list[PlanRowResponse]

    @classmethod
    def of(cls, loan: LoanRow) -> Self:
        """Return the answer for a loan."""
        plan = PlanResponse.of(loan.plan)
        return cls(
            loan_id=loan.id,
            currency=loan.currency,
            total_interest=plan.total_interest,
            total_fees=plan.total_fees,
            deducted=plan.deducted,
            total=plan.total,
            plan_hash=loan.plan_hash,
            rows=plan.rows,
        )


class PayoffResponse(ResponseBody):
    """What settles the loan on `valid_on`; pay exactly `total` as `payoff_total`."""

    loan_id: str
    currency: Currency
    principal: MinorUnits
    interest_due: MinorUnits
    accrued_interest: MinorUnits
    fees: MinorUnits
    settlement_fee: MinorUnits
    penalty: MinorUnits
    receivable: MinorUnits
    credit: MinorUnits
    total: MinorUnits
    valid_on: date
    valid_until: datetime

    @classmethod
    def of(cls, quoted: QuotedPayoff) -> Self:
        """Return the answer for a quote."""
        quote = quoted.quote
        return cls(
            loan_id=quoted.loan.id,
            currency=quote.currency,
            principal=quote.principal,
            interest_due=quote.interest_due,
            accrued_interest=quote.accrued_interest,
            fees=quote.fees,
            settlement_fee=quote.settlement_fee,
            penalty=quote.penalty,
            receivable=quote.receivable,
            credit=quote.credit,
            total=quote.total,
            valid_on=quote.valid_on,
            valid_until=quoted.valid_until,
        )


class StatementResponse(ResponseBody):
    """A loan's account in a period: `opening` and the amounts of the movements make `closing`."""

    loan_id: str
    currency: Currency
    begins: date
    ends: date
    opening: MinorUnits
    movements: tuple[Movement, ...]
    closing: MinorUnits

    @classmethod
    def of(cls, loan_id: str, account: Statement) -> Self:
        """Return the answer for a statement."""
        return cls(loan_id=loan_id, **dict(account))


class RepaymentCreate(Body):
    """A debit of the bound card: `amount`, or everything due without it, or the whole payoff."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": 94560}, {"payoff_total": 702310}, {}]}
    )

    amount: PositiveAmount | None = None
    payoff_total: Amount | None = None

    @model_validator(mode="after")
    def _one_intent(self) -> Self:
        if self.amount is not None and self.payoff_total is not None:
            raise ValueError("give amount or payoff_total, not both")
        return self


class RepaymentResponse(ResponseBody):
    """A repayment; `processing` while the bank has not told how its debit ended."""

    id: str
    loan_id: str
    source: Literal["auto_debit", "borrower", "payoff"]
    state: Literal["processing", "settled", "failed"]
    currency: Currency
    amount: MinorUnits
    reason: str | None
    requested_on: date
    settled_on: date | None
    next_actions: list[NextAction] = Field(description="what the caller may do now")

    @classmethod
    def of(cls, caller: Principal, row: RepaymentRow) -> Self:
        """Return the answer for a repayment; one that failed may be made anew."""
        possible = (RepaymentAction.REPAY,) if row.state is RepaymentState.FAILED else ()
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "next_actions"}
        return cls.model_validate(
            {**fields, "next_actions": next_actions(caller, possible, loan_id=row.loan_id)}
        )
