"""A credit through every command of the API, with worker and simulators behind it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from temporalio.testing import WorkflowEnvironment

from activities import registry
from api.http.services import Services
from local.story.people import elements
from messages.ids import application_workflow
from messages.queues import ALL
from runtime.settings import Settings
from runtime.temporal.worker import build_workers
from sandbox.personas import person
from storage.common.audit import AuditRepository
from storage.loans.loans import LoanRepository
from tests.api.conftest import bearer, http_client, keyed, serving
from tests.definitions import CONSENTS
from tests.simulators import connected, sandbox_config
from workflows.registry import WORKFLOWS

_AMOUNT = 1_000_000


class Caller:
    """Calls the API in one role and insists on the status."""

    def __init__(self, http: httpx.AsyncClient, services: Services) -> None:
        self._http = http
        self.services = services

    async def post(
        self, path: str, body: object = None, *, role: str = "partner", status: int = 201
    ) -> dict[str, Any]:
        subject = {"partner": "app", "reviewer": "rita", "ops": "otto"}[role]
        answer = await self._http.post(f"/v1{path}", headers=keyed(role, subject), json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str, *, role: str = "partner") -> dict[str, Any]:
        subject = {"partner": "app", "analyst": "anna"}[role]
        answer = await self._http.get(f"/v1{path}", headers=bearer(role, subject))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def kinds_of_events(self, path: str) -> list[str]:
        answer = await self._http.get(f"/v1{path}/events", headers=bearer("partner", "app"))
        return [line[7:] for line in answer.text.splitlines() if line.startswith("event: ")]


@pytest.fixture(scope="module")
async def caller(
    api_settings: Settings,
    dev_server: WorkflowEnvironment,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Caller]:
    config = sandbox_config(tmp_path_factory.mktemp("simulators"))
    async with connected(config) as simulators:
        providers = api_settings.providers.model_copy(
            update={
                "base_url": simulators.url,
                "api_key": SecretStr(config.api_key),
                "signing_secret": SecretStr(config.signing_secret),
            }
        )
        settings = api_settings.model_copy(
            update={"providers": providers, "task_queue_prefix": "story-"}
        )
        async with (
            registry.build(settings, dev_server.client) as activities,
            serving(settings, dev_server.client) as app,
            http_client(app) as http,
        ):
            core, other = build_workers(dev_server.client, settings, ALL, WORKFLOWS, activities)
            async with core, other:
                yield Caller(http, app.state.services)


async def _decided(caller: Caller, persona: str, index: int) -> dict[str, Any]:
    """Apply as a member of a persona's family, everything handed in at once."""
    made = await caller.post(
        "/applications",
        {
            "product": "cash",
            "customer_reference": f"{persona}-{index}",
            "amount": _AMOUNT,
            "instalments": 12,
            "consents": list(CONSENTS),
        },
    )
    asked = await caller.get(f"/applications/{made['id']}/liveness-challenge")
    path = f"/applications/{made['id']}/elements"
    body = {"elements": elements(person(persona, index), asked["actions"]), "submit": True}
    answer = await caller.post(path, body, status=200)
    assert {element["verdict"] for element in answer["elements"]} == {"match"}
    status: dict[str, Any] = answer["application"]
    return status


async def test_from_application_to_settlement(caller: Caller) -> None:
    status = await _decided(caller, "approved", 11)
    assert (status["state"], status["waiting"]) == ("offered", "applicant")
    shown = await caller.get(f"/applications/{status['id']}")
    assert (shown["decision"], shown["missing"]) == ("approved", [])
    accepted = await caller.post(f"/offers/{shown['offer']['id']}/accept", status=200)
    line_id = accepted["line_id"]
    quote = await caller.post(f"/lines/{line_id}/quotes", {"amount": _AMOUNT, "instalments": 12})
    assert [row["total"] for row in quote["plan"]] == [94_560] * 11 + [94_555]
    drawdown = await caller.post(
        f"/lines/{line_id}/drawdowns",
        {"quote_id": quote["id"], "plan_hash": quote["plan_hash"]},
    )
    async with asyncio.timeout(20):
        while (await caller.get(f"/drawdowns/{drawdown['id']}"))["state"] != "disbursed":  # noqa: ASYNC110 -- over HTTP there is nothing to wait on
            await asyncio.sleep(0.05)
    loan = await caller.get(f"/loans/{drawdown['loan_id']}")
    assert loan["state"] == "current"
    assert loan["position"]["principal_outstanding"] == _AMOUNT
    plan = await caller.get(f"/loans/{loan['id']}/plan")
    assert plan["rows"] == quote["plan"]
    await _pay_off(caller, loan["id"])
    assert (await caller.get(f"/lines/{line_id}"))["available"] == 0


