"""Lists of loans show what each loan shows on its day, and can be narrowed as their users need."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.common.calendar import business_date
from domain.loans.delinquency import Delinquency
from domain.loans.events import Paid
from domain.loans.position import position
from domain.loans.state import past_due
from runtime.clock import utc_now
from storage.loans.loans import LoanRepository
from tests.api import seeds
from tests.api.conftest import bearer
from tests.api.seeds import Credit

OPS = bearer("ops", "otto")
SAME = (
    "id",
    "state",
    "bucket",
    "risk_class",
    "days_past_due",
    "principal_outstanding",
    "next_due_on",
    "next_due_amount",
)
"""What a list says of a loan, and the loan itself."""


def today() -> date:
    return business_date(utc_now(), "Asia/Shanghai")


async def lent(
    services: Services, reference: str, days_ago: int, *, delinquency: Delinquency | None = None
) -> Credit:
    """A loan whose last event is its disbursement, so many days ago, with no repayment going."""
    on = today() - timedelta(days=days_ago)
    credit = await seeds.credit(services.database, "app", reference, disbursed_on=on)
    async with services.database.transaction() as tx:
        await tx.connection.execute(
            "update repayments set state = 'failed', reason = 'test' where id = $1",
            credit.repayment_id,
        )
        if delinquency is not None:
            row = await LoanRepository(tx).get(credit.loan_id)
            assert row is not None
            terms = row.terms.model_copy(update={"delinquency": delinquency})
            await tx.connection.execute(
                "update loans set terms = $2 where id = $1",
                credit.loan_id,
                terms.model_dump_json(),
            )
            stands = position(terms, await LoanRepository(tx).events(row.id), on)
            late = past_due(stands, delinquency)
            await LoanRepository(tx).project(row.id, stands, "M0", late, on, 2)
    return credit


@pytest.fixture(scope="module")
async def loans(services: Services) -> dict[str, Credit]:
    grace = Delinquency(grace_days=31)
    return {
        "fresh": await lent(services, "list-fresh", 3),
        "late": await lent(services, "list-late", 40),
        "later": await lent(services, "list-later", 130),
        "in grace": await lent(services, "list-grace", 40, delinquency=grace),
        "due today": await lent(services, "list-today", 0, delinquency=Delinquency(on_due_date=1)),
    }


async def listed(http: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    answer = await http.get("/v1/loans", headers=OPS, params={"limit": 100, **params})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_list_says_what_each_loan_says_today(
    http: httpx.AsyncClient, loans: dict[str, Credit]
) -> None:
    """The last event of each is weeks old: what it said then is no answer today."""
    rows = {row["id"]: row for row in await listed(http)}
    for name, credit in loans.items():
        loan = (await http.get(f"/v1/loans/{credit.loan_id}", headers=OPS)).json()
        stands = loan["position"]
        due = stands["next_due"]
        shown = {
            **{field: loan.get(field, stands.get(field)) for field in SAME},
            "next_due_on": due["on"],
            "next_due_amount": due["amount"],
        }
        assert {field: rows[credit.loan_id][field] for field in SAME} == shown, name
        assert rows[credit.loan_id]["business_date"] == stands["as_of"]
    states = {name: rows[credit.loan_id]["state"] for name, credit in loans.items()}
    assert states == {
        "fresh": "current",
        "late": "overdue",
        "later": "overdue",
        "in grace": "current",
        "due today": "current",
    }


async def test_what_was_paid_since_counts(http: httpx.AsyncClient, services: Services) -> None:
    """Two instalments paid: the third is what the loan is late with, by its own due date."""
    credit = await lent(services, "list-paid", 100)
    on = today() - timedelta(days=90)
    async with services.database.transaction() as tx:
        paid = Paid(key=f"loan:{credit.loan_id}:paid", on=on, amount=2 * 94_560)
        await LoanRepository(tx).append_event(credit.loan_id, paid)
        row = await LoanRepository(tx).get(credit.loan_id)
        assert row is not None
        stands = position(row.terms, await LoanRepository(tx).events(row.id), on)
        late = past_due(stands, row.terms.delinquency)
        await LoanRepository(tx).project(row.id, stands, "M0", late, on, 2)
    loan = (await http.get(f"/v1/loans/{credit.loan_id}", headers=OPS)).json()
    (shown,) = [one for one in await listed(http) if one["id"] == credit.loan_id]
    assert 0 < shown["days_past_due"] == loan["position"]["days_past_due"] < 15
    assert shown["state"] == loan["state"] == "overdue"


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"state": "overdue"}, {"late", "later"}),
        ({"state": "current"}, {"fresh", "in grace", "due today"}),
        ({"state": "settled"}, set()),
        ({"state": "overdue", "channel": "acme"}, set()),
        ({"bucket": "M1"}, {"late"}),
        ({"bucket": "M0"}, {"fresh", "in grace", "due today"}),
        ({"risk_class": "special_mention"}, {"late"}),
        ({"risk_class": "substandard"}, {"later"}),
        ({"days_past_due_from": 1}, {"late", "later"}),
        ({"days_past_due_from": 1, "days_past_due_to": 30}, {"late"}),
        ({"days_past_due_to": 0}, {"fresh", "in grace", "due today"}),
        ({"waiting": "bank"}, set()),
    ],
)
async def test_a_list_is_narrowed_by_what_is_true_today(
    http: httpx.AsyncClient, loans: dict[str, Credit], params: dict[str, Any], names: set[str]
) -> None:
    known = {credit.loan_id: name for name, credit in loans.items()}
    found = {known[row["id"]] for row in await listed(http, **params) if row["id"] in known}
    assert found == names


async def test_a_list_is_narrowed_by_the_next_due_date(
    http: httpx.AsyncClient, loans: dict[str, Credit]
) -> None:
    rows = {row["id"]: row for row in await listed(http)}
    for credit in loans.values():
        due = rows[credit.loan_id]["next_due_on"]
        after = (date.fromisoformat(due) + timedelta(days=1)).isoformat()
        on = {row["id"] for row in await listed(http, due_from=due, due_to=due)}
        assert credit.loan_id in on
        assert credit.loan_id not in {row["id"] for row in await listed(http, due_from=after)}
        assert {rows[loan_id]["next_due_on"] for loan_id in on if loan_id in rows} == {due}


async def test_a_loan_that_waits_for_the_bank_says_since_when(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "app", "list-waiting")
    (row,) = [one for one in await listed(http, waiting="bank") if one["id"] == credit.loan_id]
    assert datetime.fromisoformat(row["waiting_since"]) <= utc_now()
    loan = (await http.get(f"/v1/loans/{credit.loan_id}", headers=bearer("partner", "app"))).json()
    assert loan["waiting"] == {
        "waits_for": "bank",
        "repayment_id": credit.repayment_id,
        "amount": 94_560,
        "since": row["waiting_since"],
    }


async def test_pages_of_a_narrowed_list_have_no_gaps(
    http: httpx.AsyncClient, loans: dict[str, Credit]
) -> None:
    wanted = [row["id"] for row in await listed(http, state="overdue")]
    seen: list[str] = []
    cursor = None
    while True:
        params: dict[str, Any] = {"state": "overdue", "limit": 1}
        if cursor:
            params["cursor"] = cursor
        page = (await http.get("/v1/loans", headers=OPS, params=params)).json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == wanted
    assert {loans["late"].loan_id, loans["later"].loan_id} <= set(seen)


@pytest.mark.parametrize(
    ("params", "field", "says"),
    [
        ({"bucket": "M99"}, "bucket", "M0"),
        ({"state": "late"}, "state", "overdue"),
        ({"waiting": "provider"}, "waiting", "bank"),
        ({"days_past_due_from": -1}, "days_past_due_from", ""),
        ({"due_from": "20260101"}, "due_from", "YYYY-MM-DD"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused_by_name(
    http: httpx.AsyncClient, params: dict[str, Any], field: str, says: str
) -> None:
    answer = await http.get("/v1/loans", headers=OPS, params=params)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"].endswith(field)
    assert says in error["message"]


async def test_a_borrower_sees_no_other_loan(
    http: httpx.AsyncClient, services: Services, loans: dict[str, Credit]
) -> None:
    own = await seeds.credit(services.database, "app", "bob")
    answer = await http.get("/v1/loans", headers=bearer("applicant", "bob"))
    ids = {row["id"] for row in answer.json()["items"]}
    assert own.loan_id in ids
    assert not ids & {credit.loan_id for credit in loans.values()}
