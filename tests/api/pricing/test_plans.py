"""Trials of loan terms over HTTP. Golden figures were worked out apart from the product."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.access import SMALL
from api.http.services import Services
from domain.common.business_days import HOLIDAY_CALENDAR
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms, on_official_days
from domain.pricing.rate_caps import LenderKind
from tests.api import seeds
from tests.api.conftest import bearer, keyed
from tests.definitions import shipped
from tests.products import CASH, changed, release_products

PATH = "/v1/plans/preview"
GOLDEN: dict[str, Any] = {
    "currency": "CNY",
    "principal": 1_000_000,
    "annual_rate": "24",
    "instalments": 12,
    "disbursed_on": "2026-01-15",
    "first_due_on": "2026-02-15",
}


async def _try(http: httpx.AsyncClient, body: object) -> httpx.Response:
    return await http.post(PATH, headers=bearer("analyst", "anna"), json=body)


async def _refused(http: httpx.AsyncClient, body: object) -> dict[str, Any]:
    answer = await _try(http, body)
    assert answer.status_code in (409, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    return problem


async def test_the_examples_of_the_reference_are_answered(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    examples = app.openapi()["components"]["schemas"]["PlanTrial"]["examples"]
    assert len(examples) == 3
    for example in examples:
        answer = await _try(http, example)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert len(found["rows"]) == example["terms"]["instalments"]
        assert sum(row["principal"] for row in found["rows"]) == example["terms"]["principal"]
        assert found["costs"]["sheet"]["total_cost"] == (
            found["totals"]["interest"] + found["totals"]["fee"]
        )
        assert all(rate["value"] is not None for rate in found["rates"])


async def test_the_golden_loan(http: httpx.AsyncClient) -> None:
    answer = await _try(http, {"terms": GOLDEN, "lender_kind": "BANK"})
    found = answer.json()
    assert [row["total"] for row in found["rows"]] == [94_560] * 11 + [94_555]
    first = found["rows"][0]
    assert (first["principal"], first["interest"], first["days"]) == (74_560, 20_000, 31)
    assert first["pieces"] == [
        {
            "start": "2026-01-15",
            "end": "2026-02-15",
            "balance": 1_000_000,
            "annual_rate": "24",
            "numerator": 1,
            "denominator": 12,
            "exact": "20000",
        }
    ]
    assert first["text"] == "10,000.00 × 24 % × 1/12 = 200.00"
    rates = {rate["convention"]: rate["value"] for rate in found["rates"]}
    assert rates["nominal_simple"].startswith("24.00006")
    assert rates["effective"].startswith("26.82")
    assert [year["year"] for year in found["by_year"]] == [2026, 2027]
    assert found["totals"]["total"] == 1_134_715
    assert found["caps"] == {"lender_kind": "BANK", "findings": [], "unknown": None}
    assert found["on_day"] is None


async def test_a_loan_above_the_cap_is_reported_not_refused(http: httpx.AsyncClient) -> None:
    fee = {"name": "service", "timing": "deducted", "percent": "5"}
    answer = await _try(http, {"terms": GOLDEN | {"fees": [fee]}, "lender_kind": "BANK"})
    assert answer.status_code == 200
    (finding,) = answer.json()["caps"]["findings"]
    assert finding["rate"].startswith("34.14")
    assert (finding["enforcement"], finding["limit"]) == ("hard", "24")


async def test_events_lead_to_a_position_and_a_payoff(http: httpx.AsyncClient) -> None:
    events = [
        {"kind": "disbursed", "key": "out", "on": "2026-01-15", "amount": 1_000_000},
        {"kind": "paid", "key": "in", "on": "2026-02-15", "amount": 94_560},
    ]
    body = {"terms": GOLDEN, "events": events, "as_of": "2026-02-15"}
    found = (await _try(http, body)).json()["on_day"]
    assert found["position"]["principal_outstanding"] == 925_440
    assert (found["payoff"]["total"], found["reason"]) == (925_440, None)
    assert found["position"]["bucket"] == "M0"
    late = {"terms": GOLDEN, "events": events[:1], "as_of": "2026-03-18"}
    assert (await _try(http, late)).json()["on_day"]["position"]["bucket"] == "M2"
    before = (await _try(http, {"terms": GOLDEN, "as_of": "2026-02-15"})).json()["on_day"]
    assert before["payoff"] is None
    assert "not disbursed" in before["reason"]


async def test_due_dates_move_by_the_calendar_in_force_or_by_the_years_given(
    http: httpx.AsyncClient,
) -> None:
    terms = GOLDEN | {
        "disbursed_on": "2026-09-01",
        "first_due_on": "2026-10-01",
        "business_day_rule": "following",
        "calendar": "CN",
    }
    shown = (await _try(http, {"terms": terms})).json()
    assert shown["rows"][0]["due_on"] == "2026-10-08"
    years = shipped(HOLIDAY_CALENDAR, "cn").years
    agreed = on_official_days(LoanTerms.model_validate(terms), years)
    assert shown["hash"] == build_plan(agreed).hash

    given = {"year": 2026, "version": "1", "source": "a notice", "closed": ["2026-10-01"]}
    own = (await _try(http, {"terms": terms | {"official_years": [given]}})).json()
    assert own["rows"][0]["due_on"] == "2026-10-02"


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"instalments": 0}, "instalments", "1 to 600 instalments"),
        ({"instalments": 601}, "instalments", "1 to 600 instalments"),
        ({"first_due_on": "2026-01-14"}, "first_due_on", "must follow the disbursement"),
        ({"principal_grace": 12}, "principal_grace", "longer than the term"),
        ({"interest_grace": 13}, "interest_grace", "longer than the term"),
        (
            {"method": "explicit", "instalments": 0, "explicit": [{"due_on": "2026-02-15"}]},
            "day_count",
            "listed instalments need another",
        ),
        (
            {"interest_follows": True, "business_day_rule": "following"},
            "day_count",
            "cannot follow moved due dates",
        ),
        ({"annual_rate": "1000.1"}, "annual_rate", "percent a year"),
        ({"currency": "XXX"}, "currency", "no currency"),
        ({"frequency": {"unit": "year", "every": 300}}, "first_due_on", "years 1900 to 2999"),
        ({"disbursed_on": "0001-01-01"}, "first_due_on", "years 1900 to 2999"),
        ({"disbursed_on": "1950-01-15"}, "first_due_on", "at most 50 years"),
        ({"interest_rounding": {"unit": 7}}, "interest_rounding", "multiples of"),
        (
            {"rate_steps": [{"on": "2026-03-01", "annual_rate": "1"}] * 25},
            "rate_steps",
            "at most 24",
        ),
    ],
)
async def test_nonsense_is_refused_with_field_and_reason(
    http: httpx.AsyncClient, changes: dict[str, Any], field: str, reason: str
) -> None:
    problem = await _refused(http, {"terms": GOLDEN | changes})
    assert (problem["status"], problem["code"]) == (422, "invalid_terms")
    assert problem["errors"][0]["field"] == field
    assert reason in problem["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"terms": GOLDEN | {"annual_rate": 24.0}}, "terms.annual_rate", "invalid_value"),
        ({"terms": GOLDEN | {"annual_rate": "1e999999"}}, "terms.annual_rate", "invalid_value"),
        ({"terms": GOLDEN | {"annual_rate": "NaN"}}, "terms.annual_rate", "invalid_value"),
        ({"terms": GOLDEN | {"principal": 1000.0}}, "terms.principal", "invalid_value"),
        ({"terms": GOLDEN | {"principal": "1000"}}, "terms.principal", "invalid_value"),
        ({"terms": GOLDEN | {"speed": 1}}, "terms.speed", "unknown_field"),
        ({"terms": GOLDEN, "speed": 1}, "speed", "unknown_field"),
        ({"terms": GOLDEN | {"frequency": {"per": 1}}}, "terms.frequency.per", "unknown_field"),
        (
            {
                "terms": GOLDEN,
                "as_of": "2026-02-15",
                "events": [
                    {"kind": "paid", "key": "k", "on": "2026-02-15", "amount": 1, "speed": 1}
                ],
            },
            "events.0.speed",
            "unknown_field",
        ),
        (
            {"terms": GOLDEN, "events": [{"kind": "stolen", "key": "k", "on": "2026-02-15"}]},
            "events.0",
            "invalid_value",
        ),
        ({"terms": GOLDEN, "lender_kind": "PAWNSHOP"}, "lender_kind", "invalid_value"),
        ({}, "terms", "missing_field"),
    ],
)
async def test_what_is_no_body_of_a_trial_is_refused_by_name(
    http: httpx.AsyncClient, body: dict[str, Any], field: str, code: str
) -> None:
    problem = await _refused(http, body)
    assert problem["status"] == 422
    assert (problem["errors"][0]["field"], problem["errors"][0]["code"]) == (field, code)
    assert "stolen" not in str(problem)


async def test_events_need_a_day_and_each_other(http: httpx.AsyncClient) -> None:
    written_off = {"kind": "written_off", "key": "w", "on": "2026-02-15"}
    problem = await _refused(http, {"terms": GOLDEN, "events": [written_off]})
    assert (problem["code"], problem["errors"][0]["field"]) == ("invalid_event", "as_of")
    body = {"terms": GOLDEN, "events": [written_off], "as_of": "2026-03-01"}
    problem = await _refused(http, body)
    assert (problem["code"], problem["errors"][0]["field"]) == ("invalid_event", "on")


async def test_the_longest_plan_is_answered_and_a_large_body_is_not(
    http: httpx.AsyncClient,
) -> None:
    answer = await _try(http, {"terms": GOLDEN | {"instalments": 600}})
    assert len(answer.json()["rows"]) == 600
    answer = await _try(http, {"terms": GOLDEN | {"currency": "C" * SMALL}})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("role", "subject", "status"),
    [
        ("partner", "app", 200),
        ("applicant", "alice", 200),
        ("reviewer", "rita", 200),
        ("analyst", "anna", 200),
        ("ops", "otto", 200),
        ("collector", "carl", 403),
    ],
)
async def test_roles(http: httpx.AsyncClient, role: str, subject: str, status: int) -> None:
    answer = await http.post(PATH, headers=bearer(role, subject), json={"terms": GOLDEN})
    assert answer.status_code == status


async def test_a_quote_above_a_hard_cap_is_refused(
    http: httpx.AsyncClient, services: Services
) -> None:
    # A lender without a licence may charge four times the loan prime rate: 12 % in 2026.
    unlicensed = changed(CASH, "unlicensed", lender_kind=LenderKind.UNLICENSED)
    await release_products(services.database, unlicensed)
    async with services.database.transaction() as tx:
        _, line_id = await seeds.line(
            tx, await seeds.application(tx, "app", "alice", product="unlicensed")
        )
        _, other_id = await seeds.line(tx, await seeds.application(tx, "app", "alice"))
    body = {"amount": 1_000_000, "instalments": 12}
    path = f"/v1/lines/{line_id}/quotes"
    answer = await http.post(path, headers=keyed("applicant", "alice"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "rate_cap_exceeded")
    assert "24.0000631878 % is above the 12" in answer.json()["detail"]
    path = f"/v1/lines/{other_id}/quotes"
    answer = await http.post(path, headers=keyed("applicant", "alice"), json=body)
    assert answer.status_code == 201


async def test_a_quote_above_a_soft_cap_says_so_whenever_it_is_read(
    http: httpx.AsyncClient, services: Services
) -> None:
    # Consumer finance: a soft cap of 20 % below the hard one of 24 %.
    warned = changed(CASH, "warned", lender_kind=LenderKind.CONSUMER_FINANCE)
    await release_products(services.database, warned)
    async with services.database.transaction() as tx:
        _, line_id = await seeds.line(
            tx, await seeds.application(tx, "app", "alice", product="warned")
        )
        _, other_id = await seeds.line(tx, await seeds.application(tx, "app", "alice"))
    body = {"amount": 1_000_000, "instalments": 12}
    path = f"/v1/lines/{line_id}/quotes"
    answer = await http.post(path, headers=keyed("applicant", "alice"), json=body)
    assert answer.status_code == 201
    [warning] = answer.json()["cap_warnings"]
    assert set(warning) == {"rate", "limit", "source", "detail"}
    assert Decimal(warning["limit"]) == 20
    assert "24.0000631878 % is above the 20 %" in warning["detail"]
    read = await http.get(f"/v1/quotes/{answer.json()['id']}", headers=bearer("applicant", "alice"))
    assert read.json() == answer.json()
    path = f"/v1/lines/{other_id}/quotes"
    answer = await http.post(path, headers=keyed("applicant", "alice"), json=body)
    assert answer.json()["cap_warnings"] == []


async def test_a_trial_shows_the_books_of_a_loan_that_is_charged_off(
    http: httpx.AsyncClient,
) -> None:
    """10,000.00 at 24 %, nothing paid: the first instalment's interest is 200.00."""
    events = [
        {"kind": "disbursed", "key": "out", "on": "2026-01-15", "amount": 1_000_000},
        {"kind": "charged_off", "key": "co", "on": "2026-02-20", "reason": "fraud"},
    ]
    terms = GOLDEN | {"income": "accrued", "day_count": "actual_365_fixed"}

    async def ledger(number: int) -> dict[str, int]:
        body = {"terms": terms, "events": events[:number], "as_of": "2026-02-20"}
        listed = (await _try(http, body)).json()["on_day"]["ledger"]
        return {one["account"]: one["balance"] for one in listed}

    before, after = await ledger(1), await ledger(2)
    assert sum(before.values()) == sum(after.values()) == 0
    # 31 days on 10,000.00 at 24 % over 365: 203.84, and 5 more on what is planned to be left.
    assert before["interest_receivable"] == 20_384
    assert before["interest_income"] == -20_384 - before["interest_accrued"]
    assert "interest_income" not in after
    assert after["interest_suspended"] == before["interest_income"]
    assert after["fraud_loss"] == 1_000_000
