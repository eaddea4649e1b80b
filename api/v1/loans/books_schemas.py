"""What finance sends and gets: accruals, batches, closings, and what takes two people."""

from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue

from api.http.schemas import Body, Currency, ResponseBody
from api.v1.loans.ledger_schemas import AccountBalance, listed
from domain.common.calendar import Day
from domain.loans.closing import ManualEntry, ManualLine, Party
from domain.loans.ledger import Account
from services.loans.accruals import LoanAccrual
from services.loans.closing import Closed, entry_key_of
from storage.loans.accruals import AccrualDayRow, Group
from storage.loans.batches import BatchRow
from storage.loans.closings import RequestRow

_Reason = Annotated[str, Field(min_length=1, max_length=300, description="no personal data")]


def _example(body: dict[str, JsonValue]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [body]})


class AccrualRun(Body):
    """Book what is not booked yet of the days up to `until`; of all that are over without it."""

    model_config = _example({"until": "2026-01-31"})

    until: Day | None = None


class AccrualProgress(ResponseBody):
    """How far the accruals are booked. Repeat the request while it is not done."""

    posted_to: date | None
    is_done: bool


class AccrualGroup(ResponseBody):
    """What all loans of a product and funder have accrued by the end of the day."""

    currency: Currency
    product: str
    funder: str
    balances: list[AccountBalance]


class AccrualDayResponse(ResponseBody):
    """A day's accruals. `refused` are loans whose events contradict each other: not in the sums."""

    business_date: date
    loans: int
    refused: list[str]
    posted_at: datetime
    groups: list[AccrualGroup]

    @classmethod
    def of(
        cls, day: AccrualDayRow, posted_at: datetime, levels: dict[Group, dict[Account, int]]
    ) -> Self:
        """Return the answer for a day that is posted."""
        return cls(
            business_date=day.business_date,
            loans=day.loans,
            refused=day.refused,
            posted_at=posted_at,
            groups=[
                AccrualGroup(
                    currency=currency, product=product, funder=funder, balances=listed(amounts)
                )
                for (currency, product, funder), amounts in levels.items()
            ],
        )


class LoanAccrualResponse(ResponseBody):
    """A loan's part: from the day to which its own entries go to the day asked for."""

    loan_id: str
    kept_to: date
    balances: list[AccountBalance]

    @classmethod
    def of(cls, accrual: LoanAccrual) -> Self:
        """Return the answer for a loan."""
        return cls(
            loan_id=accrual.loan_id, kept_to=accrual.kept_to, balances=listed(accrual.amounts)
        )


class BatchRun(Body):
    """Put what is booked of the days up to `until`, and in no batch yet, into batches."""

    model_config = _example({"until": "2026-01-31"})

    until: Day


class BatchResponse(ResponseBody):
    """A batch; its lines are at `/v1/ledger/batches/{number}/csv`."""

    number: int
    business_date: date
    currency: Currency
    mapping: str
    made_at: datetime

    @classmethod
    def of(cls, row: BatchRow) -> Self:
        """Return the answer for a batch."""
        return cls.model_validate(row, from_attributes=True)


class BatchesResponse(ResponseBody):
    """The batches that were made: none when nothing was booked since."""

    batches: list[BatchResponse]


class ClosingCreate(Body):
    """Close the books to a day that is over."""

    model_config = _example({"until": "2026-01-31", "reason": "month end"})

    until: Day
    reason: _Reason


class ClosingResponse(ResponseBody):
    """To which day the books are closed since then."""

    closed_to: date
    reason: str
    recorded_at: datetime
    batches: list[BatchResponse]

    @classmethod
    def of(cls, closed: Closed) -> Self:
        """Return the answer for a closing."""
        return cls(
            closed_to=closed.closing.closed_to,
            reason=closed.closing.reason,
            recorded_at=closed.closing.recorded_at,
            batches=[BatchResponse.of(batch) for batch in closed.batches],
        )


class ClosingsResponse(ResponseBody):
    """The last closings and reopenings, the newest first: that one holds."""

    closings: list[ClosingResponse]


class ManualEntryCreate(Body):
    """An entry by hand: debit positive, credit negative, minor units; it sums to zero."""

    model_config = _example(
        {
            "business_date": "2026-02-03",
            "currency": "CNY",
            "product": "cash",
            "funder": "own",
            "lines": [
                {"account": "suspense", "amount": 5000},
                {"account": "cash", "amount": -5000},
            ],
            "reason": "bank charge of January",
        }
    )

    business_date: Day
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    product: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    funder: Party = "own"
    lines: Annotated[list[ManualLine], Field(max_length=100)]
    reason: _Reason

    def entry(self) -> ManualEntry:
        """Return the entry that is asked for."""
        values = self.model_dump(exclude={"reason", "lines"})
        return ManualEntry(**values, lines=tuple(self.lines))


class ReversalCreate(Body):
    """An entry by hand, named by its key, is taken back by its opposite."""

    model_config = _example(
        {
            "entry_key": "books:manual:act_...",
            "business_date": "2026-02-04",
            "reason": "typed wrong",
        }
    )

    entry_key: str = Field(min_length=1, max_length=200)
    business_date: Day
    reason: _Reason


class ReopeningCreate(Body):
    """The books are to be open again from a day on."""

    model_config = _example({"open_from": "2026-01-01", "reason": "auditor's correction"})

    open_from: Day
    reason: _Reason


class BooksRequestResponse(ResponseBody):
    """What somebody asked for; another person approves it. `entry_key` names what was posted."""

    id: str
    kind: str
    content: dict[str, Any]
    reason: str
    state: str
    requested_at: datetime
    decided_at: datetime | None
    entry_key: str | None

    @classmethod
    def of(cls, row: RequestRow) -> Self:
        """Return the answer for a request."""
        posted = row.kind == "manual_entry" and row.state == "approved"
        return cls(
            id=row.id,
            kind=row.kind,
            content=row.content,
            reason=row.reason,
            state=row.state,
            requested_at=row.requested_at,
            decided_at=row.decided_at,
            entry_key=entry_key_of(row) if posted else None,
        )
