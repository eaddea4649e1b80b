"""Keeping the books over HTTP: who may, and what comes back."""

import csv
from datetime import date
from io import StringIO
from typing import Any

import httpx
import pytest

from api.http.services import Services
from tests.api import seeds
from tests.api.conftest import bearer, keyed

LEDGER = "/v1/ledger"
ANNA = bearer("analyst", "anna")
LENT_ON = date(2026, 9, 15)
ENTRY = {
    "business_date": "2026-11-20",
    "currency": "CNY",
    "product": "cash",
    "lines": [{"account": "suspense", "amount": 500}, {"account": "cash", "amount": -500}],
    "reason": "bank charge",
}


def _balanced(amount: int) -> list[dict[str, Any]]:
    return [{"account": "suspense", "amount": amount}, {"account": "cash", "amount": -amount}]


class Finance:
    """Otto and Anna keep the books."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(
        self, path: str, body: dict[str, Any] | None = None, who: str = "otto"
    ) -> httpx.Response:
        role = "ops" if who == "otto" else "analyst"
        return await self.http.post(f"{LEDGER}{path}", headers=keyed(role, who), json=body or {})

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.http.get(f"{LEDGER}{path}", headers=ANNA, params=parameters)
        assert answer.status_code == 200, answer.text
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.json() if is_json else answer.text


@pytest.fixture
async def finance(http: httpx.AsyncClient, services: Services) -> Finance:
    """A loan was lent on 15 September and nothing was done since."""
    await seeds.credit(services.database, "app", "books", disbursed_on=LENT_ON)
    return Finance(http)


async def test_a_month_is_accrued_handed_over_closed_and_opened_again(finance: Finance) -> None:
    until = {"until": "2026-10-31"}
    early = await finance.post("/batches", until)
    assert (early.status_code, early.json()["code"]) == (409, "day_not_ready")
    progress: dict[str, Any] = {"is_done": False}
    while not progress["is_done"]:
        progress = (await finance.post("/accruals", until)).json()
    assert progress["posted_to"] == "2026-10-31"

    day = await finance.get("/accruals/2026-10-31")
    (group,) = day["groups"]
    assert sum(one["balance"] for one in group["balances"]) == 0
    detail = await finance.get("/accruals/2026-10-31/loans", product="cash")
    summed: dict[str, int] = {}
    for loan in detail["items"]:
        for one in loan["balances"]:
            summed[one["account"]] = summed.get(one["account"], 0) + one["balance"]
    assert summed == {one["account"]: one["balance"] for one in group["balances"]}

    made = (await finance.post("/batches", until)).json()["batches"]
    assert [batch["number"] for batch in made] == list(range(1, len(made) + 1))
    text = await finance.get(f"/batches/{made[-1]['number']}/csv")
    assert text == await finance.get(f"/batches/{made[-1]['number']}/csv")
    assert next(csv.DictReader(StringIO(text)))["code"]
    listed = await finance.get("/batches", limit=100)
    assert [one["number"] for one in listed["items"]] == [one["number"] for one in made]

    closed = await finance.post("/closings", {**until, "reason": "month end"})
    assert (closed.status_code, closed.json()["closed_to"]) == (200, "2026-10-31")
    refused = await finance.post("/manual-entries", {**ENTRY, "business_date": "2026-10-05"})
    assert (refused.status_code, refused.json()["code"]) == (409, "period_closed")
    assert refused.json()["errors"][0]["field"].endswith("business_date")

    asked = await finance.post("/reopenings", {"open_from": "2026-10-01", "reason": "audit"})
    request_id = asked.json()["id"]
    alone = await finance.post(f"/requests/{request_id}/approve")
    assert (alone.status_code, alone.json()["code"]) == (409, "second_person_needed")
    both = await finance.post(f"/requests/{request_id}/approve", who="anna")
    assert both.json()["state"] == "approved"
    newest = (await finance.get("/closings"))["closings"][0]
    assert newest["closed_to"] == "2026-09-30"


async def test_an_entry_by_hand_waits_for_a_second_person(finance: Finance) -> None:
    asked = (await finance.post("/manual-entries", ENTRY)).json()
    waiting = await finance.get("/requests", state="open")
    assert asked["id"] in [one["id"] for one in waiting["items"]]
    posted = (await finance.post(f"/requests/{asked['id']}/approve", who="anna")).json()
    lines = await finance.get("/lines/csv", first="2026-11-20", last="2026-11-20")
    keys = [row["entry_key"] for row in csv.DictReader(StringIO(lines))]
    assert keys.count(posted["entry_key"]) == 2
    back = {
        "entry_key": posted["entry_key"],
        "business_date": "2026-11-21",
        "reason": "wrong account",
    }
    reversal = await finance.post("/manual-entries/reversals", back)
    assert reversal.json()["content"]["reverses"] == posted["entry_key"]
    rejected = await finance.post(f"/requests/{reversal.json()['id']}/reject", who="anna")
    assert rejected.json()["state"] == "rejected"
    again = await finance.post(f"/requests/{reversal.json()['id']}/approve", who="anna")
    assert (again.status_code, again.json()["code"]) == (409, "request_decided")


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/manual-entries", {**ENTRY, "reason": ""}, 422, "reason"),
        ("/manual-entries", {**ENTRY, "lines": []}, 422, "lines"),
        ("/manual-entries", {**ENTRY, "lines": [{"account": "x", "amount": 1}]}, 422, "account"),
        *(
            ("/manual-entries", {**ENTRY, "lines": _balanced(amount)}, 422, "amount")
            for amount in (10**15 + 1, 2**63)
        ),
        ("/accruals", {"until": "2999-01-01"}, 409, "until"),
        ("/closings", {"until": "2999-01-01", "reason": "x"}, 409, "until"),
        ("/reopenings", {"open_from": "2999-01-01", "reason": "x"}, 409, "open_from"),
    ],
)
async def test_what_is_wrong_is_refused_by_field(
    finance: Finance, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    answer = await finance.post(path, body)
    assert answer.status_code == status, answer.text
    assert any(error["field"].endswith(field) for error in answer.json()["errors"])


async def test_only_who_keeps_the_books_sees_and_changes_them(
    finance: Finance, http: httpx.AsyncClient
) -> None:
    for role, who in (("applicant", "alice"), ("partner", "acme"), ("collector", "carl")):
        answer = await http.post(f"{LEDGER}/manual-entries", headers=keyed(role, who), json=ENTRY)
        assert answer.status_code == 403
        read = await http.get(
            f"{LEDGER}/lines/csv", headers=bearer(role, who), params={"first": "2026-01-01"}
        )
        assert read.status_code == 403
    assert (await http.get(f"{LEDGER}/batches/999/csv", headers=ANNA)).status_code == 404
    assert (await http.get(f"{LEDGER}/accruals/2020-01-01", headers=ANNA)).status_code == 404
