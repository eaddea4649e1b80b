"""Trials of loan terms: nothing is stored; calendar and caps in force are looked up."""

import asyncio
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from api.http.calls import Called
from api.http.routing import authorised_router
from api.http.schemas import Body, Currency, MinorUnits, ResponseBody
from api.v1.loans.ledger_schemas import AccountBalance, listed
from api.v1.loans.schemas import PositionResponse
from api.v1.pricing.events import StrictEvent
from domain.common.calendar import Day
from domain.common.errors import InvalidTerms
from domain.loans.ledger import balances
from domain.loans.payoff import PayoffQuote
from domain.loans.servicing import SERVICING_POLICY, ServicingPolicy
from domain.loans.terms import LoanTerms
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS, CappedLender, LenderKind
from domain.pricing.trial import CapOutcome, LoanOnDay, Trial, trial
from domain.pricing.trial_costs import SheetOutcome
from domain.pricing.trial_rates import ShownRate
from domain.pricing.trial_rows import Totals, TrialRow
from services.loans.agreed import STANDARD_SERVICING, on_calendar_in_force
from storage.definitions import DefinitionRepository

router = authorised_router("/plans", "plans")

MAX_EVENTS: Final = 120
_MAX_ITEMS: Final = MappingProxyType(
    {"tranches": 12, "rate_steps": 24, "holidays": 12, "fees": 20, "official_years": 12}
)

_EXAMPLES: Final[list[JsonValue]] = [
    {
        "terms": {
            "currency": "CNY",
            "principal": 1000000,
            "annual_rate": "24",
            "instalments": 12,
            "disbursed_on": "2026-01-15",
            "first_due_on": "2026-02-15",
        },
        "lender_kind": "BANK",
    },
    {
        "terms": {
            "currency": "CNY",
            "principal": 500000,
            "annual_rate": "12",
            "instalments": 26,
            "frequency": {"unit": "week", "every": 1},
            "day_count": "actual_365_fixed",
            "disbursed_on": "2026-01-15",
            "first_due_on": "2026-01-22",
            "penalty_annual_rate": "18",
            "fees": [
                {"name": "arrangement", "timing": "deducted", "percent": "1"},
                {
                    "name": "guarantee",
                    "timing": "per_instalment",
                    "percent": "0.05",
                    "base": "outstanding",
                    "charged_by": "guarantor",
                },
            ],
        },
        "events": [
            {"kind": "disbursed", "key": "out-1", "on": "2026-01-15", "amount": 500000},
            {"kind": "paid", "key": "in-1", "on": "2026-01-22", "amount": 20728},
        ],
        "as_of": "2026-02-01",
    },
    {
        "terms": {
            "currency": "EUR",
            "principal": 2000000,
            "annual_rate": "6",
            "instalments": 36,
            "method": "rentals_in_advance",
            "disbursed_on": "2026-01-01",
            "first_due_on": "2026-01-01",
        }
    },
]


class TrialTerms(LoanTerms):
    """Loan terms as `domain.loans.terms.LoanTerms`: amounts in minor units, rates as text."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _refuse_long_lists(value: object) -> object:
    if isinstance(value, dict):
        for field, most in _MAX_ITEMS.items():
            listed = value.get(field)
            if isinstance(listed, list) and len(listed) > most:
                raise InvalidTerms(f"a trial takes at most {most} {field}", field=field)
    return value


class PlanTrial(Body):
    """What to try: `events` and `as_of` show the loan on a day, `lender_kind` tests its caps."""

    model_config = ConfigDict(json_schema_extra={"examples": _EXAMPLES})

    terms: Annotated[TrialTerms, BeforeValidator(_refuse_long_lists)]
    events: tuple[StrictEvent, ...] = Field(default=(), max_length=MAX_EVENTS)
    as_of: Day | None = None
    lender_kind: LenderKind | None = None


class CapFindingResponse(ResponseBody):
    """A rate above a cap: `hard` caps stop a quote, others warn."""

    enforcement: str
    rate: Decimal
    limit: Decimal
    source: str
    detail: str


class CapsResponse(ResponseBody):
    """The caps that the plan is above; `unknown` says why they cannot be tested."""

    lender_kind: LenderKind
    findings: list[CapFindingResponse]
    unknown: str | None

    @classmethod
    def of(cls, caps: CapOutcome) -> "CapsResponse":
        """Return the answer for `caps`."""
        findings = [CapFindingResponse.model_validate(finding) for finding in caps.findings]
        return cls(lender_kind=caps.lender_kind, findings=findings, unknown=caps.unknown)


class OnDayResponse(ResponseBody):
    """Where the loan stands at the end of a day; without a payoff `reason` says why not.

    `ledger` are the balances of its accounts, those at zero left out: debit positive.
    """

    position: PositionResponse
    payoff: PayoffQuote | None
    reason: str | None
    ledger: list[AccountBalance]

    @classmethod
    def of(cls, on_day: LoanOnDay, servicing: ServicingPolicy) -> "OnDayResponse":
        """Return the answer for `on_day`."""
        stands = PositionResponse.of(on_day.position, servicing)
        return cls(
            position=stands,
            payoff=on_day.payoff,
            reason=on_day.reason,
            ledger=listed(balances(on_day.position)),
        )


class TrialResponse(ResponseBody):
    """All that follows from terms; `hash` names the plan, as in a quote."""

    currency: Currency
    principal: MinorUnits
    proceeds: MinorUnits
    deducted: MinorUnits
    rows: tuple[TrialRow, ...]
    by_year: tuple[Totals, ...]
    totals: Totals
    rates: tuple[ShownRate, ...]
    costs: SheetOutcome
    caps: CapsResponse | None
    on_day: OnDayResponse | None
    hash: str

    @classmethod
    def of(cls, trial: Trial, on_day: OnDayResponse | None) -> "TrialResponse":
        """Return the answer for `trial`."""
        return cls(
            currency=trial.currency,
            principal=trial.principal,
            proceeds=trial.proceeds,
            deducted=trial.deducted,
            rows=trial.rows,
            by_year=trial.by_year,
            totals=trial.totals,
            rates=trial.rates,
            costs=trial.costs,
            caps=None if trial.caps is None else CapsResponse.of(trial.caps),
            on_day=on_day,
            hash=trial.hash,
        )


@router.post("/preview", summary="Try loan terms")
async def preview(body: PlanTrial, call: Called) -> TrialResponse:
    """Return what terms lead to: rows, totals, rates, costs, and where the loan stands on a day.

    Each row has the arithmetic behind its interest. With `lender_kind` the rates are compared with
    the caps of such a lender in force; with `as_of` the loan is shown on that day, after `events`.
    Due dates move by the calendar in force unless the terms bring their `official_years`.
    """
    lender: CappedLender | None = None
    async with call.database.read() as tx:
        definitions = DefinitionRepository(tx)
        terms = await on_calendar_in_force(tx, body.terms)
        agreed = await definitions.in_force(SERVICING_POLICY, STANDARD_SERVICING)
        if body.lender_kind is not None:
            caps = await definitions.in_force(RATE_CAPS, HOME_CAPS)
            lender = CappedLender(body.lender_kind, caps.content)
    # A plan of hundreds of rows takes its time: the event loop has others to serve.
    tried = await asyncio.to_thread(trial, terms, body.events, body.as_of, lender)
    on_day = tried.on_day
    return TrialResponse.of(
        tried, None if on_day is None else OnDayResponse.of(on_day, agreed.content)
    )
