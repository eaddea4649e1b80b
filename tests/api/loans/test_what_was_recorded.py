"""What was recorded of a loan, and its statement of account, over HTTP."""

from datetime import date
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.loans.events import (
    AnyEvent,
    ChargedOff,
    ChargeOffReason,
    ChargeOffUndone,
    Paid,
    Reversed,
)
from messages.ids import loan_workflow
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.loans.loans import LoanRepository
from tests.api import seeds
from tests.api.conftest import bearer

OPS = bearer("ops", "otto")
BORROWER = bearer("applicant", "alice")


@pytest.fixture
async def loan(services: Services) -> str:
    """10,000.00 disbursed on 15 January 2026; a payment recorded by hand was taken back."""
    credit = await seeds.credit(services.database, "app", "alice")
    paid = Paid(key=f"loan:{credit.loan_id}:paid", on=date(2026, 2, 15), amount=94_560)
    back = Reversed(
        key=f"loan:{credit.loan_id}:back",
        on=date(2026, 2, 20),
        reverses=paid.key,
        reason="returned",
    )
    events: tuple[AnyEvent, ...] = (paid, back)
    async with services.database.transaction() as tx:
        for event in events:
            await LoanRepository(tx).append_event(credit.loan_id, event)
            await AuditRepository(tx).add(
                actor="stf_nobody",
                role="ops",
                action=f"record_{event.kind}",
                subject=credit.loan_id,
                outcome="recorded",
                detail={"event": event.key, "reference": "bank-77"},
                key=event.key,
            )
    return credit.loan_id


async def records(http: httpx.AsyncClient, loan: str, headers: Any, **params: Any) -> Any:
    answer = await http.get(f"/v1/loans/{loan}/records", headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_everything_recorded_is_listed_in_its_order(
    http: httpx.AsyncClient, loan: str
) -> None:
    page = await records(http, loan, OPS)
    assert [(one["kind"], one["on"]) for one in page["items"]] == [
        ("disbursed", "2026-01-15"),
        ("paid", "2026-02-15"),
        ("reversed", "2026-02-20"),
    ]
    disbursed, paid, back = page["items"]
    assert (disbursed["recorded_by"], disbursed["reference"]) == (None, None)
    assert (paid["recorded_by"], paid["reference"]) == ("stf_nobody", "bank-77")
    assert paid["event"]["amount"] == 94_560
    # The key is what a reversal names.
    assert paid["reversed_by"] == back["key"]
    assert back["event"]["reverses"] == paid["key"]
    assert (back["reversed_by"], page["next"]) == (None, None)


async def test_records_come_in_pages(http: httpx.AsyncClient, loan: str) -> None:
    first = await records(http, loan, OPS, limit=2)
    second = await records(http, loan, OPS, limit=2, cursor=first["next"])
    assert [one["kind"] for one in [*first["items"], *second["items"]]] == [
        "disbursed",
        "paid",
        "reversed",
    ]


async def test_a_borrower_sees_what_happened_and_not_who_did_it(
    http: httpx.AsyncClient, loan: str
) -> None:
    page = await records(http, loan, BORROWER)
    assert {(one["recorded_by"], one["reference"]) for one in page["items"]} == {(None, None)}
    other = await http.get(f"/v1/loans/{loan}/records", headers=bearer("applicant", "bob"))
    assert other.status_code == 404


async def test_what_concerns_only_the_books_is_for_the_staff(
    http: httpx.AsyncClient, services: Services, loan: str
) -> None:
    # A charge-off changes nothing that is owed; why the lender doubts its money is its own matter.
    day = date(2026, 6, 1)
    events: tuple[AnyEvent, ...] = (
        ChargedOff(key=f"loan:{loan}:off", on=day, reason=ChargeOffReason.FRAUD),
        ChargeOffUndone(key=f"loan:{loan}:undone", on=day),
    )
    change = {"field": "charge_off_reason", "before": "fraud", "after": None}
    kept = {"field": "principal", "before": 1, "after": 0}
    async with services.database.transaction() as tx:
        for event in events:
            await LoanRepository(tx).append_event(loan, event)
        for kind in ("charged_off", "charge_off_undone", "paid"):
            await OutboxRepository(tx).add(
                loan_workflow(loan), kind, f"{loan}:{kind}", {"changes": {"loan": [change, kept]}}
            )
        await tx.connection.execute(
            "update loans set state = 'settled', settled_on = business_date where id = $1", loan
        )
    whole = [one["kind"] for one in (await records(http, loan, OPS))["items"]]
    told = [one["kind"] for one in (await records(http, loan, BORROWER))["items"]]
    assert whole == [*told, "charged_off", "charge_off_undone"]
    first = await records(http, loan, BORROWER, limit=len(told))
    assert len(first["items"]) == len(told)

    staff, borrower = [
        (await http.get(f"/v1/loans/{loan}/events", headers=headers)).text
        for headers in (OPS, BORROWER)
    ]
    assert staff.count('"fraud"') == 3
    assert "fraud" not in borrower
    assert "charge" not in borrower
    assert '"principal"' in borrower


async def test_a_statement_adds_up(http: httpx.AsyncClient, loan: str) -> None:
    path = f"/v1/loans/{loan}/statement"
    answer = await http.get(
        path, headers=BORROWER, params={"from": "2026-01-15", "to": "2026-02-15"}
    )
    account = answer.json()
    assert [(one["text"], one["amount"]) for one in account["movements"]] == [
        ("Paid out", 1_000_000),
        ("Interest", 20_000),
        ("Payment", -94_560),
    ]
    assert (account["opening"], account["closing"]) == (0, 925_440)


async def test_a_statement_without_a_period_covers_what_there_is(
    http: httpx.AsyncClient, loan: str
) -> None:
    account = (await http.get(f"/v1/loans/{loan}/statement", headers=OPS)).json()
    now = (await http.get(f"/v1/loans/{loan}", headers=OPS)).json()["position"]
    assert account["ends"] == now["as_of"]
    owed = now["principal_outstanding"] + sum(
        now["due"][part] for part in ("interest", "fee", "penalty")
    )
    assert account["closing"] == owed - now["credit"]


async def test_it_can_be_printed(http: httpx.AsyncClient, loan: str) -> None:
    answer = await http.get(
        f"/v1/loans/{loan}/statement.txt", headers=BORROWER, params={"to": "2026-02-15"}
    )
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[0] == "STATEMENT OF ACCOUNT"
    assert lines[-1].split()[-1] == "9,254.40"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "2026-03-01", "to": "2026-02-01"}, "from"),
        ({"to": "2999-01-01"}, "to"),
        ({"from": "2020-01-01"}, "from"),
        ({"from": "yesterday"}, "from"),
    ],
)
async def test_a_period_that_cannot_be_is_refused_by_name(
    http: httpx.AsyncClient, loan: str, params: dict[str, str], field: str
) -> None:
    answer = await http.get(f"/v1/loans/{loan}/statement", headers=OPS, params=params)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"].endswith(field)
