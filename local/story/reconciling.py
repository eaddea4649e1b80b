"""Comparing the books of all loans over the API: ledger, positions and projections."""

from collections import Counter
from collections.abc import Iterator, Set
from typing import Final

from local.story.client import Answer, Api
from local.story.terms import CURRENCY

_PRINCIPAL: Final = "principal_receivable"
_BOOKS: Final = ("ledger", "position", "projection")


async def reconcile(api: Api) -> Answer:
    """Compare all loans; `reconciled` says whether everything agrees.

    While loans are being served, the trial balance may move between the pages: then, as `moved`
    says, it is shown and does not decide. Every loan by itself is compared at one moment.
    """
    before = await _trial_balances(api, {CURRENCY})
    sums: dict[str, Counter[str]] = {CURRENCY: Counter()}
    differences: list[Answer] = []
    differing = 0
    async for loan in api.pages("analyst", "/v1/ledger/reconciliation", limit=100):
        if loan["currency"] not in before:
            before |= await _trial_balances(api, {loan["currency"]})
        principal = {book: loan["principal"][book] or 0 for book in _BOOKS}
        sums.setdefault(loan["currency"], Counter()).update(principal, loans=1)
        if loan["differs"]:
            differing += 1
            differences += _differences(loan)
    after = await _trial_balances(api, sums.keys())
    moved = before != after
    currencies = [_currency(code, sums[code], after[code]) for code in sorted(sums)]
    decisive = _BOOKS if moved else (*_BOOKS, _PRINCIPAL)
    return {
        "reconciled": not differing
        and all(
            len({one[book] for book in decisive}) == 1 and one["trial_balance"] == 0
            for one in currencies
        ),
        "loans": sum(one["loans"] for one in currencies),
        "differing_loans": differing,
        "moved": moved,
        "currencies": currencies,
        "differences": differences,
        "balances": [{"currency": code, **line} for code in sorted(sums) for line in after[code]],
    }


async def _trial_balances(api: Api, currencies: Set[str]) -> dict[str, list[Answer]]:
    return {
        code: (await api.get("analyst", "/v1/ledger/trial-balance", currency=code))["balances"]
        for code in sorted(currencies)
    }


def _currency(code: str, sums: Counter[str], sheet: list[Answer]) -> Answer:
    """Return what a currency sums to, in minor units."""
    return {
        "currency": code,
        **{name: sums[name] for name in ("loans", *_BOOKS)},
        _PRINCIPAL: sum(line["balance"] for line in sheet if line["account"] == _PRINCIPAL),
        "trial_balance": sum(line["balance"] for line in sheet),
    }


def _differences(loan: Answer) -> Iterator[Answer]:
    """Yield one row for each account on which the books of a loan disagree."""
    place = {"loan_id": loan["loan_id"], "currency": loan["currency"], "as_of": loan["as_of"]}
    principal = loan["principal"]
    if len(set(principal.values())) > 1:
        yield {**place, "account": _PRINCIPAL, **principal, "refusal": loan["refusal"]}
    for one in loan["accounts"]:
        if one["ledger"] != one["position"]:
            yield {**place, **one, "projection": None, "refusal": None}
