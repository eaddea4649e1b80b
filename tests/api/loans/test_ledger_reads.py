"""What finance reads of the ledger: any moment, any loan, and whether the books agree."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.loans.ledger import Account, JournalLine
from storage.loans.journal import EntryKind, JournalRepository
from tests.api import seeds
from tests.api.conftest import bearer

ANNA = bearer("analyst", "anna")
DISBURSED_ON = date(2026, 1, 15)
TRIAL_BALANCE = "/v1/ledger/trial-balance"
RECONCILIATION = "/v1/ledger/reconciliation"


@dataclass
class Ledger:
    """The journal, as the tests write and read it."""

    http: httpx.AsyncClient
    services: Services

    async def loan(self, *, posted: bool = True) -> str:
        """Have a loan of 10,000.00 CNY whose disbursement is posted, or forgotten."""
        credit = await seeds.credit(
            self.services.database, "app", "alice", disbursed_on=DISBURSED_ON
        )
        if posted:
            out = (Account.PRINCIPAL_RECEIVABLE, Account.CASH)
            await self.post(credit.loan_id, "disbursement", DISBURSED_ON, 1_000_000, out)
        return credit.loan_id

    async def post(
        self,
        loan_id: str,
        kind: EntryKind,
        on: date,
        amount: int,
        accounts: tuple[Account, Account],
    ) -> datetime:
        """Post an entry of two lines and return when it was recorded."""
        debit, credit = accounts
        lines = (
            JournalLine(account=debit, amount=amount),
            JournalLine(account=credit, amount=-amount),
        )
        async with self.services.database.transaction() as tx:
            key = f"loan:{loan_id}:{kind}:{on}:{amount}"
            assert await JournalRepository(tx).post(loan_id, key, kind, on, "CNY", lines)
            return (await JournalRepository(tx).of_loan(loan_id))[-1].recorded_at

    async def read(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = await self.http.get(path, headers=ANNA, params=parameters)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def pages(self, path: str, limit: int) -> AsyncIterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            page = await self.read(path, limit=limit, **cursor)
            assert len(page["items"]) <= limit
            for item in page["items"]:
                yield item
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    async def compared(self, loan_id: str) -> dict[str, Any]:
        (found,) = [
            item async for item in self.pages(RECONCILIATION, 100) if item["loan_id"] == loan_id
        ]
        return found


@pytest.fixture
def ledger(http: httpx.AsyncClient, services: Services) -> Ledger:
    return Ledger(http, services)


def by_account(sheet: dict[str, Any]) -> dict[str, int]:
    return {line["account"]: line["balance"] for line in sheet["balances"]}


async def test_the_trial_balance_says_what_it_was_asked_for(ledger: Ledger) -> None:
    loan_id = await ledger.loan()
    asked = {
        "currency": "CNY",
        "loan_id": loan_id,
        "funder": "own",
        "as_of": "2026-01-15",
        "recorded_until": "2126-01-01T08:00:00+08:00",
    }
    sheet = await ledger.read(TRIAL_BALANCE, **asked)
    assert {name: sheet[name] for name in asked} == asked | {
        "recorded_until": "2126-01-01T00:00:00Z"
    }
    assert by_account(sheet) == {"principal_receivable": 1_000_000, "cash": -1_000_000}
    assert sheet["total"] == 0
    whole = await ledger.read(TRIAL_BALANCE)
    assert (whole["currency"], whole["funder"], whole["recorded_until"]) == ("CNY", None, None)
    assert whole["total"] == 0
    for other in ({"currency": "USD"}, {"funder": "bank-1"}, {"as_of": "2026-01-14"}):
        assert (await ledger.read(TRIAL_BALANCE, **(asked | other)))["balances"] == []


async def test_what_was_on_record_before_a_backdated_entry_came(ledger: Ledger) -> None:
    loan_id = await ledger.loan()
    accounts = (Account.PENALTY_RECEIVABLE, Account.PENALTY_INCOME)
    recorded_at = await ledger.post(loan_id, "bill", date(2026, 1, 16), 7, accounts)
    asked = {"loan_id": loan_id, "as_of": "2026-01-31"}
    before = (recorded_at - timedelta(microseconds=1)).isoformat()
    then = await ledger.read(TRIAL_BALANCE, recorded_until=before, **asked)
    assert "penalty_income" not in by_account(then)
    since = await ledger.read(TRIAL_BALANCE, recorded_until=recorded_at.isoformat(), **asked)
    assert by_account(since)["penalty_income"] == -7


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("currency", "cny"),
        ("loan_id", "loa_1"),
        ("funder", "Bank One"),
        ("funder", ""),
        ("funder", "b" * 33),
        ("as_of", "31.12.2026"),
        ("recorded_until", "yesterday"),
        ("recorded_until", "2026-01-15T00:00:00"),
        ("recorded_until", "0001-01-01T00:00:00+14:00"),
        ("recorded_until", "9999-12-31T23:59:59-14:00"),
    ],
)
async def test_a_moment_that_cannot_be_is_refused_by_its_parameter(
    http: httpx.AsyncClient, parameter: str, value: str
) -> None:
    answer = await http.get(TRIAL_BALANCE, headers=ANNA, params={parameter: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [parameter]
    assert value == "" or value not in answer.json()["detail"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_ends_of_the_calendar_are_moments(ledger: Ledger, moment: str) -> None:
    loan_id = await ledger.loan()
    sheet = await ledger.read(TRIAL_BALANCE, loan_id=loan_id, recorded_until=moment)
    assert bool(sheet["balances"]) == moment.startswith("9")


async def test_a_loan_s_entries_are_shown_with_both_dates(ledger: Ledger) -> None:
    loan_id = await ledger.loan()
    accounts = (Account.INTEREST_RECEIVABLE, Account.INTEREST_INCOME)
    days = [date(2026, 2, 20 - number) for number in range(4)]
    recorded = [
        await ledger.post(loan_id, "bill", day, 100 + number, accounts)
        for number, day in enumerate(days)
    ]
    path = f"/v1/ledger/loans/{loan_id}/entries"
    whole = [entry async for entry in ledger.pages(path, 100)]
    assert [entry["business_date"] for entry in whole[1:]] == [day.isoformat() for day in days]
    shown = [datetime.fromisoformat(entry["recorded_at"]) for entry in whole]
    assert shown[1:] == recorded
    assert whole[1]["lines"] == [
        {"account": "interest_receivable", "amount": 100},
        {"account": "interest_income", "amount": -100},
    ]
    assert (whole[0]["kind"], whole[0]["currency"]) == ("disbursement", "CNY")
    for limit in (1, 2, 5):
        assert [entry async for entry in ledger.pages(path, limit)] == whole


async def test_entries_of_no_loan_are_not_found_and_cursors_are_their_own(
    ledger: Ledger, http: httpx.AsyncClient
) -> None:
    for unknown in ("loa_00000000000000000000000000", "nonsense"):
        answer = await http.get(f"/v1/ledger/loans/{unknown}/entries", headers=ANNA)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    loan_id = await ledger.loan()
    for _ in range(2):
        await ledger.loan()
    foreign = (await ledger.read(RECONCILIATION, limit=1))["next"]
    assert foreign
    answer = await http.get(
        f"/v1/ledger/loans/{loan_id}/entries", headers=ANNA, params={"cursor": foreign}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("limit", [0, 101, -1, "many"])
async def test_a_page_has_1_to_100_loans(http: httpx.AsyncClient, limit: Any) -> None:
    answer = await http.get(RECONCILIATION, headers=ANNA, params={"limit": limit})
    assert answer.status_code == 422


async def test_every_loan_is_compared_once_the_oldest_first(ledger: Ledger) -> None:
    made = [await ledger.loan() for _ in range(3)]
    whole = [item["loan_id"] async for item in ledger.pages(RECONCILIATION, 100)]
    assert [item["loan_id"] async for item in ledger.pages(RECONCILIATION, 2)] == whole
    assert len(whole) == len(set(whole))
    assert [loan_id for loan_id in whole if loan_id in made] == made


async def test_books_that_agree(ledger: Ledger) -> None:
    found = await ledger.compared(await ledger.loan())
    assert not found["differs"]
    assert (found["as_of"], found["currency"]) == ("2026-01-15", "CNY")
    assert found["principal"] == dict.fromkeys(("ledger", "position", "projection"), 1_000_000)
    accounts = {one["account"]: (one["ledger"], one["position"]) for one in found["accounts"]}
    assert {"interest_receivable", "penalty_receivable", "customer_credit"} <= set(accounts)
    assert set(accounts.values()) == {(0, 0)}


async def test_a_missing_entry_shows(ledger: Ledger) -> None:
    found = await ledger.compared(await ledger.loan(posted=False))
    assert found["differs"]
    assert found["principal"] == {"ledger": 0, "position": 1_000_000, "projection": 1_000_000}


async def test_a_tampered_projection_shows(ledger: Ledger) -> None:
    loan_id = await ledger.loan()
    async with ledger.services.database.transaction() as tx:
        await tx.connection.execute(
            "update loans set principal_outstanding = 1 where id = $1", loan_id
        )
    found = await ledger.compared(loan_id)
    assert found["differs"]
    assert found["principal"] == {"ledger": 1_000_000, "position": 1_000_000, "projection": 1}


@pytest.mark.parametrize(
    ("role", "subject"),
    [("applicant", "alice"), ("partner", "app"), ("reviewer", "rita"), ("collector", "carl")],
)
async def test_the_ledger_is_for_analysts_and_operators(
    ledger: Ledger, http: httpx.AsyncClient, role: str, subject: str
) -> None:
    loan_id = await ledger.loan()
    paths: Sequence[str] = (
        TRIAL_BALANCE,
        RECONCILIATION,
        f"/v1/ledger/loans/{loan_id}/entries",
    )
    for path in paths:
        refused = await http.get(path, headers=bearer(role, subject))
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await http.get(path, headers=bearer("ops", "otto"))).status_code == 200
