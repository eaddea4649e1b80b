"""What reads show: plans, positions, pages, balances."""

import base64
from datetime import date
from typing import Any

import httpx
import pytest

from api.http.pagination import decode_cursor, encode_cursor
from api.http.services import Services
from domain.common.calendar import business_date, months_after
from domain.loans.ledger import Account, JournalLine
from runtime.clock import utc_now
from services.applications.reviews import open_review_of
from storage.common.rows import Cursor
from storage.loans.journal import JournalRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed

# An instant that no time zone but its own can hold.
_EDGE = base64.urlsafe_b64encode(b'["0001-01-01T00:00:00+14:00", "x"]').decode()
ALICE = bearer("applicant", "alice")


async def test_the_story_s_quote_to_the_fen(http: httpx.AsyncClient, services: Services) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        _, line_id = await seeds.line(tx, start)
    before = business_date(utc_now(), "Asia/Shanghai")
    made = await http.post(
        f"/v1/lines/{line_id}/quotes",
        headers=keyed("applicant", "alice"),
        json={"amount": 1_000_000, "instalments": 12},
    )
    after = business_date(utc_now(), "Asia/Shanghai")
    quote = made.json()
    assert made.status_code == 201
    assert [row["total"] for row in quote["plan"]] == [94_560] * 11 + [94_555]
    assert quote["total"] == 11 * 94_560 + 94_555 == quote["amount"] + quote["total_interest"]
    assert (quote["annual_rate"], quote["currency"]) == ("24", "CNY")
    disbursed_on = date.fromisoformat(quote["disbursed_on"])
    assert before <= disbursed_on <= after
    first_due = date.fromisoformat(quote["plan"][0]["due_on"])
    assert first_due == months_after(disbursed_on, 1, disbursed_on.day)
    read = await http.get(made.headers["location"], headers=ALICE)
    assert read.json() == quote
    line = (await http.get(f"/v1/lines/{line_id}", headers=ALICE)).json()
    assert (line["available"], line["reserved"], line["drawn"]) == (1_000_000, 0, 0)


