"""Payoff quotes are read from the record: many at once, and without the process engine."""

import asyncio
from time import monotonic

import httpx

from api.http.services import Services
from tests.api import seeds
from tests.api.conftest import keyed

AT_ONCE = 30
ROUNDS = 3
"""The best of them counts: other work on the machine says nothing of the product."""


async def test_thirty_quotes_of_one_loan_are_answered_within_a_second(
    http: httpx.AsyncClient, services: Services
) -> None:
    """A partner shows the payoff to everybody who looks: no quote waits for another."""
    credit = await seeds.credit(services.database, "app", "alice")
    path = f"/v1/loans/{credit.loan_id}/payoff-quotes"
    seconds, answers = [], list[httpx.Response]()
    for _ in range(ROUNDS):
        began = monotonic()
        answers = await asyncio.gather(
            *(http.post(path, headers=keyed("applicant", "alice")) for _ in range(AT_ONCE))
        )
        seconds.append(monotonic() - began)
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
    assert min(seconds) < 1
    loan = (await http.get(f"/v1/loans/{credit.loan_id}", headers=keyed("ops", "otto"))).json()
    assert answers[0].json()["total"] == loan["position"]["payoff"] > 1_000_000


async def test_a_quote_of_another_borrowers_loan_does_not_exist(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    path = f"/v1/loans/{credit.loan_id}/payoff-quotes"
    answer = await http.post(path, headers=keyed("applicant", "bob"))
    assert answer.status_code == 404
