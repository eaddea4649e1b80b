"""What a lender records of a loan besides its payments by debit."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue

from api.http.schemas import Body, ResponseBody
from api.v1.lines.schemas import CapWarningResponse
from api.v1.loans.ledger_schemas import AccountBalance, listed
from api.v1.loans.schemas import PositionResponse
from domain.common.calendar import Day
from domain.common.frequency import Frequency
from domain.common.kinds import NamesItsKinds
from domain.common.money import Percent, PositiveAmount
from domain.loans.allocation import Component, Excess
from domain.loans.difference import Difference
from domain.loans.events import ChargeOffReason, Count, LoanEvent, Split
from services.loans.servicing import ServicingEffect, ServicingTransaction


def _example(body: dict[str, JsonValue]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [body]})


class _Transaction(Body):
    """What every record may say: when it counts from, and what it goes back to."""

    model_config = _example({"on": "2026-02-15", "reference": "case-7"})

    on: Day | None = Field(default=None, description="the value date; today without one")
    reference: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._:-]{0,64}$",
        description="the case or the bank transfer it goes back to; no personal data",
    )


class PaidTransaction(_Transaction):
    """Money came in by another way than a debit."""

    model_config = _example({"kind": "paid", "amount": 94560, "on": "2026-02-15"})

    kind: Literal["paid"]
    amount: PositiveAmount
    excess: Excess | None = None
    instalment: int | None = Field(default=None, strict=True, ge=0)
    directed: bool = Field(
        default=False, strict=True, description="whether the named instalment is paid first"
    )
    split: Split | None = Field(
        default=None, description="the payment by component, divided by hand; sums to the amount"
    )


class ChargedBackTransaction(_Transaction):
    """Part of a payment, named by its key, was taken back; what no credit covers is owed again."""

    model_config = _example(
        {"kind": "charged_back", "payment": "loan:loa_...:repayment:rep_...", "amount": 30000}
    )

    kind: Literal["charged_back"]
    payment: str = Field(min_length=1, max_length=200)
    amount: PositiveAmount


class ReversedTransaction(_Transaction):
    """An event, named by its key, did not happen, or its money was taken back."""

    model_config = _example({"kind": "reversed", "reverses": "loan:loa_...:repayment:rep_..."})

    kind: Literal["reversed"]
    reverses: str = Field(min_length=1, max_length=200)
    reason: Literal["error", "returned", "chargeback"] = "error"


class ChargedTransaction(_Transaction):
    """A fee or a penalty is charged."""

    model_config = _example({"kind": "charged", "amount": 5000, "name": "reminder letter"})

    kind: Literal["charged"]
    component: Literal[Component.FEE, Component.PENALTY] = Component.FEE
    amount: PositiveAmount
    name: str = Field(default="", max_length=64)
    due_on: Day | None = Field(
        default=None, description="a due date of its own; with the next instalment without one"
    )


class WaivedTransaction(_Transaction):
    """Up to an amount is forgone: of a component, or of income in the terms' own order."""

    model_config = _example({"kind": "waived", "component": "penalty", "amount": 306})

    kind: Literal["waived"]
    component: Component | None = None
    amount: PositiveAmount
    instalment: int | None = Field(default=None, strict=True, ge=0)


class RateChangedTransaction(_Transaction):
    """Interest runs at another rate."""

    model_config = _example({"kind": "rate_changed", "annual_rate": "18"})

    kind: Literal["rate_changed"]
    annual_rate: Percent


class RescheduledTransaction(_Transaction):
    """What is ahead is replaced by new instalments."""

    model_config = _example(
        {"kind": "rescheduled", "instalments": 12, "first_due_on": "2026-09-01"}
    )

    kind: Literal["rescheduled"]
    instalments: Count
    first_due_on: Day
    frequency: Frequency | None = None
    due_day: int | None = Field(default=None, strict=True)
    annual_rate: Percent | None = None
    include_overdue: bool = Field(default=True, strict=True)


class HolidayTransaction(_Transaction):
    """Nothing is due on the next due dates."""

    model_config = _example({"kind": "holiday_granted", "count": 1, "extend": True})

    kind: Literal["holiday_granted"]
    count: Count
    extend: bool = Field(default=False, strict=True)


class DueDayChangedTransaction(_Transaction):
    """The next instalment falls due on another day and the others follow; their level stays."""

    model_config = _example({"kind": "due_day_changed", "first_due_on": "2026-09-05"})

    kind: Literal["due_day_changed"]
    first_due_on: Day
    due_day: int | None = Field(default=None, strict=True)


