"""Comparing the books of all loans over the API: ledger, positions and projections."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from local.story.client import Api
from local.story.terms import CURRENCY

Result = dict[str, Any]
Sheets = dict[str, list[Result]]
"""The trial balance of each currency."""

_PRINCIPAL: Final = "principal_receivable"


@dataclass
class _Sums:
    """The principal of all loans of a currency, in minor units."""

    loans: int = 0
    ledger: int = 0
    position: int = 0
    projection: int = 0

    def add(self, principal: Result) -> None:
        """Count one more loan."""
        self.loans += 1
        self.ledger += principal["ledger"]
        self.position += principal["position"] or 0
        self.projection += principal["projection"]


async def reconcile(api: Api) -> Result:
    """Compare all loans; `reconciled` says whether everything agrees.

    While loans are being served, the trial balance may move between the pages: then, as `moved`
    says, it is shown and does not decide. Every loan by itself is compared at one moment.
    """
    before = await _trial_balances(api, {CURRENCY})
    sums: dict[str, _Sums] = {CURRENCY: _Sums()}
    differences: list[Result] = []
    differing = 0
    async for loan in api.pages("analyst", "/v1/ledger/reconciliation", limit=100):
        if loan["currency"] not in before:
            before |= await _trial_balances(api, {loan["currency"]})
        sums.setdefault(loan["currency"], _Sums()).add(loan["principal"])
        if loan["differs"]:
            differing += 1
            differences += _differences(loan)
    after = await _trial_balances(api, set(sums))
    moved = before != after
    currencies = [_currency(code, sums[code], after[code]) for code in sorted(sums)]
    return {
        "reconciled": not differing
        and all(_agrees(one, trust_receivable=not moved) for one in currencies),
        "loans": sum(one.loans for one in sums.values()),
        "differing_loans": differing,
        "moved": moved,
        "currencies": currencies,
        "differences": differences,
        "balances": [{"currency": code, **line} for code in sorted(sums) for line in after[code]],
    }


async def _trial_balances(api: Api, currencies: set[str]) -> Sheets:
    return {
        code: (await api.get("analyst", "/v1/ledger/trial-balance", currency=code))["balances"]
        for code in sorted(currencies)
    }


def _currency(code: str, sums: _Sums, sheet: list[Result]) -> Result:
    receivable = sum(line["balance"] for line in sheet if line["account"] == _PRINCIPAL)
    return {
        "currency": code,
        "loans": sums.loans,
        "ledger": sums.ledger,
        "position": sums.position,
        "projection": sums.projection,
        "principal_receivable": receivable,
        "trial_balance": sum(line["balance"] for line in sheet),
    }


def _agrees(currency: Result, *, trust_receivable: bool) -> bool:
    principal = {currency["ledger"], currency["position"], currency["projection"]}
    if trust_receivable:
        principal.add(currency["principal_receivable"])
    return len(principal) == 1 and currency["trial_balance"] == 0


def _differences(loan: Result) -> Iterator[Result]:
    """Yield one row for each account on which the books of a loan disagree."""
    place = {"loan_id": loan["loan_id"], "currency": loan["currency"], "as_of": loan["as_of"]}
    principal = loan["principal"]
    if len(set(principal.values())) > 1:
        yield {**place, "account": _PRINCIPAL, **principal, "refusal": loan["refusal"]}
    for one in loan["accounts"]:
        if one["ledger"] != one["position"]:
            yield {**place, **one, "projection": None, "refusal": None}
