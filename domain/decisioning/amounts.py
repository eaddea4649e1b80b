"""What numbers come to while a policy is evaluated: collected rows, and what can be offered."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from domain.decisioning.compiled import CompiledTable, of_type
from domain.decisioning.facts import FactValue
from domain.decisioning.formulas import CannotCalculate
from domain.decisioning.policies import Collected, Offer


def collected(node: CompiledTable, rows: list[list[FactValue]]) -> list[FactValue]:
    """Return what the outputs of all rows that fit come to, in each column."""
    given: list[FactValue] = []
    for n, variable in enumerate(node.outputs):
        numbers = [Decimal(one) for row in rows if isinstance(one := row[n], int | Decimal)]
        match node.collected:
            case Collected.MIN:
                total = min(numbers, default=Decimal(0))
            case Collected.MAX:
                total = max(numbers, default=Decimal(0))
            case Collected.COUNT:
                total = Decimal(len(numbers))
            case _:
                total = sum(numbers, Decimal(0))
        given.append(of_type(variable, total))
    return given


def whole(number: Decimal) -> int:
    """Return money rounded down to a minor unit."""
    return int(number.to_integral_value(ROUND_FLOOR))


def within(
    values: Mapping[str, Any], amount: Decimal, term: Decimal, rate: Decimal
) -> Offer | None:
    """Return the offer within everything that bounds it, None where nothing is left."""
    step = values["amount_step"]
    if step <= 0:
        raise CannotCalculate("amount_step is not above 0")
    if rate < 0:
        raise CannotCalculate("the rate would be below 0")
    bounds = ("amount_asked", "amount_cap", "amount_authority")
    most = min(whole(amount), *(values[name] for name in bounds))
    lent = most - most % step
    longest = min(whole(term), values["term_asked"])
    terms = [int(one) for one in values["terms_allowed"] if one.isdecimal()]
    fitting = [one for one in terms if one <= longest]
    if lent < max(values["amount_min"], 1) or not fitting:
        return None
    return Offer(amount=lent, term=max(fitting), annual_rate=min(rate, values["annual_rate_cap"]))
