"""The all-in cost sheet: every cost of a loan, who charges it, and what it comes to in a year.

After PBoC announcement 2021 No. 3 and the rules on stating the comprehensive cost of personal loans
in force from 2026-08-01 (NFRA and PBoC, published 2026-03-15). The sheet is an artefact:
its hash names its whole content.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.common.data import Data
from domain.common.definitions import canonical, digest
from domain.common.errors import FieldError
from domain.common.money import Amount, PositiveAmount, minor_digits
from domain.pricing.rates import (
    Flow,
    PeriodNumbers,
    PeriodsPerYear,
    Rate,
    effective,
    nominal_simple,
)

NOTHING_ELSE = "除本表所列项目外，不收取其他任何费用。"
"""The statement that nothing else is charged."""


class InvalidCostSheet(FieldError):
    """Costs that no sheet can be made of; `field` names the wrong argument."""


class CostMethod(StrEnum):
    """How the headline rate is expressed; the label is shown beside it."""

    SIMPLE = "simple"
    COMPOUND = "compound"


METHOD_LABELS = {CostMethod.SIMPLE: "单利", CostMethod.COMPOUND: "复利"}


class Cost(NamedTuple):
    """A cost of normal performance: what it is, how it is computed, who charges it, and when.

    `charges` are the days it is paid and the amounts, in minor units and not negative; a fee kept
    back from the proceeds is charged on the day of the drawdown.
    """

    name: str
    computed: str
    charged_by: str
    charges: Sequence[tuple[date, int]]


class ContingentCost(Data):
    """A cost that arises only on default or on early settlement: its standard and its collector."""

    name: str
    standard: str
    collector: str


class CostItem(Data):
    """One cost on the sheet.

    `annualised` is the rate in percent a year the loan would have if this were its only cost, by
    the method of the sheet.
    """

    name: str
    amount: Amount
    computed: str
    charged_by: str
    annualised: Decimal


class CostSheet(Data):
    """The all-in cost of one loan: amounts in minor units, rates in percent a year.

    `annual_cost` is the headline, one of `rates` as `method` says; `hash` is the SHA-256 of
    everything else on the sheet.
    """

    currency: str
    principal: PositiveAmount
    items: tuple[CostItem, ...]
    total_cost: Amount
    annual_cost: Decimal
    method: CostMethod
    method_label: str
    rates: tuple[Rate, ...]
    contingent: tuple[ContingentCost, ...]
    statement: str
    hash: str


def build_cost_sheet(
    *,
    currency: str,
    principal_flows: Sequence[tuple[date, int]],
    costs: Sequence[Cost],
    contingent: Sequence[ContingentCost] = (),
    method: CostMethod = CostMethod.SIMPLE,
    periods_per_year: PeriodsPerYear = 12,
    periods: PeriodNumbers | None = None,
) -> CostSheet:
    """Return the cost sheet of a plan.

    `principal_flows` are drawdowns (positive) and repayments of principal (negative); interest is
    one of `costs`. `periods_per_year` and `periods` are those of
    `domain.pricing.rates.nominal_simple`.
    Raises `InvalidCostSheet`, `UnknownCurrency`, `NoRate` and `InvalidFlows`.
    """
    minor_digits(currency)
    _refuse_nonsense(principal_flows, costs)
    charges = [charge for cost in costs for charge in cost.charges]

    def rates_with(paid: Iterable[tuple[date, int]]) -> dict[CostMethod, Rate]:
        flows = [*principal_flows, *(Flow(on, -amount) for on, amount in paid)]
        return {
            CostMethod.SIMPLE: nominal_simple(flows, periods_per_year, periods),
            CostMethod.COMPOUND: effective(flows, periods_per_year, periods),
        }

    rates = rates_with(charges)
    sheet = CostSheet(
        currency=currency,
        principal=sum(amount for _, amount in principal_flows if amount > 0),
        items=tuple(_item(cost, rates_with(cost.charges)[method].value) for cost in costs),
        total_cost=sum(amount for _, amount in charges),
        annual_cost=rates[method].value,
        method=method,
        method_label=METHOD_LABELS[method],
        rates=tuple(rates.values()),
        contingent=tuple(contingent),
        statement=NOTHING_ELSE,
        hash="",
    )
    return sheet.model_copy(update={"hash": sheet_hash(sheet)})


def sheet_hash(sheet: CostSheet) -> str:
    """Return the SHA-256 (hex) of a sheet's canonical JSON, which its `hash` must equal."""
    return digest(canonical(sheet.model_dump(mode="json", exclude={"hash"})))


def _item(cost: Cost, annualised: Decimal) -> CostItem:
    return CostItem(
        name=cost.name,
        amount=sum(amount for _, amount in cost.charges),
        computed=cost.computed,
        charged_by=cost.charged_by,
        annualised=annualised,
    )


def _refuse_nonsense(principal_flows: Sequence[tuple[date, int]], costs: Sequence[Cost]) -> None:
    if sum(amount for _, amount in principal_flows) != 0:
        raise InvalidCostSheet(
            "the repayments of principal must come to what is lent", field="principal_flows"
        )
    for cost in costs:
        if any(amount < 0 for _, amount in cost.charges):
            raise InvalidCostSheet(f"a charge of {cost.name!r} is negative", field="costs")
    names = [cost.name for cost in costs]
    if len(set(names)) < len(names):
        raise InvalidCostSheet("two costs have the same name", field="costs")