async def test_a_drawdown_against_another_plan_is_refused(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    other = await seeds.credit(services.database, "app", "alice")
    for line_id, code in ((credit.line_id, "plan_changed"), (other.line_id, "quote_unusable")):
        answer = await http.post(
            f"/v1/lines/{line_id}/drawdowns",
            headers=keyed("applicant", "alice"),
            json={"quote_id": credit.quote_id, "plan_hash": "0" * 64},
        )
        assert (answer.status_code, answer.json()["code"]) == (409, code)


async def test_a_loan_is_shown_as_of_today(http: httpx.AsyncClient, services: Services) -> None:
    today = business_date(utc_now(), "Asia/Shanghai")
    disbursed_on = months_after(today, -2, 1)
    credit = await seeds.credit(services.database, "app", "alice", disbursed_on=disbursed_on)
    loan = (await http.get(f"/v1/loans/{credit.loan_id}", headers=ALICE)).json()
    shown = loan["position"]
    assert shown["as_of"] == today.isoformat()
    # Due on the first of the month two months running, never paid.
    assert shown["due"]["principal"] + shown["due"]["interest"] == 2 * 94_560
    assert shown["days_past_due"] == (today - months_after(disbursed_on, 1, 1)).days
    assert loan["state"] == "overdue"
    plan = (await http.get(f"/v1/loans/{credit.loan_id}/plan", headers=ALICE)).json()
    quote = (await http.get(f"/v1/quotes/{credit.quote_id}", headers=ALICE)).json()
    assert (plan["rows"], plan["plan_hash"]) == (quote["plan"], quote["plan_hash"])


async def test_pages_show_everything_once_while_the_list_grows(
    http: httpx.AsyncClient, services: Services
) -> None:
    async with services.database.transaction() as tx:
        # One transaction, one instant: the id decides among equals.
        made = [await seeds.application(tx, "acme", "pia") for _ in range(7)]
    wanted = {start.application_id for start in made}
    params: dict[str, Any] = {"limit": 3, "customer_reference": "pia"}
    seen: list[str] = []
    while True:
        answer = await http.get(
            "/v1/applications", headers=bearer("partner", "acme"), params=params
        )
        page = answer.json()
        assert len(page["items"]) <= 3
        seen += [item["id"] for item in page["items"]]
        async with services.database.transaction() as tx:
            await seeds.application(tx, "acme", "pia")
        if page["next"] is None or len(seen) > 7:
            break
        params["cursor"] = page["next"]
    assert set(seen) == wanted
    assert len(seen) == 7


@pytest.mark.parametrize(
    "cursor",
    ["e30", "W10", "WzEsMl0", "!!!", "WyIyMDI2LTAxLTAxIiwgIngiXQ", "é" * 20, "a" * 201, _EDGE],
)
async def test_a_made_up_cursor_is_refused(http: httpx.AsyncClient, cursor: str) -> None:
    answer = await http.get("/v1/applications", headers=ALICE, params={"cursor": cursor})
    assert answer.status_code == 422


def test_a_cursor_survives_its_text_form() -> None:
    cursor = Cursor(utc_now(), "app_00000000000000000000000000")
    assert decode_cursor(encode_cursor(cursor)) == cursor


async def test_the_review_queue_is_ordered_by_due_time(
    http: httpx.AsyncClient, services: Services
) -> None:
    now = utc_now()
    async with services.database.transaction() as tx:
        late = await seeds.application(tx, "app", "alice")
        soon = await seeds.application(tx, "acme", "erin")
        await open_review_of(tx, late.application_id, now, now.replace(year=now.year + 2))
        await open_review_of(tx, soon.application_id, now, now.replace(year=now.year + 1))
    answer = await http.get("/v1/cases", headers=bearer("reviewer", "rita"))
    shown = [item["subject"] for item in answer.json()["items"]]
    assert shown.index(soon.application_id) < shown.index(late.application_id)


async def test_the_trial_balance_of_a_loan(http: httpx.AsyncClient, services: Services) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    lines = (
        JournalLine(account=Account.PRINCIPAL_RECEIVABLE, amount=1_000_000),
        JournalLine(account=Account.CASH, amount=-1_000_000),
    )
    async with services.database.transaction() as tx:
        await JournalRepository(tx).post(
            credit.loan_id,
            f"loan:{credit.loan_id}:disbursed",
            "disbursement",
            date(2026, 1, 15),
            "CNY",
            lines,
        )
    url = f"/v1/ledger/trial-balance?loan_id={credit.loan_id}"
    shown = (await http.get(url, headers=bearer("analyst", "anna"))).json()
    assert shown["total"] == 0
    assert shown["balances"] == [
        {"account": "cash", "balance": -1_000_000},
        {"account": "principal_receivable", "balance": 1_000_000},
    ]
    earlier = await http.get(f"{url}&as_of=2026-01-14", headers=bearer("ops", "otto"))
    assert earlier.json()["balances"] == []


async def test_a_call_and_its_result(http: httpx.AsyncClient, services: Services) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    carl = bearer("collector", "carl")
    tasks = (await http.get("/v1/collections/tasks?limit=100", headers=carl)).json()["items"]
    assert credit.task_id in [task["id"] for task in tasks]
    done = await http.post(
        f"/v1/collections/tasks/{credit.task_id}/result",
        headers=keyed("collector", "carl"),
        json={"result": "promised", "note": "call_back_later"},
    )
    assert done.json() == {
        "id": credit.task_id,
        "loan_id": credit.loan_id,
        "result": "promised",
        "handled_by": "carl",
    }
    tasks = (await http.get("/v1/collections/tasks?limit=100", headers=carl)).json()["items"]
    assert credit.task_id not in [task["id"] for task in tasks]
