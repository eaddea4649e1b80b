"""Records of a loan over HTTP: who may, what they would change, and why one is refused."""

from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.loans.events import RateChanged
from storage.loans.loans import LoanRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed

OPS = bearer("ops", "otto")


@pytest.fixture
async def path(services: Services) -> str:
    """The records of 10,000.00 over 12 months at 24 %, disbursed on 15 January 2026."""
    credit = await seeds.credit(services.database, "app", "alice")
    return f"/v1/loans/{credit.loan_id}/records"


def changes_of(answer: dict[str, Any], number: int) -> dict[str, tuple[Any, Any]]:
    (found,) = [row for row in answer["changes"]["instalments"] if row["number"] == number]
    return {item["field"]: (item["before"], item["after"]) for item in found["changes"]}


async def test_a_backdated_payment_shows_what_it_changes(
    http: httpx.AsyncClient, path: str
) -> None:
    body = {"kind": "paid", "amount": 94_560, "on": "2026-02-15", "reference": "bank-2026-77"}
    answer = await http.post(f"{path}/preview", headers=OPS, json=body)
    assert answer.status_code == 200
    tried = answer.json()
    first = changes_of(tried, 1)
    # Paid on its due date it never was late: the penalty that ran since then is gone.
    assert first["state"] == ("overdue", "paid")
    assert first["principal_paid"] == (0, 74_560)
    assert first["penalty"][1] == 0 < first["penalty"][0]
    assert tried["key"] is None
    again = await http.post(f"{path}/preview", headers=OPS, json=body)
    assert again.json() == tried


async def test_a_new_plan_shows_its_instalments(http: httpx.AsyncClient, path: str) -> None:
    body = {
        "kind": "rescheduled",
        "on": "2026-01-20",
        "instalments": 6,
        "first_due_on": "2026-03-01",
        "annual_rate": "18",
    }
    answer = await http.post(f"{path}/preview", headers=OPS, json=body)
    assert answer.status_code == 200
    position = answer.json()["position"]
    assert [row["due_on"] for row in position["instalments"] if row["principal"]][:2] == [
        "2026-03-01",
        "2026-04-01",
    ]


async def test_a_charge_off_changes_nothing_that_the_borrower_owes(
    http: httpx.AsyncClient, path: str
) -> None:
    body = {"kind": "charged_off", "on": "2026-05-17", "reason": "fraud"}
    answer = await http.post(f"{path}/preview", headers=OPS, json=body)
    assert answer.status_code == 200
    tried = answer.json()
    assert tried["changes"]["instalments"] == []
    assert {one["field"]: one["after"] for one in tried["changes"]["loan"]} == {
        "charged_off_on": "2026-05-17",
        "charge_off_reason": "fraud",
    }
    assert tried["position"]["charge_off"]["reason"] == "fraud"
    booked = {one["account"]: one["balance"] for one in tried["ledger"]}
    assert sum(booked.values()) == 0
    assert booked["fraud_loss"] == 1_000_000 == -booked["principal_charged_off"]
    assert booked["interest_income"] == -booked["interest_suspended"] > 0


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "re_aged", "into": "last"},
        {"kind": "due_day_changed", "first_due_on": "2026-06-20"},
        {"kind": "interest_paused", "until": "2026-06-20"},
        {"kind": "waived", "amount": 100},
        {"kind": "paid", "amount": 100, "instalment": 2, "directed": True},
        {"kind": "paid", "amount": 100, "split": {"principal": 60, "interest": 40}},
        {"kind": "paid", "amount": 900_000, "excess": "reduce_later"},
        {"kind": "paid", "amount": 900_000, "excess": "next_principal"},
    ],
)
async def test_every_convention_of_change_can_be_tried(
    http: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    asked = body | {"on": "2026-05-17"}
    answer = await http.post(f"{path}/preview", headers=OPS, json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["kind"] == body["kind"]
    assert answer.json()["changes"]["loan"] or answer.json()["changes"]["instalments"]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"kind": "charged_back", "payment": "nothing", "amount": 1}, 409, "invalid_event", None),
        ({"kind": "paid", "amount": 1, "instalment": 99}, 409, "invalid_event", None),
        ({"kind": "forgiven"}, 422, None, None),
        ({"kind": "disbursed", "amount": 1}, 422, None, None),
        ({"kind": "paid"}, 422, "missing_field", "amount"),
        ({"kind": "paid", "amount": 0}, 422, None, "amount"),
        ({"kind": "paid", "amount": 1.5}, 422, None, "amount"),
        ({"kind": "paid", "amount": 1, "on": "2099-01-01"}, 409, "invalid_event", None),
        ({"kind": "paid", "amount": 1, "on": "2026-01-14"}, 409, "invalid_event", None),
        ({"kind": "paid", "amount": 1, "reference": "Zhang San"}, 422, None, "reference"),
        ({"kind": "reversed", "reverses": "nothing"}, 409, "invalid_reversal", None),
        ({"kind": "refunded", "amount": 1}, 409, "invalid_event", None),
        ({"kind": "recovered", "amount": 1}, 409, "invalid_event", None),
        ({"kind": "waived", "component": "goodwill", "amount": 1}, 422, None, "component"),
        ({"kind": "charged", "component": "interest", "amount": 1}, 422, None, "component"),
        ({"kind": "charged_off", "reason": "mood"}, 422, None, "reason"),
        ({"kind": "charge_off_undone"}, 409, "invalid_event", None),
        ({"kind": "holiday_granted", "count": 0}, 422, None, "count"),
        ({"kind": "paid", "amount": 1, "colour": "red"}, 422, "unknown_field", "colour"),
        # A bank may charge 24 % a year, whatever a contract says later (Fa Fa [2017] No. 22, 2).
        ({"kind": "rate_changed", "annual_rate": "36.5"}, 422, "rate_cap_exceeded", "annual_rate"),
        (
            {
                "kind": "rescheduled",
                "instalments": 12,
                "first_due_on": "2099-01-01",
                "annual_rate": "999",
            },
            422,
            "rate_cap_exceeded",
            "annual_rate",
        ),
        ({"kind": "charged", "amount": 5_000}, 422, "rate_cap_exceeded", "amount"),
        (
            {"kind": "charged", "component": "penalty", "amount": 5_000},
            422,
            "rate_cap_exceeded",
            "amount",
        ),
    ],
)
async def test_what_cannot_be_recorded_is_refused(
    http: httpx.AsyncClient,
    path: str,
    body: dict[str, Any],
    status: int,
    code: str | None,
    field: str | None,
) -> None:
    answer = await http.post(f"{path}/preview", headers=OPS, json=body)
    problem = answer.json()
    assert answer.status_code == status, problem
    if code is not None:
        assert problem["code"] == code
    if field is not None:
        assert any(error["field"].endswith(field) for error in problem["errors"])