async def _pay_off(caller: Caller, loan_id: str) -> None:
    path = f"/loans/{loan_id}"
    nothing = await caller.post(f"{path}/repayments", status=409)
    assert nothing["code"] == "nothing_due"
    payoff = await caller.post(f"{path}/payoff-quotes")
    # On the day of disbursement no interest has been earned.
    assert payoff["total"] == payoff["principal"] == _AMOUNT
    wrong = await caller.post(f"{path}/repayments", {"payoff_total": 1}, status=409)
    assert wrong["code"] == "payoff_changed"
    paid = await caller.post(f"{path}/repayments", {"payoff_total": payoff["total"]})
    assert (paid["state"], paid["amount"], paid["source"]) == ("settled", _AMOUNT, "payoff")
    assert await caller.get(f"/repayments/{paid['id']}") == paid
    loan = await caller.get(path)
    assert (loan["state"], loan["position"]["principal_outstanding"]) == ("settled", 0)
    sheet = await caller.get(f"/ledger/trial-balance?loan_id={loan_id}", role="analyst")
    assert {entry["balance"] for entry in sheet["balances"]} == {0}
    # The stream of a settled loan ends by itself.
    assert await caller.kinds_of_events(path)
    late = await caller.post(f"{path}/repayments", {"amount": 100}, status=409)
    assert late["code"] in ("loan_settled", "loan_closed")
    await _charge_back(caller, loan_id)


async def _charge_back(caller: Caller, loan_id: str) -> None:
    """Have the bank take the payoff back: the settled loan is owed and paid once more."""
    path = f"/loans/{loan_id}"
    async with caller.services.database.read() as tx:
        payoff = (await LoanRepository(tx).events(loan_id))[-1]
    body = {"kind": "reversed", "reverses": payoff.key, "reason": "chargeback"}
    tried = await caller.post(f"{path}/records/preview", body, role="ops", status=200)
    assert (await caller.get(path))["state"] == "settled"
    recorded = await caller.post(f"{path}/records", body, role="ops")
    assert recorded["changes"] == tried["changes"]
    assert recorded["position"]["principal_outstanding"] == _AMOUNT
    assert (await caller.get(path))["state"] == "current"
    again = await caller.post(f"{path}/records", body, role="ops", status=409)
    assert again["code"] == "invalid_reversal"
    paid = await caller.post(f"{path}/repayments", {"payoff_total": _AMOUNT})
    assert paid["state"] == "settled"


async def test_approve_and_reject_at_once(caller: Caller) -> None:
    status = await _decided(caller, "story", 12)
    assert (status["state"], status["waiting"]) == ("in_review", "reviewer")
    path = f"/v1/reviews/{status['id']}"
    words = (("approve", "rita"), ("reject", "rolf"))
    answers = await asyncio.gather(
        *(
            caller._http.post(
                f"{path}/{word}", headers=keyed("reviewer", subject), json={"reason": "checked"}
            )
            for word, subject in words
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [lost] = [answer for answer in answers if answer.status_code == 409]
    assert lost.json()["code"] == "review_closed"
    async with caller.services.database.read() as tx:
        audit = await AuditRepository(tx).of(application_workflow(status["id"]))
    assert sorted(row.action for row in audit) == ["approve", "reject"]
    assert sorted(row.outcome for row in audit) == ["accepted", "refused"]


async def test_a_rejection_tells_category_and_day(caller: Caller) -> None:
    status = await _decided(caller, "low_score", 13)
    assert status["state"] == "rejected"
    assert status["rejection"]["category"] == "credit_assessment"
    assert status["rejection"]["reapply_on"] is not None
    staff = await caller.get(f"/applications/{status['id']}", role="analyst")
    assert [decision["reject_code"] for decision in staff["decisions"]] == ["R08"]