class ReAgedTransaction(_Transaction):
    """What is overdue moves into the instalments ahead: over all of them, or with the last."""

    model_config = _example({"kind": "re_aged", "into": "spread"})

    kind: Literal["re_aged"]
    into: Literal["spread", "last"] = "spread"


class InterestPausedTransaction(_Transaction):
    """No interest runs up to a day; instalments keep their level meanwhile."""

    model_config = _example({"kind": "interest_paused", "until": "2026-10-01"})

    kind: Literal["interest_paused"]
    until: Day


class AcceleratedTransaction(_Transaction):
    """The whole loan is called in: all that is left is due, with interest up to the day.

    The borrower was told on `told_on`, as long before as the loan's terms agree (`notice_days`).
    """

    model_config = _example({"kind": "accelerated", "told_on": "2026-05-10", "on": "2026-06-10"})

    kind: Literal["accelerated"]
    told_on: Day


class WrittenOffTransaction(_Transaction):
    """The loan is given up; what was owed stays collectable."""

    model_config = _example({"kind": "written_off"})

    kind: Literal["written_off"]


class ChargedOffTransaction(_Transaction):
    """Income stops and the principal counts as lost; the debt stays due and is collected."""

    model_config = _example({"kind": "charged_off", "reason": "credit"})

    kind: Literal["charged_off"]
    reason: ChargeOffReason = ChargeOffReason.CREDIT


class ChargeOffUndoneTransaction(_Transaction):
    """The charge-off that stands is taken back."""

    model_config = _example({"kind": "charge_off_undone"})

    kind: Literal["charge_off_undone"]


class RecoveredTransaction(_Transaction):
    """Money came in on a loan that is written off."""

    model_config = _example({"kind": "recovered", "amount": 50000})

    kind: Literal["recovered"]
    amount: PositiveAmount


class RefundedTransaction(_Transaction):
    """Credit held was paid back to the borrower."""

    model_config = _example({"kind": "refunded", "amount": 12000})

    kind: Literal["refunded"]
    amount: PositiveAmount


Transaction = Annotated[
    PaidTransaction
    | ReversedTransaction
    | ChargedBackTransaction
    | ChargedTransaction
    | WaivedTransaction
    | RateChangedTransaction
    | RescheduledTransaction
    | HolidayTransaction
    | DueDayChangedTransaction
    | ReAgedTransaction
    | InterestPausedTransaction
    | AcceleratedTransaction
    | WrittenOffTransaction
    | ChargedOffTransaction
    | ChargeOffUndoneTransaction
    | RecoveredTransaction
    | RefundedTransaction,
    NamesItsKinds(),
    Field(discriminator="kind"),
]


def transaction_of(body: Transaction) -> ServicingTransaction:
    """Return the servicing transaction that `body` asks for."""
    fields = body.model_dump(exclude={"reference", "on"})
    return ServicingTransaction(fields, body.on, body.reference)


class RecordResponse(ResponseBody):
    """What was recorded of a loan: an event of value date `on` under its `key`.

    Staff see who recorded it, null for what the process booked itself, and what they referred to.
    `reversed_by` is the key of the record that undid it.
    """

    key: str
    kind: str
    on: date
    event: LoanEvent
    recorded_at: datetime
    recorded_by: str | None
    reference: str | None
    reversed_by: str | None


class TransactionResponse(ResponseBody):
    """An event with what it changed; `key` names it, for a reversal say. None if only tried.

    `ledger` is what it books: by how much the balance of each account changes, debit positive.
    `cap_warnings` are the soft rate caps that the loan is above by it; above a hard one it is
    refused.
    """

    loan_id: str
    key: str | None
    kind: str
    on: date
    changes: Difference
    ledger: list[AccountBalance]
    position: PositionResponse
    cap_warnings: list[CapWarningResponse]

    @classmethod
    def of(cls, effect: ServicingEffect, *, is_kept: bool) -> Self:
        """Return the answer for a servicing transaction."""
        return cls(
            loan_id=effect.loan.id,
            key=effect.event.key if is_kept else None,
            kind=effect.event.kind,
            on=effect.event.on,
            changes=effect.changes,
            ledger=listed(effect.booked),
            position=PositionResponse.of(effect.position, effect.servicing),
            cap_warnings=[CapWarningResponse.model_validate(one) for one in effect.cap_warnings],
        )