async def test_a_cap_is_named_with_its_source_and_holds_for_the_record_too(
    http: httpx.AsyncClient, path: str
) -> None:
    """It is refused before the process is asked: Temporal is down here."""
    body = {"kind": "rate_changed", "annual_rate": "36.5"}
    answer = await http.post(path, headers=keyed("ops", "otto"), json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "annual_rate"
    assert "24 %" in error["message"]
    assert "法发〔2017〕22号第2条" in error["message"]


async def test_a_loan_shows_the_rate_in_force_and_how_it_came_to_it(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    async with services.database.transaction() as tx:
        for day, rate in ((5, "18"), (6, "12")):
            event = RateChanged(
                key=f"loan:{credit.loan_id}:rate:{day}",
                on=date(2026, 3, day),
                annual_rate=Decimal(rate),
            )
            await LoanRepository(tx).append_event(credit.loan_id, event)
    loan = (await http.get(f"/v1/loans/{credit.loan_id}", headers=OPS)).json()
    assert loan["annual_rate"] == "12"
    shown = [(one["since"], one["annual_rate"], one["because"]) for one in loan["terms_history"]]
    assert shown == [
        ("2026-01-15", "24", "agreed"),
        ("2026-03-05", "18", "rate_changed"),
        ("2026-03-06", "12", "rate_changed"),
    ]


async def test_recording_is_for_operations_only(
    http: httpx.AsyncClient, services: Services, path: str
) -> None:
    body = {"kind": "written_off"}
    for role, subject in (("applicant", "alice"), ("partner", "app"), ("collector", "carl")):
        answer = await http.post(path, headers=keyed(role, subject), json=body)
        assert answer.status_code == 403
    unknown = await http.post(
        "/v1/loans/loa_00000000000000000000000000/records/preview", headers=OPS, json=body
    )
    assert unknown.status_code == 404


async def test_without_the_process_engine_nothing_is_recorded(
    http: httpx.AsyncClient, path: str
) -> None:
    body = {"kind": "charged", "amount": 50}
    answer = await http.post(path, headers=keyed("ops", "otto"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")


@pytest.mark.parametrize("body", [{}, {"amount": 94_560, "on": "2026-02-15"}, {"kind": "gift"}])
async def test_a_record_without_its_kind_is_told_which_there_are(
    http: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    for answer in (
        await http.post(f"{path}/preview", headers=OPS, json=body),
        await http.post(path, headers=keyed("ops", "otto"), json=body),
    ):
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "kind"
        for kind in ("paid", "waived", "written_off", "rescheduled"):
            assert kind in error["message"]
        assert "real_name" not in answer.text


async def test_a_wrong_field_of_a_record_is_named_without_its_kind(
    http: httpx.AsyncClient, path: str
) -> None:
    body = {"kind": "paid", "amount": "much", "on": "2026-02-15", "reference": "bank-1"}
    answer = await http.post(f"{path}/preview", headers=OPS, json=body)
    assert [error["field"] for error in answer.json()["errors"]] == ["amount"]
