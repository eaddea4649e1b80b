"""Every refusal is a problem with a code; none repeats what was sent."""

import base64
import importlib
import json
import logging
import pkgutil
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog

import activities.common.refusals
import domain
import services
import storage.common.errors
from api.http.access import LARGE, SMALL
from api.http.bodies import DRAINED
from api.http.errors import CATALOGUE
from api.http.services import Services
from domain.common.errors import DomainError
from storage.verification.elements import ElementRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed

JSON = {"Content-Type": "application/json"}
_APPLICATION = {
    "product": "cash",
    "customer_reference": "alice",
    "amount": 1_000_000,
    "instalments": 12,
}


def _assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem["status"] == status
    assert problem["type"] == f"urn:loanflow:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


@pytest.fixture
async def elements_url(services: Services) -> str:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
    return f"/v1/applications/{start.application_id}/elements"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"purpose": "holiday"}, "purpose", "unknown_field"),
        ({"state": "offered"}, "state", "unknown_field"),
        ({"amount": -1}, "amount", "invalid_amount"),
        ({"amount": 0}, "amount", "invalid_amount"),
        ({"amount": 10000.0}, "amount", "invalid_amount"),
        ({"amount": "1000000"}, "amount", "invalid_amount"),
        ({"amount": True}, "amount", "invalid_amount"),
        ({"amount": None}, "amount", "invalid_amount"),
        ({"instalments": 121}, "instalments", "invalid_value"),
        ({"customer_reference": "张伟"}, "customer_reference", "invalid_value"),
        ({"product": "'; drop table loans"}, "product", "invalid_value"),
    ],
)
async def test_a_bad_field_is_named(
    http: httpx.AsyncClient, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = await http.post(
        "/v1/applications", headers=keyed("applicant", "alice"), json=_APPLICATION | changes
    )
    problem = _assert_problem(answer, 422, code)
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_missing_fields_are_all_named(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/applications", headers=keyed("applicant", "alice"), json={})
    problem = _assert_problem(answer, 422, "missing_field")
    assert {error["field"] for error in problem["errors"]} == set(_APPLICATION)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product": "gold"}, "unknown_product"),
        ({"amount": 1}, "outside_product"),
        ({"amount": 1_000_001}, "outside_product"),
        ({"instalments": 5}, "outside_product"),
    ],
)
async def test_what_the_product_does_not_lend(
    http: httpx.AsyncClient, changes: dict[str, Any], code: str
) -> None:
    answer = await http.post(
        "/v1/applications", headers=keyed("applicant", "alice"), json=_APPLICATION | changes
    )
    _assert_problem(answer, 422, code)


CANARY = "110105194912310021"  # the check digit is wrong
PERSONAL = {
    "kind": "personal_information",
    "education": "bachelor",
    "marital_status": "single",
    "occupation": "employee",
    "employer": "示例公司",
    "industry": "education",
    "employer_telephone": "010-65001234",
    "employer_address": "北京市朝阳区建国路一号",
    "employed_for": "3_to_7_years",
    "salary_by_card": True,
    "social_security": True,
    "monthly_income": 800_000,
    "address": "北京市朝阳区金丝雀路 7 号",
    "contacts": [
        {"name": "金丝雀", "relation": "parent", "mobile": "13900139000"},
        {"name": "王芳", "relation": "friend", "mobile": "12345-canary"},
    ],
}


