"""Who may call what, for every route that is served."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.access import RULES
from messages.ids import Kind, new_id
from storage.database import Database
from tests.api import seeds
from tests.api.conftest import TOKENS, bearer, keyed
from tests.api.seeds import Credit
from tests.definitions import CONSENTS

ROLES = ("applicant", "partner", "reviewer", "collector", "analyst", "ops")
SUBJECT = dict(reversed(TOKENS))
SERVED = sorted(RULES)
PROTECTED = [route for route in SERVED if RULES[route].roles is not None]

_BODIES: dict[str, dict[str, Any]] = {
    "/v1/applications": {
        "product": "cash",
        "customer_reference": "alice",
        "amount": 1_000_000,
        "instalments": 12,
    },
    "/v1/applications/{application_id}/elements": {
        "elements": [{"kind": "operator", "mobile": "13800138000"}]
    },
    "/v1/applications/{application_id}/appeal": {"reason": "it was paid back"},
    "/v1/reviews/{application_id}/approve": {"reason": "confirmed"},
    "/v1/reviews/{application_id}/reject": {"reason": "not confirmed"},
    "/v1/reviews/{application_id}/supplement": {"kinds": ["operator"], "reason": "unclear"},
    "/v1/applications/{application_id}/documents": {
        "documents": [{"id": "doc_00000000000000000000000000", "content": "A" * 88}]
    },
    "/v1/applications/{application_id}/elements/{element_id}/code": {"code": "123456"},
    "/v1/users/{applicant_id}/consents": dict(CONSENTS[0]),
    "/v1/users/{applicant_id}/contact": {"language": "en"},
    "/v1/messages/{message_id}/resend": {"reason": "asked for it again"},
    "/v1/users/{applicant_id}/tags": {
        "level": 1,
        "until": "2026-12-31",
        "reason": "known for years",
    },
    "/v1/credit-analyses/{analysis_id}/review": {"decision": "approve", "reason": "seen"},
    "/v1/lines/{line_id}/elements": {"elements": [{"kind": "operator", "mobile": "13800138000"}]},
    "/v1/lines/{line_id}/elements/{element_id}/code": {"code": "123456"},
    "/v1/lines/{line_id}/quotes": {"amount": 1_000_000, "instalments": 12},
    "/v1/loans/{loan_id}/repayments": {"amount": 100},
    "/v1/collections/tasks/{task_id}/result": {"result": "promised"},
}
_KINDS: dict[str, Kind] = {
    "applicant_id": "per",
    "application_id": "app",
    "offer_id": "off",
    "line_id": "lin",
    "quote_id": "quo",
    "drawdown_id": "dra",
    "loan_id": "loa",
    "repayment_id": "rep",
    "task_id": "act",
    "message_id": "msg",
}
_NAMES = {
    "{analysis_id}": new_id("ana"),
    "{product}": "cash",
    "{purpose}": "face_recognition",
    "{kind}": "nothing",
    "{code}": "nothing",
    "{version}": "1",
    "{name}": "black",
}
"""Parts of paths that are nobody's."""
_OWNED = [
    route
    for route in PROTECTED
    if "_id}" in route[1] and (RULES[route].roles or frozenset()) & {"applicant", "partner"}
]
_OWNED_BY_ROLE = [
    (role, route)
    for route in _OWNED
    for role in ("applicant", "partner")
    if role in (RULES[route].roles or frozenset())
]


def _operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


def _body(template: str, credit: Credit | None = None) -> dict[str, Any]:
    if template == "/v1/lines/{line_id}/drawdowns":
        quote_id = credit.quote_id if credit else new_id("quo")
        return {"quote_id": quote_id, "plan_hash": "0" * 64}
    return _BODIES.get(template, {})


async def _call(
    http: httpx.AsyncClient,
    route: tuple[str, str],
    headers: dict[str, str],
    credit: Credit | None = None,
) -> httpx.Response:
    method, template = route
    path = template
    for name, kind in _KINDS.items():
        found = getattr(credit, name) if credit else new_id(kind)
        path = path.replace(f"{{{name}}}", found)
    path = path.replace("{element_id}", new_id("elt"))
    for name, found in _NAMES.items():
        path = path.replace(name, found)
    body = _body(template, credit) if method in ("POST", "PUT") else None
    return await http.request(method, path, headers=headers, json=body)


def test_every_served_route_has_a_rule_and_every_rule_a_route(app: FastAPI) -> None:
    assert sorted(_operations(app)) == SERVED


def test_every_command_is_keyed_except_what_proves_itself_or_stores_nothing(app: FastAPI) -> None:
    unkeyed = {path for method, path in SERVED if method == "POST" if not RULES[method, path].keyed}
    assert unkeyed == {
        "/credit_analysis/consents/{token}",
        "/credit_analysis/legal_person",
        "/credit_analysis/natural_person",
        "/v1/callbacks/payments",
        "/v1/callbacks/qitech",
        "/v1/callbacks/reports",
        "/v1/list-entries/search",
        "/v1/definitions/risk_policy/{code}/versions/{version}/backtest",
        "/v1/loans/{loan_id}/records/preview",
        "/v1/plans/preview",
    }
    for method, path in PROTECTED:
        operation = app.openapi()["paths"][path][method.lower()]
        assert operation["security"] == [{"bearer": []}]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer token-of-ops-ottx"},
        {"Authorization": "Basic b3R0bzpvdHRv"},
        {"Authorization": "Bearer é"},
    ],
    ids=["none", "empty", "wrong", "basic", "not-ascii"],
)
async def test_no_route_answers_without_a_valid_token(
    http: httpx.AsyncClient, headers: dict[str, str], subtests: pytest.Subtests
) -> None:
    sent = {name: value.encode("utf-8") for name, value in headers.items()}
    for method, template in PROTECTED:
        with subtests.test(method=method, path=template):
            answer = await http.request(method, template, headers=sent)  # type: ignore[arg-type] # raw bytes
            assert answer.status_code == 401
            assert answer.json()["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_outside_the_rule_is_refused_and_one_inside_is_not(
    http: httpx.AsyncClient, role: str, subtests: pytest.Subtests
) -> None:
    for route in PROTECTED:
        with subtests.test(method=route[0], path=route[1]):
            answer = await _call(http, route, keyed(role, SUBJECT[role]))
            allowed = RULES[route].roles or frozenset()
            assert (answer.json().get("code") == "forbidden") == (role not in allowed)
            assert answer.status_code not in (401, 500)


@pytest.fixture(scope="module")
async def credit_of_alice(services: Any) -> Credit:
    database: Database = services.database
    return await seeds.credit(database, "app", "alice")


async def test_what_belongs_to_others_does_not_exist(
    http: httpx.AsyncClient, credit_of_alice: Credit, subtests: pytest.Subtests
) -> None:
    for role, route in _OWNED_BY_ROLE:
        with subtests.test(role=role, method=route[0], path=route[1]):
            subject = {"applicant": "bob", "partner": "acme"}[role]
            answer = await _call(http, route, keyed(role, subject), credit_of_alice)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            absent = await _call(http, route, keyed(role, subject))
            assert absent.json()["detail"] == answer.json()["detail"]


@pytest.mark.parametrize(("role", "subject"), [("applicant", "alice"), ("partner", "app")])
async def test_what_is_theirs_is_shown(
    http: httpx.AsyncClient,
    credit_of_alice: Credit,
    role: str,
    subject: str,
    subtests: pytest.Subtests,
) -> None:
    for method, path in _OWNED:
        if method == "GET" and not path.endswith("/events"):
            with subtests.test(path=path):
                answer = await _call(http, (method, path), bearer(role, subject), credit_of_alice)
                assert answer.status_code == 200


async def test_an_applicant_of_a_partner_with_the_same_reference_is_somebody_else(
    http: httpx.AsyncClient, services: Any
) -> None:
    other = await seeds.credit(services.database, "acme", "alice")
    for role, subject, status in (
        ("applicant", "alice", 404),
        ("partner", "acme", 200),
        ("partner", "app", 404),
        ("ops", "otto", 200),
    ):
        answer = await http.get(f"/v1/loans/{other.loan_id}", headers=bearer(role, subject))
        assert answer.status_code == status


async def test_lists_show_only_what_is_theirs(http: httpx.AsyncClient, services: Any) -> None:
    async with services.database.transaction() as tx:
        mine = await seeds.application(tx, "app", "bob")
        of_acme = await seeds.application(tx, "acme", "carol")
    seen = {}
    for role, subject in TOKENS:
        if role == "collector":
            continue
        answer = await http.get(
            "/v1/applications", headers=bearer(role, subject), params={"limit": 100}
        )
        seen[subject] = {item["id"] for item in answer.json()["items"]}
    both = {mine.application_id, of_acme.application_id}
    assert seen["bob"] & both == {mine.application_id} == seen["app"] & both
    assert seen["acme"] & both == {of_acme.application_id}
    assert seen["alice"] & both == set()
    assert both <= seen["otto"]


async def test_loans_are_listed_by_channel_and_customer(
    http: httpx.AsyncClient, services: Any
) -> None:
    credit = await seeds.credit(services.database, "acme", "dora")
    other = await seeds.credit(services.database, "app", "bob")
    of_acme = await http.get("/v1/loans", headers=bearer("partner", "acme"))
    listed = {item["id"] for item in of_acme.json()["items"]}
    assert credit.loan_id in listed
    assert other.loan_id not in listed
    of_dora = await http.get(
        "/v1/loans", headers=bearer("partner", "acme"), params={"customer_reference": "dora"}
    )
    assert [item["id"] for item in of_dora.json()["items"]] == [credit.loan_id]
    elsewhere = await http.get(
        "/v1/loans",
        headers=bearer("partner", "acme"),
        params={"customer_reference": "alice", "channel": "app"},
    )
    assert credit.loan_id not in elsewhere.text
    assert all(item["id"] != credit.loan_id for item in elsewhere.json()["items"])


@pytest.mark.parametrize(
    ("role", "subject", "changes"),
    [
        ("applicant", "alice", {"customer_reference": "bob"}),
        ("applicant", "alice", {"channel": "acme"}),
        ("partner", "acme", {"channel": "app", "customer_reference": "x"}),
    ],
)
async def test_nobody_applies_for_others(
    http: httpx.AsyncClient, role: str, subject: str, changes: dict[str, str]
) -> None:
    body = _BODIES["/v1/applications"] | changes
    answer = await http.post("/v1/applications", headers=keyed(role, subject), json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_decisions_are_for_staff_and_the_reject_code_for_nobody_else(
    http: httpx.AsyncClient, services: Any
) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
    await seeds.set_state(services.database, start.application_id, "rejected", reject_code="R05")
    path = f"/v1/applications/{start.application_id}"
    borrower = (await http.get(path, headers=bearer("applicant", "alice"))).json()
    staff = (await http.get(path, headers=bearer("analyst", "anna"))).json()
    assert borrower["decision"] == "rejected"
    assert borrower["rejection"] == {"category": "not_eligible", "reapply_on": "2027-01-01"}
    assert borrower["decisions"] is None
    assert "R05" not in str(borrower)
    assert staff["decisions"] == []
