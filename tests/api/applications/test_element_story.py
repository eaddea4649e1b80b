"""Slow elements and supplements through the API, with worker and simulators behind it."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from temporalio.testing import WorkflowEnvironment

from activities import registry
from local.story.people import element, elements
from messages.ids import case_of
from messages.queues import ALL
from providers.http.signature import HEADER, sign
from runtime.clock import utc_now
from runtime.settings import Settings
from runtime.temporal.worker import build_workers
from sandbox.data_imports import RIGHT_CODE
from sandbox.personas import Person, person
from tests.api.conftest import bearer, http_client, keyed, serving
from tests.definitions import CONSENTS
from tests.simulators import Simulators, connected, sandbox_config
from workflows.registry import WORKFLOWS

pytestmark = pytest.mark.usefixtures("more_products")


class Desk:
    """Calls the API as the front end of the channel `app`, and as a reviewer."""

    def __init__(self, http: httpx.AsyncClient, simulators: Simulators, settings: Settings) -> None:
        self.http = http
        self.simulators = simulators
        self.settings = settings

    async def post(self, path: str, body: object = None, *, status: int = 200) -> dict[str, Any]:
        reviewing = path.startswith(("/reviews", "/cases"))
        headers = keyed("reviewer", "rita") if reviewing else keyed("partner", "app")
        answer = await self.http.post(f"/v1{path}", headers=headers, json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1{path}", headers=bearer("partner", "app"))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def seen(self, path: str, role: str, subject: str) -> dict[str, Any]:
        """What another caller is shown: its elements by kind."""
        answer = await self.http.get(f"/v1{path}", headers=bearer(role, subject))
        assert answer.status_code == 200, answer.text
        return {one["kind"]: one for one in answer.json()["elements"]}

    async def notify(self, element_id: str, *, secret: str | None = None) -> httpx.Response:
        """Send the notice of a finished report, signed."""
        notice = {
            "event_id": f"evt-{element_id}",
            "source": "operator_report",
            "capture_no": element_id,
            "status": "done",
            "reason": None,
            "occurred_at": utc_now().isoformat(),
        }
        body = json.dumps(notice).encode()
        ours = self.settings.providers.callback_secret.get_secret_value()
        headers = {HEADER: sign(secret or ours, body, utc_now())}
        return await self.http.post("/v1/callbacks/reports", content=body, headers=headers)

    def to_apply(self, who: Person, product: str = "cash") -> dict[str, Any]:
        return {
            "product": product,
            "customer_reference": f"{who.persona.key}-{who.index}-slow".replace("_", "-"),
            "amount": 1_000_000,
            "instalments": 12,
            "consents": list(CONSENTS),
        }

    async def apply(self, who: Person, product: str = "cash") -> str:
        body = self.to_apply(who, product)
        return str((await self.post("/applications", body, status=201))["id"])


STAFF = (("reviewer", "rita"), ("ops", "otto"), ("analyst", "anna"))


def assert_impersonal(shown: object, who: Person) -> None:
    """Nothing of who it is about, nor of the contacts that they name or called."""
    text = json.dumps(shown, ensure_ascii=False)
    named = element(who, "personal_information")["contacts"]
    secrets = {who.name, who.identity_number, who.mobile, who.card_number, who.address}
    secrets |= {one[field] for one in named for field in ("name", "mobile")} | {"1380000"}
    assert not [secret for secret in secrets if secret in text]
    assert not re.search(r"[0-9]{11,}", re.sub(r'"[a-z]{3}_[0-9a-z]{26}"', "", text))


async def until(look: Callable[[], Awaitable[dict[str, Any]]], **fields: object) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = await look()
            if fields.items() <= found.items():
                return found
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def desk(
    api_settings: Settings,
    dev_server: WorkflowEnvironment,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Desk]:
    config = sandbox_config(tmp_path_factory.mktemp("simulators"))
    async with connected(config) as simulators:
        secrets = {
            "base_url": simulators.url,
            "api_key": SecretStr(config.api_key),
            "signing_secret": SecretStr(config.signing_secret),
        }
        providers = api_settings.providers.model_copy(update=secrets)
        settings = api_settings.model_copy(
            update={"providers": providers, "task_queue_prefix": "slow-"}
        )
        async with (
            registry.build(settings, dev_server.client) as activities,
            serving(settings, dev_server.client) as app,
            http_client(app) as http,
        ):
            core, other = build_workers(dev_server.client, settings, ALL, WORKFLOWS, activities)
            async with core, other:
                yield Desk(http, simulators, settings)


async def test_a_report_from_the_code_to_the_offer(desk: Desk) -> None:
    who = person("approved", 31)
    application_id = await desk.apply(who, "report")
    path = f"/applications/{application_id}"
    first = {"elements": [element(who, "real_name"), element(who, "operator")]}
    assert {one["verdict"] for one in (await desk.post(f"{path}/elements", first))["elements"]} == {
        "match"
    }
    report = {"elements": [{"kind": "operator_report", "mobile": who.mobile}]}
    (begun,) = (await desk.post(f"{path}/elements", report))["elements"]
    assert begun["verdict"] == "awaiting_code"
    early = await desk.post(f"{path}/submit", status=409)
    assert early["code"] == "elements_missing"

    code = f"{path}/elements/{begun['element_id']}/code"
    (wrong,) = (await desk.post(code, {"code": "000000"}))["elements"]
    assert (wrong["verdict"], wrong["reason"]) == ("awaiting_code", "wrong_code")
    await desk.simulators.fault("operator_report", operation="confirm", hold=True)
    key = keyed("partner", "app")
    entering: dict[str, Any] = {"url": f"/v1{code}", "json": {"code": RIGHT_CODE}, "headers": key}
    right = await desk.http.post(**entering)
    assert (right.status_code, right.json()["elements"][0]["verdict"]) == (202, "pending")
    again = await desk.post(code, {"code": RIGHT_CODE}, status=409)
    assert again["code"] == "code_refused"
    submitted = await desk.post(f"{path}/submit", status=202)
    assert (submitted["state"], submitted["waiting"]) == ("collecting", "provider")

    finish = f"/sandbox/data-imports/{begun['element_id']}/finish"
    (await desk.simulators.console.post(finish)).raise_for_status()
    forged = await desk.notify(begun["element_id"], secret="another")
    assert forged.status_code == 401
    duplicates = [(await desk.notify(begun["element_id"])).json()["duplicate"] for _ in range(2)]
    assert duplicates == [False, True]
    found = await until(lambda: desk.get(path), state="offered")
    # A repeat tells where the application stands now, not where it stood without the verdict.
    repeated = await desk.http.post(**entering)
    assert (repeated.status_code, repeated.json()["elements"][0]["verdict"]) == (200, "match")
    stands = repeated.json()["application"]
    assert (stands["state"], stands["offer_id"]) == ("offered", found["offer"]["id"])
    (shown,) = [one for one in found["elements"] if one["kind"] == "operator_report"]
    assert (shown["verdict"], shown["reused"]) == ("match", False)
    assert shown["verified_at"] < shown["counts_until"]
    assert {(one["facts"], one["provider"]) for one in found["elements"]} == {(None, None)}
    for role, subject in STAFF:
        told = (await desk.seen(path, role, subject))["operator_report"]
        assert told["provider"] == "operator_report"
        assert (told["facts"]["months_billed"], told["facts"]["unpaid_bills"]) == (6, 0)
        assert told["facts"]["emergency_contacts_called"] is None
        assert_impersonal(told, who)

    await desk.post(f"{path}/withdraw")
    late = await desk.notify(begun["element_id"])
    assert (late.status_code, late.json()["duplicate"]) == (200, True)
    assert (await desk.get(path))["state"] == "withdrawn"


async def test_a_reviewer_asks_again_and_the_next_application_reuses(desk: Desk) -> None:
    who = person("story", 32)
    application_id = await desk.apply(who)
    path = f"/applications/{application_id}"
    handed_in = elements(who, (await desk.get(f"{path}/liveness-challenge"))["actions"])
    given = await desk.post(f"{path}/elements", {"elements": handed_in, "submit": True})
    assert given["application"]["state"] == "in_review"
    assert {one["facts"] for one in given["elements"]} == {None}
    judged = await desk.seen(path, "reviewer", "rita")
    likeness = judged["liveness"]["facts"]
    assert likeness["card_similarity"] >= likeness["card_threshold"]
    assert likeness["registry_similarity"] >= likeness["registry_threshold"]
    assert judged["identity_card"]["facts"]["lowest_confidence"] is not None
    assert judged["personal_information"]["facts"] == {"contacts": 2, "address_book": None}
    assert_impersonal(judged, who)

    asked = {"kinds": ["identity_card"], "reason": "the back cannot be read"}
    reopened = await desk.post(f"/reviews/{application_id}/supplement", asked)
    assert reopened["state"] == "collecting"
    found = await desk.get(path)
    assert found["missing"] == ["identity_card"]
    assert found["supplement"]["kinds"] == ["identity_card"]
    again = await desk.post(f"{path}/elements", {"elements": [element(who, "identity_card")]})
    assert again["application"]["state"] == "in_review"
    assert (await desk.get(path))["supplement"] is None
    strange = {"kinds": ["guarantor"], "reason": "to be sure"}
    refused = await desk.post(f"/reviews/{application_id}/supplement", strange, status=409)
    assert refused["code"] == "supplement_refused"
    await desk.post(f"{path}/withdraw")

    following = await desk.get(f"/applications/{await desk.apply(who)}")
    assert following["missing"] == []
    assert {one["reused"] for one in following["elements"]} == {True}
    assert all(one["verified_at"] < one["counts_until"] for one in following["elements"])
    closed = await desk.post(f"/reviews/{application_id}/supplement", asked, status=409)
    assert closed["code"] == "review_closed"


async def test_two_of_three_documents_are_asked_for_again_and_the_third_stays(desk: Desk) -> None:
    who = person("story", 34)
    application_id = await desk.apply(who)
    path, case = f"/applications/{application_id}", f"/cases/{case_of(application_id)}"
    handed_in = elements(who, (await desk.get(f"{path}/liveness-challenge"))["actions"])
    await desk.post(f"{path}/elements", {"elements": handed_in, "submit": True})
    await desk.post(f"{case}/claim")
    said = {
        "judgements": [
            {"document": "identity_card.front", "verdict": "accepted"},
            {"document": "identity_card.back", "verdict": "again", "reason": "it is blurred"},
        ],
        "extras": [{"name": "payslip", "reason": "the income is not clear"}],
    }
    await desk.post(f"{case}/documents", said)
    assert (await desk.get(path))["state"] == "collecting"
    asked = {one["document"]: one for one in (await desk.get(f"{path}/documents"))["items"]}
    assert set(asked) == {"identity_card.back", "extra"}
    payslip = b"%PDF-1.7\n" + b"1 0 obj<</Type/Catalog>>endobj\n" * 4 + b"%%EOF\n"
    given = [
        {"id": asked["identity_card.back"]["id"], "content": element(who, "identity_card")["back"]},
        {"id": asked["extra"]["id"], "content": base64.b64encode(payslip).decode()},
    ]
    left = await desk.post(f"{path}/documents", {"documents": given})
    assert left["items"] == []
    await until(lambda: desk.get(path), state="in_review")
    await desk.post(f"{case}/claim")
    answer = await desk.http.get(f"/v1{case}/document", headers=bearer("reviewer", "rita"))
    document = answer.json()
    front = next(one for one in document["documents"] if one["document"] == "identity_card.front")
    assert (front["verdict"], front["is_current"]) == ("accepted", True)
    assert [one["name"] for one in document["files"]] == ["payslip"]


async def test_a_card_is_bound_when_money_is_drawn(desk: Desk) -> None:
    who = person("approved", 33)
    application_id = await desk.apply(who, "drawing")
    path = f"/applications/{application_id}"
    actions = (await desk.get(f"{path}/liveness-challenge"))["actions"]
    body = {"elements": elements(who, actions)[:5], "submit": True}
    offer_id = (await desk.post(f"{path}/elements", body))["application"]["offer_id"]
    line_id = (await desk.post(f"/offers/{offer_id}/accept"))["line_id"]
    asked = {"amount": 1_000_000, "instalments": 12}
    quote = await desk.post(f"/lines/{line_id}/quotes", asked, status=201)
    drawing = {"quote_id": quote["id"], "plan_hash": quote["plan_hash"]}
    early = await desk.post(f"/lines/{line_id}/drawdowns", drawing, status=409)
    assert early["code"] == "drawdown_elements_missing"
    other = {"elements": [element(who, "operator")]}
    refused = await desk.post(f"/lines/{line_id}/elements", other, status=409)
    assert refused["code"] == "element_refused"

    card = {"elements": [element(who, "bank_card")]}
    (bound,) = (await desk.post(f"/lines/{line_id}/elements", card))["elements"]
    assert (bound["verdict"], bound["kind"]) == ("match", "bank_card")
    twice = await desk.post(f"/lines/{line_id}/elements", card, status=409)
    assert twice["code"] == "element_refused"
    await desk.post(f"/lines/{line_id}/drawdowns", drawing, status=201)
    following = await desk.get(f"/applications/{await desk.apply(who)}")
    assert following["missing"] == []


async def test_a_card_and_a_report_are_imported_when_money_is_drawn(desk: Desk) -> None:
    who = person("approved", 34)
    application_id = await desk.apply(who, "importing")
    path = f"/applications/{application_id}"
    actions = (await desk.get(f"{path}/liveness-challenge"))["actions"]
    body = {"elements": elements(who, actions)[:5], "submit": True}
    offer_id = (await desk.post(f"{path}/elements", body))["application"]["offer_id"]
    line = f"/lines/{(await desk.post(f'/offers/{offer_id}/accept'))['line_id']}"
    assert await desk.get(f"{line}/elements") == {
        "line_id": line.rpartition("/")[2],
        "elements": [],
        "missing": ["bank_card", "operator_report"],
    }
    report = {"kind": "operator_report", "mobile": who.mobile}
    imported = {"elements": [element(who, "bank_card"), report]}
    begun = await desk.post(f"{line}/elements", imported)
    assert {one["verdict"] for one in begun["elements"]} == {"awaiting_code"}
    codes = {one["kind"]: f"{line}/elements/{one['element_id']}/code" for one in begun["elements"]}

    elsewhere = codes["bank_card"].replace(line, path)
    strange = await desk.post(elsewhere, {"code": RIGHT_CODE}, status=404)
    assert strange["code"] == "not_found"
    (wrong,) = (await desk.post(codes["bank_card"], {"code": "000000"}))["elements"]
    assert (wrong["verdict"], wrong["reason"]) == ("awaiting_code", "wrong_code")
    bound = await desk.post(codes["bank_card"], {"code": RIGHT_CODE})
    assert (bound["elements"][0]["verdict"], bound["missing"]) == ("match", ["operator_report"])
    await desk.simulators.fault("operator_report", operation="confirm", hold=True)
    waiting = await desk.post(codes["operator_report"], {"code": RIGHT_CODE}, status=202)
    assert waiting["elements"][0]["verdict"] == "pending"
    again = await desk.post(codes["operator_report"], {"code": RIGHT_CODE}, status=409)
    assert again["code"] == "code_refused"

    (held,) = [one for one in begun["elements"] if one["kind"] == "operator_report"]
    finish = f"/sandbox/data-imports/{held['element_id']}/finish"
    (await desk.simulators.console.post(finish)).raise_for_status()
    notices = [await desk.notify(held["element_id"]) for _ in range(2)]
    assert [notice.json()["duplicate"] for notice in notices] == [False, True]
    found = await until(lambda: desk.get(f"{line}/elements"), missing=[])
    assert {one["verdict"] for one in found["elements"]} == {"match"}
    assert {one["facts"] for one in found["elements"]} == {None}
    judged = await desk.seen(f"{line}/elements", "reviewer", "rita")
    assert judged["operator_report"]["facts"]["months_billed"] == 6
    # By the number of the agreement the card could be debited: nothing to judge by.
    assert set(judged["bank_card"]["facts"]) == {"bank_code", "bank_name"}
    assert_impersonal(judged, who)


async def test_wrong_cards_end_the_application_and_a_new_one_gives_no_further_tries(
    desk: Desk,
) -> None:
    who, other = person("approved", 35), person("approved", 36)
    path = f"/applications/{await desk.apply(who)}"
    await desk.post(f"{path}/elements", {"elements": [element(who, "real_name")]})
    twice = await desk.http.post(
        "/v1/applications",
        headers=keyed("partner", "app"),
        json={**desk.to_apply(who), "amount": 2_000_000},
    )
    assert (twice.status_code, twice.json()["code"]) == (409, "application_pending")
    card = {"elements": [element(other, "bank_card")]}
    for state in ("collecting", "collecting", "rejected"):
        wrong = await desk.post(f"{path}/elements", card)
        assert wrong["elements"][0]["verdict"] == "mismatch"
        assert wrong["application"]["state"] == state
    assert (await desk.get(path))["rejection"]["category"] == "identity"

    again = f"/applications/{await desk.apply(who)}"
    locked = await desk.post(f"{again}/elements", card, status=429)
    assert locked["code"] == "element_locked"
    own = await desk.post(
        f"{again}/elements", {"elements": [element(who, "bank_card")]}, status=429
    )
    assert own["code"] == "element_locked"
    await desk.post(f"{again}/elements", {"elements": [element(who, "operator")]})