@pytest.mark.parametrize(
    ("element", "field", "code"),
    [
        (
            {"kind": "real_name", "name": "金丝雀", "identity_number": CANARY},
            "elements.0.identity_number",
            "invalid_identity_number",
        ),
        ({"kind": "operator", "mobile": CANARY}, "elements.0.mobile", "invalid_mobile"),
        (PERSONAL, "elements.0.contacts.1.mobile", "invalid_mobile"),
        (
            {"kind": "bank_card", "card_number": f"{CANARY}/x", "mobile": "13800138000"},
            "elements.0.card_number",
            "invalid_card_number",
        ),
        ({"kind": CANARY}, "elements.0", "unknown_element_kind"),
        ({"mobile": CANARY}, "elements.0", "unknown_element_kind"),
        ({"kind": "operator", "mobile": "13800138000", CANARY: 1}, None, "unknown_field"),
        ({"kind": "operator", "mobile": "13800138000", "金丝雀": 1}, None, "unknown_field"),
        ({"kind": "identity_card", "front": CANARY, "back": "!"}, None, "invalid_value"),
    ],
)
async def test_personal_values_are_never_repeated(
    http: httpx.AsyncClient,
    elements_url: str,
    element: dict[str, Any],
    field: str | None,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await http.post(
            elements_url, headers=keyed("applicant", "alice"), json={"elements": [element]}
        )
    problem = _assert_problem(answer, 422, code)
    if field:
        assert problem["errors"][0]["field"] == field
    for secret in (CANARY, "金丝雀", "canary", "13900139000"):
        assert secret not in caplog.text
        # The name of an unknown field is repeated, if it can be one; values never are.
        if secret not in problem["errors"][0]["field"]:
            assert secret not in answer.text


async def test_what_an_occupation_lacks_and_what_it_has_too_much_is_named(
    http: httpx.AsyncClient, elements_url: str
) -> None:
    contact = {"name": "王芳", "relation": "friend", "mobile": "13900139000"}
    student = PERSONAL | {"contacts": [contact, contact], "occupation": "student"}
    answer = await http.post(
        elements_url, headers=keyed("applicant", "alice"), json={"elements": [student]}
    )
    problem = _assert_problem(answer, 422, "validation_failed")
    errors = {error["field"]: (error["code"], error["message"]) for error in problem["errors"]}
    assert errors["elements.0.school"] == ("missing_field", "is required with this occupation")
    surplus = ("unknown_field", "is not asked with this occupation")
    assert errors["elements.0.employer"] == errors["elements.0.salary_by_card"] == surplus


async def test_an_address_book_that_the_product_does_not_take_is_named(
    http: httpx.AsyncClient, elements_url: str
) -> None:
    contact = {"name": "王芳", "relation": "friend", "mobile": "13900139000"}
    told = PERSONAL | {"contacts": [contact, contact], "address_book": []}
    answer = await http.post(
        elements_url, headers=keyed("applicant", "alice"), json={"elements": [told]}
    )
    problem = _assert_problem(answer, 409, "element_refused")
    assert [error["field"] for error in problem["errors"]] == ["elements.0.address_book"]


async def test_each_kind_of_element_once(http: httpx.AsyncClient, elements_url: str) -> None:
    operator = {"kind": "operator", "mobile": "13800138000"}
    answer = await http.post(
        elements_url,
        headers=keyed("applicant", "alice"),
        json={"elements": [operator, operator]},
    )
    _assert_problem(answer, 422, "invalid_value")


async def test_an_element_refused_at_the_door_leaves_no_trace(
    http: httpx.AsyncClient, elements_url: str, services: Services
) -> None:
    application_id = elements_url.split("/")[3]
    await seeds.set_state(services.database, application_id, "in_review")
    answer = await http.post(
        elements_url,
        headers=keyed("applicant", "alice"),
        json={"elements": [{"kind": "operator", "mobile": "13800138000"}]},
    )
    _assert_problem(answer, 409, "wrong_state")
    async with services.database.read() as tx:
        assert await ElementRepository(tx).latest(application_id) == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b'{"amount": 1e400}',
        b'{"amount": ' + b"9" * 5000 + b"}",
        b'{"amount": 1, "amount": 2}',
        b'{"product": "a\\u0000b"}',
        b'{"product": "\\ud800"}',
        b'{"product": "\xff"}',
        b"[" * 200 + b"]" * 200,
        b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    ],
    ids=lambda body: str(body[:24]),
)
async def test_json_that_readers_disagree_about(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post(
        "/v1/applications", headers=keyed("applicant", "alice") | JSON, content=body
    )
    if not body:
        _assert_problem(answer, 422, "missing_field")
    elif len(body) > SMALL:
        _assert_problem(answer, 413, "body_too_large")
    else:
        _assert_problem(answer, 400, "invalid_json")


async def test_a_body_must_be_json(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/v1/applications", headers=keyed("applicant", "alice"), data={"product": "cash"}
    )
    _assert_problem(answer, 415, "unsupported_media_type")


async def test_ten_megabytes_are_too_much_even_for_pictures(
    http: httpx.AsyncClient, elements_url: str
) -> None:
    picture = base64.b64encode(b"x" * 7_500_000).decode()
    body = {"elements": [{"kind": "identity_card", "front": picture, "back": picture}]}
    answer = await http.post(elements_url, headers=keyed("applicant", "alice"), json=body)
    _assert_problem(answer, 413, "body_too_large")


@pytest.mark.parametrize("size", [SMALL + 1, LARGE + 1, 3 * DRAINED])
async def test_a_body_of_unknown_length_is_not_read_for_ever(
    http: httpx.AsyncClient, elements_url: str, size: int
) -> None:
    sent = 0

    async def drip() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < size:
            sent += 8192
            yield b" " * 8192

    url = elements_url if size > LARGE else "/v1/applications"
    answer = await http.post(url, headers=keyed("applicant", "alice") | JSON, content=drip())
    _assert_problem(answer, 413, "body_too_large")
    assert sent <= DRAINED + 2 * 8192
    assert (answer.headers.get("connection") == "close") == (size > DRAINED)


async def test_a_declared_length_is_believed_before_reading(http: httpx.AsyncClient) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    answer = await http.post(
        "/v1/applications",
        headers=keyed("applicant", "alice") | JSON | {"Content-Length": "99999999999"},
        content=never(),
    )
    _assert_problem(answer, 413, "body_too_large")


async def test_a_body_is_not_read_before_the_caller_is_known(http: httpx.AsyncClient) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    answer = await http.post("/v1/applications", headers=JSON, content=never())
    _assert_problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/applications/app_1", 404, "not_found"),
        ("GET", "/v1/applications/%00", 404, "not_found"),
        ("GET", "/v1/applications/app_00000000000000000000000000", 404, "not_found"),
        ("DELETE", "/v1/applications", 405, "method_not_allowed"),
        ("PUT", "/v1/loans", 405, "method_not_allowed"),
        ("GET", "/v1/applications?limit=0", 422, "invalid_value"),
        ("GET", "/v1/applications?limit=101", 422, "invalid_value"),
        ("GET", "/v1/applications?cursor=x", 422, "invalid_cursor"),
        ("GET", "/v1/applications?state=gone", 422, "invalid_value"),
    ],
)
async def test_what_the_framework_refuses_is_a_problem_too(
    http: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await http.request(method, path, headers=bearer("ops", "otto"))
    _assert_problem(answer, status, code)


def _all_errors(base: type[DomainError] = DomainError) -> set[type[DomainError]]:
    found = set()
    for kind in base.__subclasses__():
        found |= {kind} | _all_errors(kind)
    return found


def test_every_error_of_the_business_has_a_status() -> None:
    for package in (domain, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    assert {
        storage.common.errors.QuoteUsed,
        activities.common.refusals.QuoteExpired,
    } <= _all_errors()
    for kind in _all_errors():
        if not kind.__module__.startswith("tests."):
            assert kind.code in CATALOGUE, kind


async def test_a_fault_of_ours_is_a_500_without_details(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret-of-the-house")

    monkeypatch.setattr("storage.loans.journal.JournalRepository.trial_balance", broken)
    with structlog.testing.capture_logs() as lines:
        answer = await http.get("/v1/ledger/trial-balance", headers=bearer("ops", "otto"))
    _assert_problem(answer, 500, "internal_error")
    assert "unforeseen_error" in [line["event"] for line in lines]
    assert "secret-of-the-house" not in answer.text


async def test_answers_carry_the_security_headers(http: httpx.AsyncClient) -> None:
    for path in ("/health", "/nowhere", "/v1/loans"):
        answer = await http.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in answer.headers
    asked = await http.get("/health", headers={"Origin": "http://evil.test"})
    assert "access-control-allow-origin" not in asked.headers


async def test_a_request_id_is_taken_when_sane(http: httpx.AsyncClient) -> None:
    kept = await http.get("/health", headers={"X-Request-Id": "trace-0815-4711"})
    assert kept.headers["x-request-id"] == "trace-0815-4711"
    for given in ("x\ty" * 40, "short", "a" * 65, "13800138000 Zhang", "a.b:c/d-e"):
        made = await http.get("/nowhere", headers={"X-Request-Id": given})
        (request_id,) = made.headers.get_list("x-request-id")
        assert request_id != given
        assert request_id == made.json()["request_id"]


async def test_the_access_line_names_the_template_and_nothing_of_the_query(
    http: httpx.AsyncClient,
) -> None:
    with structlog.testing.capture_logs() as lines:
        await http.get(
            "/v1/loans?customer_reference=13800138000&channel=app",
            headers=bearer("ops", "otto"),
        )
        await http.get("/v1/loans/loa_00000000000000000000000000", headers=bearer("ops", "otto"))
    served = [line for line in lines if line["event"] == "http_request"]
    assert [line["route"] for line in served] == ["/v1/loans", "/v1/loans/{loan_id}"]
    assert [line["status"] for line in served] == [200, 404]
    assert all(line["subject"] == "otto" and line["role"] == "ops" for line in served)
    assert "13800138000" not in json.dumps(lines, default=str)


async def test_ready_says_what_cannot_be_reached(http: httpx.AsyncClient) -> None:
    answer = await http.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", "database": "ok", "engine": "unreachable"}
    assert (await http.get("/health")).status_code == 200
    metrics = await http.get("/metrics")
    assert 'loanflow_http_requests_total{method="GET",route="/ready",status="503"}' in metrics.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/applications", {"GET", "POST"}),
        ("PATCH", "/credit_analysis/legal_person/1", {"GET", "PUT"}),
        ("POST", "/v1/staff/stf_1/roles/ops", {"PUT", "DELETE"}),
        ("DELETE", "/health", {"GET"}),
    ],
)
async def test_a_wrong_method_hears_of_all_right_ones(
    http: httpx.AsyncClient, method: str, path: str, allowed: set[str]
) -> None:
    """RFC 9110, 15.5.6: `Allow` lists the methods of the target, not of one route (O10)."""
    answer = await http.request(method, path)
    _assert_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed
