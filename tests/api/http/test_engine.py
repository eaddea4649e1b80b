"""Commands to real processes: a Temporal dev server, a worker, and providers that are down."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

import api.http.engine
from activities import registry
from api.http.services import Services
from domain.lines import LineState
from local.ports import choose_ports
from local.staff import person_id_of
from messages.ids import application_workflow, loan_workflow, new_id
from messages.queues import ALL
from runtime.business_clock import BusinessClock
from runtime.clock import utc_now
from runtime.settings import Settings
from runtime.temporal.worker import build_workers
from storage.common.audit import AuditRepository
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository
from tests.api import seeds
from tests.api.conftest import bearer, eventually, http_client, keyed, serving
from tests.definitions import CONSENTS
from workflows.registry import WORKFLOWS

_APPLICATION = {
    "product": "cash",
    "customer_reference": "alice",
    "amount": 1_000_000,
    "instalments": 12,
    "consents": list(CONSENTS),
}
_OPERATOR = {"elements": [{"kind": "operator", "mobile": "13800138000"}]}
_REAL_NAME = {
    "elements": [{"kind": "real_name", "name": "张伟", "identity_number": "11010519491231002X"}]
}


@pytest.fixture(scope="module")
def stack_settings(api_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Providers are at a port where nobody listens."""
    port = choose_ports(tmp_path_factory.mktemp("down"), ("providers",), {})["providers"]
    providers = api_settings.providers.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
    return api_settings.model_copy(update={"providers": providers, "task_queue_prefix": "api-"})


@pytest.fixture(scope="module")
async def client(dev_server: WorkflowEnvironment) -> Client:
    return dev_server.client


@pytest.fixture(scope="module")
async def live(stack_settings: Settings, client: Client) -> AsyncIterator[FastAPI]:
    """The API with a worker behind it."""
    async with (
        registry.build(stack_settings, client) as activities,
        serving(stack_settings, client) as app,
    ):
        workers = build_workers(client, stack_settings, ALL, WORKFLOWS, activities)
        async with workers[0], workers[1]:
            yield app


@pytest.fixture(scope="module")
async def web(live: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(live) as found:
        yield found


@pytest.fixture(scope="module")
def record(live: FastAPI) -> Services:
    found = live.state.services
    assert isinstance(found, Services)
    return found


@pytest.fixture
async def application_id(web: httpx.AsyncClient, record: Services) -> str:
    await seeds.end_applications(record.database, "app", "alice")
    answer = await web.post(
        "/v1/applications", headers=keyed("applicant", "alice"), json=_APPLICATION
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/applications/{answer.json()['id']}"
    return str(answer.json()["id"])


async def _post(
    web: httpx.AsyncClient,
    path: str,
    headers: dict[str, str] | None = None,
    body: object = None,
) -> httpx.Response:
    return await web.post(path, headers=headers or keyed("applicant", "alice"), json=body)


async def test_twenty_equal_applications_are_one(
    web: httpx.AsyncClient, client: Client, record: Services
) -> None:
    headers = keyed("partner", "acme")
    body = _APPLICATION | {"customer_reference": "twenty"}
    answers = await asyncio.gather(
        *(web.post("/v1/applications", headers=headers, json=body) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    settled = await web.post("/v1/applications", headers=headers, json=body)
    shown = await web.get(
        "/v1/applications?customer_reference=twenty", headers=bearer("partner", "acme")
    )
    assert [item["id"] for item in shown.json()["items"]] == [settled.json()["id"]]
    described = await client.get_workflow_handle(
        application_workflow(settled.json()["id"])
    ).describe()
    assert described.workflow_type == "CreditApplication"


async def test_a_refusal_of_the_process_is_a_problem(
    web: httpx.AsyncClient, application_id: str
) -> None:
    headers = keyed("applicant", "alice")
    first = await _post(web, f"/v1/applications/{application_id}/submit", headers)
    again = await _post(web, f"/v1/applications/{application_id}/submit", headers)
    assert (first.status_code, first.json()["code"]) == (409, "elements_missing")
    assert "real_name" in first.json()["detail"]
    assert again.content == first.content


async def test_a_command_to_a_process_that_was_never_started_starts_it(
    web: httpx.AsyncClient, record: Services
) -> None:
    await seeds.end_applications(record.database, "app", "alice")
    async with record.database.transaction() as tx:
        lost = (await seeds.application(tx, "app", "alice")).application_id
    headers = keyed("applicant", "alice")
    first = await _post(web, f"/v1/applications/{lost}/withdraw", headers)
    assert (first.status_code, first.json()["code"]) == (503, "not_accepted_yet")
    again = await _post(web, f"/v1/applications/{lost}/withdraw", headers)
    assert (again.status_code, again.json()["state"]) == (200, "withdrawn")


async def test_what_is_listed_is_accepted_and_what_is_not_is_refused(
    web: httpx.AsyncClient, application_id: str
) -> None:
    path = f"/v1/applications/{application_id}"

    async def listed() -> list[str]:
        shown = (await web.get(path, headers=bearer("applicant", "alice"))).json()
        return [one["action"] for one in shown["next_actions"]]

    assert await listed() == ["provide_elements", "withdraw"]
    assert (await _post(web, f"{path}/submit")).status_code == 409
    assert (await _post(web, f"{path}/elements", body=_REAL_NAME)).status_code == 202
    assert (await _post(web, f"{path}/withdraw")).status_code == 200
    assert await listed() == []
    for url, body in ((f"{path}/submit", None), (f"{path}/withdraw", None)):
        assert (await _post(web, url, body=body)).status_code == 409
    assert (await _post(web, f"{path}/elements", body=_REAL_NAME)).status_code == 409


async def test_commands_after_the_end(
    web: httpx.AsyncClient, application_id: str, record: Services
) -> None:
    path = f"/v1/applications/{application_id}"
    headers = keyed("applicant", "alice")
    ended = await _post(web, f"{path}/withdraw", headers)
    assert (ended.status_code, ended.json()["state"]) == (200, "withdrawn")
    assert (await _post(web, f"{path}/withdraw", headers)).content == ended.content
    for late in (f"{path}/withdraw", f"{path}/submit"):
        answer = await _post(web, late)
        assert (answer.status_code, answer.json()["code"]) == (409, "application_closed")
    answer = await _post(web, f"{path}/elements", body=_OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "application_closed")
    shown = (await web.get(path, headers=bearer("applicant", "alice"))).json()
    assert (shown["state"], shown["waiting"], shown["elements"]) == ("withdrawn", "nothing", [])
    stream = await web.get(f"{path}/events", headers=bearer("applicant", "alice"))
    assert stream.text.count("event: state_changed") >= 1


async def test_a_review_that_is_over_is_refused_and_audited(
    web: httpx.AsyncClient, application_id: str, record: Services
) -> None:
    await _post(web, f"/v1/applications/{application_id}/withdraw")
    path = f"/v1/reviews/{application_id}"
    answers = [
        await _post(web, f"{path}/approve", keyed("reviewer", "rita"), {"reason": "fine"}),
        await _post(web, f"{path}/reject", keyed("reviewer", "rolf"), {"reason": "not fine"}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (409, "review_closed")
    async with record.database.read() as tx:
        audit = await AuditRepository(tx).of(application_workflow(application_id))
    told = [(row.actor, row.action, row.outcome) for row in audit]
    assert told == [
        (person_id_of("rita"), "approve", "refused"),
        (person_id_of("rolf"), "reject", "refused"),
    ]


async def test_a_review_before_there_is_one(
    web: httpx.AsyncClient, application_id: str, record: Services
) -> None:
    answer = await _post(
        web,
        f"/v1/reviews/{application_id}/approve",
        keyed("reviewer", "rita"),
        {"reason": "too early"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "review_closed")
    async with record.database.read() as tx:
        [row] = await AuditRepository(tx).of(application_workflow(application_id))
    assert (row.actor, row.action, row.outcome) == (person_id_of("rita"), "approve", "refused")


async def test_a_provider_that_is_down_is_waited_for(
    web: httpx.AsyncClient, application_id: str
) -> None:
    path = f"/v1/applications/{application_id}"
    headers = keyed("applicant", "alice")
    first = await _post(web, f"{path}/elements", headers, _REAL_NAME)
    assert first.status_code == 202
    assert first.headers["location"] == path
    assert [element["verdict"] for element in first.json()["elements"]] == ["pending"]
    # Not the last word, so it is not stored; and it is the same element.
    again = await _post(web, f"{path}/elements", headers, _REAL_NAME)
    assert "idempotency-replayed" not in again.headers
    assert again.json()["elements"] == first.json()["elements"]
    shown = (await web.get(path, headers=bearer("applicant", "alice"))).json()
    assert (shown["state"], shown["waiting"]) == ("collecting", "provider")
    other = await _post(web, f"{path}/elements", body=_REAL_NAME)
    assert (other.status_code, other.json()["code"]) == (409, "element_refused")
    shown = (await web.get(path, headers=bearer("applicant", "alice"))).json()
    assert [element["attempt"] for element in shown["elements"]] == [1]


async def test_a_process_that_has_not_started_yet_is_waited_for(
    web: httpx.AsyncClient, record: Services
) -> None:
    """The record of a line or loan is written a moment before its process starts."""
    credit = await seeds.credit(record.database, "app", "alice")
    async with record.database.read() as tx:
        quote = await QuoteRepository(tx).get(credit.quote_id)
    assert quote is not None
    drawn = await _post(
        web,
        f"/v1/lines/{credit.line_id}/drawdowns",
        body={"quote_id": quote.id, "plan_hash": quote.plan_hash},
    )
    assert (drawn.status_code, drawn.json()["code"]) == (503, "not_accepted_yet")
    answer = await _post(web, f"/v1/loans/{credit.loan_id}/repayments")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_accepted_yet")
    async with record.database.transaction() as tx:
        await LineRepository(tx).set_state(credit.line_id, LineState.EXPIRED)
    over = await _post(
        web,
        f"/v1/lines/{credit.line_id}/drawdowns",
        body={"quote_id": quote.id, "plan_hash": quote.plan_hash},
    )
    assert (over.status_code, over.json()["code"]) == (409, "line_closed")


async def test_without_a_worker_a_command_is_to_be_repeated(
    stack_settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.http.engine, "PATIENCE_SECONDS", 0.5)
    nobody = stack_settings.model_copy(update={"task_queue_prefix": "nobody-"})
    async with serving(nobody, client) as app, http_client(app) as web:
        await seeds.end_applications(app.state.services.database, "app", "alice")
        made = await _post(web, "/v1/applications", body=_APPLICATION)
        assert made.status_code == 201
        path = f"/v1/applications/{made.json()['id']}/submit"
        answer = await _post(web, path)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_accepted_yet")
        assert int(answer.headers["retry-after"]) > 0
        ready = await web.get("/ready")
        assert ready.json() == {"status": "ready", "database": "ok", "engine": "ok"}


async def test_the_business_clock_of_a_process_without_skips_is_the_wall_clock(
    record: Services, client: Client, application_id: str, stack_settings: Settings
) -> None:
    travelling = stack_settings.model_copy(update={"time_travel": True})
    for workflow_id in (application_workflow(application_id), loan_workflow(new_id("loa"))):
        before = utc_now()
        now = await BusinessClock(client, travelling).now(workflow_id)
        assert before <= now <= utc_now()


async def test_a_refusal_that_passed_is_not_the_answer_of_its_key_for_ever(
    web: httpx.AsyncClient, record: Services
) -> None:
    """A process remembers what it answered to each update: the next attempt is another one."""
    await seeds.end_applications(record.database, "app", "bob")
    async with record.database.transaction() as tx:
        start = await seeds.application(tx, "app", "bob")
        _, line_id = await seeds.line(tx, start)
    wanted = {"amount": 1_000_000, "instalments": 12}
    quoted = await _post(web, f"/v1/lines/{line_id}/quotes", keyed("applicant", "bob"), wanted)
    quote = quoted.json()
    headers = keyed("applicant", "bob")
    drawn = {"quote_id": quote["id"], "plan_hash": quote["plan_hash"]}
    switch = "/v1/suspensions/product/cash"
    # A quote that has expired tells when the worker knows: it draws nothing before.
    other = await _post(web, f"/v1/lines/{line_id}/quotes", keyed("applicant", "bob"), wanted)
    stale = {"quote_id": other.json()["id"], "plan_hash": other.json()["plan_hash"]}
    async with record.database.transaction() as tx:
        await tx.connection.execute(
            "update quotes set expires_at = quoted_at where id = $1", stale["quote_id"]
        )

    async def try_stale() -> httpx.Response:
        return await _post(web, f"/v1/lines/{line_id}/drawdowns", keyed("applicant", "bob"), stale)

    async def draw() -> httpx.Response:
        return await _post(web, f"/v1/lines/{line_id}/drawdowns", headers, drawn)

    ops = await _post(web, switch, keyed("ops", "otto"), {"reason": "arrears"})
    assert ops.status_code == 201, ops.text
    await eventually(try_stale, lambda answer: answer.json()["code"] == "suspended")
    refused = await draw()
    assert (refused.status_code, refused.json()["code"]) == (409, "suspended")
    assert int(refused.headers["retry-after"]) >= 1
    lifted = await _post(web, f"{switch}/lift", keyed("ops", "otto"), {"reason": "over"})
    assert lifted.status_code in (200, 201), lifted.text

    made = await eventually(draw, lambda answer: answer.status_code != 409)
    assert made.status_code == 201, made.text
    again = await draw()
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == made.content
