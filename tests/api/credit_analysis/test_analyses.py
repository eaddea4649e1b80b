"""The credit-analysis API on its published wire format, with a worker and registers behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.services import Services
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from messages import ids
from providers.credit_analysis.qitech import SIGNATURE, webhook_signature
from runtime.settings import AnalysisClient, ProviderSettings, Settings
from sandbox import qitech
from storage.common.audit import AuditRepository
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.credit_analysis.external_assessments import ExternalAssessmentRepository
from storage.credit_analysis.feedback import AnalysisFeedbackRepository
from tests.api.conftest import bearer, eventually, http_client, keyed, serving
from tests.definitions import ref, release, shipped
from tests.proposals import (
    PERSONAL,
    STANDARD,
    YOUNG,
    at,
    legal_person,
    natural_person,
    published,
    read,
)
from tests.simulators import Callbacks, Simulators, connected, receiving, sandbox_config

COMPANY = "/credit_analysis/legal_person"
PERSON = "/credit_analysis/natural_person"
SHOP = {"Authorization": "key-of-the-shop"}
BANK = {"Authorization": "key-of-the-bank"}
ASSESSED = {"Authorization": "key-of-the-assessed"}
LENIENT = {"Authorization": "key-of-the-lenient"}
QITECH = "/v1/callbacks/qitech"


def _client(name: str, key: str, url: str, **more: Any) -> AnalysisClient:
    return AnalysisClient.model_validate(
        {
            "client": name,
            "api_key_sha256": sha256(key.encode()).hexdigest(),
            "webhook_url": url,
            "webhook_signature_key": "webhook-key",
        }
        | more
    )


@pytest.fixture(scope="module")
async def endpoint() -> AsyncIterator[Callbacks]:
    async with receiving() as callbacks:
        yield callbacks


@pytest.fixture(scope="module")
async def simulators(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulators]:
    async with connected(sandbox_config(tmp_path_factory.mktemp("analysts"))) as running:
        yield running


@pytest.fixture(scope="module")
def own_settings(api_settings: Settings, simulators: Simulators, endpoint: Callbacks) -> Settings:
    return api_settings.model_copy(
        update={
            "providers": ProviderSettings(base_url=simulators.url, timeout_seconds=1.0),
            "task_queue_prefix": "analysis-",
            "credit_analysis_clients": [
                _client("shop", SHOP["Authorization"], endpoint.url),
                _client("bank", BANK["Authorization"], endpoint.url),
                _client(
                    "assessed",
                    ASSESSED["Authorization"],
                    endpoint.url,
                    policy="with_assessment",
                ),
                _client("lenient", LENIENT["Authorization"], endpoint.url, policy="lenient"),
            ],
        }
    )


@pytest.fixture(scope="module")
async def shop(live: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(live) as client:
        yield client


async def _analysis_id(record: Services, client: str, proposal_id: str) -> str:
    async with record.database.read() as tx:
        row = await CreditAnalysisRepository(tx).find(client, proposal_id)
    assert row is not None
    return row.id


async def test_the_published_body_is_answered_at_once(shop: httpx.AsyncClient) -> None:
    answer = await shop.post(COMPANY, json=published(), headers=SHOP)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": "12345678",
        "analysis_status": "automatically_approved",
        "reason": "policy_passed",
    }


async def test_a_person_is_answered_at_once(shop: httpx.AsyncClient) -> None:
    given = natural_person()
    answer = await shop.post(PERSON, json=given, headers=SHOP)
    assert (answer.status_code, answer.json()["id"]) == (200, given["id"])
    assert answer.json()["analysis_status"] == "automatically_approved"


async def test_reading_gives_the_object_and_where_it_stands(shop: httpx.AsyncClient) -> None:
    given = legal_person()
    await shop.post(COMPANY, json=given, headers=SHOP)
    answer = await shop.get(f"{COMPANY}/{given['id']}", headers=SHOP)
    assert answer.status_code == 200
    assert answer.json() == given | {
        "analysis_status": "automatically_approved",
        "reason": "policy_passed",
    }


async def test_an_analysis_belongs_to_its_client_and_kind(shop: httpx.AsyncClient) -> None:
    given = legal_person()
    await shop.post(COMPANY, json=given, headers=SHOP)
    for path, headers in (
        (f"{COMPANY}/{given['id']}", BANK),
        (f"{PERSON}/{given['id']}", SHOP),
        (f"{COMPANY}/nobody", SHOP),
        (f"/credit_analysis/ghost/{given['id']}", SHOP),
    ):
        assert (await shop.get(path, headers=headers)).status_code == 404
        report = {"credit_proposal_status": "paid", "event_date": "2026-11-20T10:00:00Z"}
        assert (await shop.put(path, json=report, headers=headers)).status_code == 404
    assert (await shop.post(COMPANY, json=given, headers=BANK)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "key-of-the-shoq"},
        {"Authorization": "Bearer key-of-the-shop"},
        {"Authorization": "k" * 5000},
    ],
    ids=["none", "empty", "wrong", "bearer", "long"],
)
async def test_without_the_raw_key_nothing_is_read(
    shop: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for method, path in (("POST", COMPANY), ("POST", PERSON), ("GET", f"{COMPANY}/12345678")):
        answer = await shop.request(method, path, content=b"{", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "api_key_invalid")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"id": 1, "id": 2}', b'{"a": NaN}'])
async def test_what_is_no_json_is_not_acceptable(shop: httpx.AsyncClient, body: bytes) -> None:
    for method, path in (("POST", COMPANY), ("POST", PERSON), ("PUT", f"{COMPANY}/12345678")):
        answer = await shop.request(method, path, content=body, headers=SHOP)
        assert (answer.status_code, answer.json()["code"]) == (406, "json_not_acceptable")


async def test_other_methods_are_not_allowed(shop: httpx.AsyncClient) -> None:
    for method, path in (("DELETE", f"{COMPANY}/12345678"), ("GET", COMPANY), ("PUT", PERSON)):
        answer = await shop.request(method, path, headers=SHOP)
        assert answer.status_code == 405


async def test_a_body_has_a_limit(shop: httpx.AsyncClient) -> None:
    answer = await shop.post(COMPANY, content=b" " * 600_000, headers=SHOP)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("document_number", "35.472.523/0001-16"),
        ("constitution_type", "guild"),
        ("shareholders.0.document_number", "26102646231"),
        ("guarantors.0.phones.0.type", "pigeon"),
        ("financial.amount", 1000.5),
        ("warrants.0.warrant_type", "boat"),
        ("source.channel", "fax"),
        ("credit_request_date", "2021-03-31T10:30:00.000-03:00"),
        ("credit_request_date", "2099-01-01T10:30:00-03:00"),
        ("shareholders.0.birthdate", "2035-01-01"),
        ("guarantors.0.birthdate", "2999-01-01"),
        ("constitution_date", "0001-01-01"),
        ("address.country", "ZZZ"),
        ("shareholders.0.nationality", "QQQ"),
        ("warrants.0.property_type", "spaceship"),
        ("financial.annual_interest_rate", None),
        ("financial.number_of_installments", None),
    ],
)
async def test_a_wrong_field_is_refused_by_its_name(
    shop: httpx.AsyncClient, path: str, value: object
) -> None:
    given = at(legal_person(), path, value)
    answer = await shop.post(COMPANY, json=given, headers=SHOP)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_proposal")
    assert [error["field"] for error in problem["errors"]] == [path]
    assert path in problem["detail"]
    assert value is None or str(value) not in answer.text
    assert (await shop.get(f"{COMPANY}/{given['id']}", headers=SHOP)).status_code == 404


async def test_a_guarantor_counts_once_and_not_for_himself(shop: httpx.AsyncClient) -> None:
    person = natural_person()
    guarantor = published()["guarantors"][0]
    itself = guarantor | {"document_number": person["document_number"]}
    for guarantors, fields in (
        ([guarantor] * 4, [f"guarantors.{n}.document_number" for n in (1, 2, 3)]),
        ([itself], ["guarantors.0.document_number"]),
    ):
        answer = await shop.post(PERSON, json=person | {"guarantors": guarantors}, headers=SHOP)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == fields


async def test_a_guarantor_under_age_goes_to_an_analyst(shop: httpx.AsyncClient) -> None:
    given = at(legal_person(), "guarantors.0.birthdate", "2015-01-01")
    answer = await shop.post(COMPANY, json=given, headers=BANK)
    assert (answer.status_code, answer.json()["analysis_status"], answer.json()["reason"]) == (
        200,
        "in_manual_analysis",
        "under_age",
    )


async def test_of_two_identical_requests_one_is_processed(
    shop: httpx.AsyncClient, record: Services
) -> None:
    given = legal_person()
    answers = await asyncio.gather(
        *(shop.post(COMPANY, json=given, headers=SHOP) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "already_processed"
    # An id is of one analysis, of whichever kind.
    other = natural_person(id=given["id"])
    assert (await shop.post(PERSON, json=other, headers=SHOP)).status_code == 409
    async with record.database.read() as tx:
        rows = await tx.connection.fetchval(
            "select count(*) from credit_analyses where id = $1",
            await _analysis_id(record, "shop", given["id"]),
        )
    assert rows == 1


async def test_feedback_is_kept_in_the_order_of_events(
    shop: httpx.AsyncClient, record: Services
) -> None:
    given = legal_person()
    await shop.post(COMPANY, json=given, headers=SHOP)
    url = f"{COMPANY}/{given['id']}"
    for status, event_date, latest in (
        ("created", "2026-11-01T10:00:00-03:00", "created"),
        ("disbursed", "2026-11-05T13:34:12-03:00", "disbursed"),
        ("disbursed", "2026-11-05T13:34:12-03:00", "disbursed"),
        ("defaulted", "2026-11-15T10:00:00-03:00", "defaulted"),
        ("paid", "2026-11-10T10:00:00-03:00", "defaulted"),
    ):
        report = {"credit_proposal_status": status, "event_date": event_date}
        answer = await shop.put(url, json=report, headers=SHOP)
        assert (answer.status_code, answer.json()["credit_proposal_status"]) == (200, latest)
    analysis_id = await _analysis_id(record, "shop", given["id"])
    async with record.database.read() as tx:
        reports = await AnalysisFeedbackRepository(tx).feedback(analysis_id)
    assert [report.credit_proposal_status for report in reports] == [
        "created",
        "disbursed",
        "paid",
        "defaulted",
    ]
    assert (await shop.get(url, headers=SHOP)).json()["credit_proposal_status"] == "defaulted"


@pytest.mark.parametrize(
    ("report", "field"),
    [
        ({"credit_proposal_status": "lost", "event_date": "2026-11-20T10:00:00Z"},
         "credit_proposal_status"),
        ({"credit_proposal_status": "paid", "event_date": "2026-11-20"}, "event_date"),
        ({"credit_proposal_status": "paid"}, "event_date"),
        ({"credit_proposal_status": "paid", "event_date": "0001-01-01T00:00:00+14:00"},
         "event_date"),
        ({"credit_proposal_status": "paid", "event_date": "2199-01-01T00:00:00Z"}, "event_date"),
        ({"credit_proposal_status": "paid", "event_date": "2026-11-20T10:00:00Z", "x": 1}, "x"),
    ],
)  # fmt: skip
async def test_wrong_feedback_is_refused_by_its_name(
    shop: httpx.AsyncClient, report: dict[str, object], field: str
) -> None:
    answer = await shop.put(f"{COMPANY}/12345678", json=report, headers=SHOP)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_the_analyses_of_a_status_are_listed_page_by_page(shop: httpx.AsyncClient) -> None:
    given = [legal_person() for _ in range(2)]
    for one in given:
        answer = await shop.post(COMPANY, json=one, headers=SHOP)
        assert answer.json()["analysis_status"] == "automatically_approved"
    asked = {"status": "automatically_approved", "client": "shop", "limit": "1"}
    rita, found = bearer("reviewer", "rita"), []
    for _ in given:
        page = await shop.get("/v1/credit-analyses", headers=rita, params=asked)
        assert page.status_code == 200
        found += [item["proposal_id"] for item in page.json()["items"]]
        asked["cursor"] = page.json()["next"]
    assert found == [one["id"] for one in reversed(given)]


async def test_a_manual_analysis_is_queued_decided_and_told(
    shop: httpx.AsyncClient, record: Services, endpoint: Callbacks
) -> None:
    given = legal_person(**YOUNG)
    answer = await shop.post(COMPANY, json=given, headers=SHOP)
    assert answer.json()["analysis_status"] == "in_manual_analysis"
    analysis_id = await _analysis_id(record, "shop", given["id"])
    rita = bearer("reviewer", "rita")
    queued = await shop.get("/v1/credit-analyses", headers=rita, params={"limit": 100})
    # A client who calls about it has only their own id.
    listed = {item["id"]: item["proposal_id"] for item in queued.json()["items"]}
    assert listed[analysis_id] == given["id"]

    seen = await shop.get(f"/v1/credit-analyses/{analysis_id}", headers=rita)
    assert seen.json()["proposal"] == given
    assert seen.json()["proposal_id"] == given["id"]
    assert seen.json()["hits"][0]["rule"] == "constitution_age"
    assert (seen.json()["registration"], seen.json()["same_number"] > 1) == ([], True)
    hidden = await shop.get(f"/v1/credit-analyses/{analysis_id}", headers=bearer("ops", "otto"))
    assert hidden.json()["proposal"] is None
    assert not any(text in hidden.text for text in PERSONAL)

    url = f"/v1/credit-analyses/{analysis_id}/review"
    word = {"decision": "approve", "reason": "statements seen"}
    decided = await shop.post(url, json=word, headers=keyed("reviewer", "rita"))
    assert (decided.status_code, decided.json()["status"]) == (200, "manually_approved")
    _, body = await endpoint.next()
    assert (json.loads(body)["id"], json.loads(body)["analysis_status"]) == (
        given["id"],
        "manually_approved",
    )
    late = await shop.post(
        url, json=word | {"decision": "challenge"}, headers=keyed("reviewer", "rolf")
    )
    assert (late.status_code, late.json()["code"]) == (409, "review_closed")
    async with record.database.read() as tx:
        entries = await AuditRepository(tx).of(ids.credit_analysis_workflow(analysis_id))
    assert [(entry.action, entry.outcome) for entry in entries] == [
        ("read_proposal", "accepted"),
        ("approve", "accepted"),
        ("challenge", "refused"),
    ]
    wrong = await shop.post(
        url, json=word | {"decision": "perhaps"}, headers=keyed("reviewer", "rita")
    )
    assert wrong.status_code == 422


async def test_a_register_that_is_down_is_answered_pending_and_told_later(
    shop: httpx.AsyncClient, simulators: Simulators, endpoint: Callbacks
) -> None:
    await simulators.fault("company", status=503)
    # A company that the register has not been asked about: what it said would still stand.
    given = legal_person(legal_name="Fechada Ltda")
    answer = await shop.post(COMPANY, json=given, headers=BANK)
    assert (answer.status_code, answer.json()["analysis_status"]) == (200, "pending")
    await simulators.repair()

    async def stands() -> Any:
        return (await shop.get(f"{COMPANY}/{given['id']}", headers=BANK)).json()

    found = await eventually(stands, lambda it: it["analysis_status"] != "pending")
    assert found["analysis_status"] == "automatically_approved"
    told = json.loads((await asyncio.wait_for(endpoint.received.get(), 20))[1])
    assert told["analysis_status"] in ("pending", "automatically_approved")


async def test_what_a_request_recorded_but_did_not_start_is_started_by_the_next(
    shop: httpx.AsyncClient, record: Services
) -> None:
    """As after a crash between the record and the start: 409, and the analysis runs."""
    given = legal_person()
    async with record.database.transaction() as tx:
        await CreditAnalysisRepository(tx).insert(
            ids.new_id("ana"),
            "shop",
            PersonKind.LEGAL,
            ref(CREDIT_ANALYSIS_POLICY, STANDARD),
            read(given),
            json.dumps(given),
        )
    assert (await shop.post(COMPANY, json=given, headers=SHOP)).status_code == 409

    async def stands() -> Any:
        return (await shop.get(f"{COMPANY}/{given['id']}", headers=SHOP)).json()

    await eventually(stands, lambda it: it["analysis_status"] == "automatically_approved")


async def test_while_temporal_is_down_nothing_is_promised(
    own_settings: Settings, absent_temporal: Any
) -> None:
    async with serving(own_settings, absent_temporal) as app, http_client(app) as http:
        answer = await http.post(COMPANY, json=legal_person(), headers=SHOP)
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")


async def test_a_client_without_a_policy_in_force_is_told_and_nothing_is_begun(
    shop: httpx.AsyncClient, record: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    given = legal_person()
    answer = await shop.post(COMPANY, json=given, headers=LENIENT)
    assert (answer.status_code, answer.json()["code"]) == (503, "unknown_policy")
    assert "lenient" in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert (await shop.get(f"{COMPANY}/{given['id']}", headers=LENIENT)).status_code == 404
    logged = capsys.readouterr().out
    assert "analysis_policy_missing" in logged
    assert given["document_number"] not in logged

    # A release mends it, without a restart, for the same request.
    lenient = shipped(CREDIT_ANALYSIS_POLICY, STANDARD).model_copy(
        update={"refer_amount_above": 10**12}
    )
    await release(record.database, CREDIT_ANALYSIS_POLICY, "lenient", lenient)

    async def repeated() -> httpx.Response:
        return await shop.post(COMPANY, json=given, headers=LENIENT)

    answer = await eventually(repeated, lambda it: it.status_code != 503)
    assert (answer.status_code, answer.json()["analysis_status"]) == (
        200,
        "automatically_approved",
    )


async def test_at_its_start_the_api_tells_which_clients_have_no_policy(
    api_settings: Settings, absent_temporal: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    clients = [
        _client("shop", "key", "https://shop.example/hook"),
        _client("bank", "another", "https://bank.example/hook", policy="not_released"),
    ]
    settings = api_settings.model_copy(update={"credit_analysis_clients": clients})
    async with serving(settings, absent_temporal):
        told = [
            line
            for line in capsys.readouterr().out.splitlines()
            if "analysis_policy_missing" in line
        ]
    assert len(told) == 1
    assert "bank" in told[0]
    assert "not_released" in told[0]


async def test_staff_see_which_policy_an_analysis_began_with_and_was_decided_by(
    shop: httpx.AsyncClient, record: Services
) -> None:
    given = legal_person(**YOUNG)
    await shop.post(COMPANY, json=given, headers=SHOP)
    analysis_id = await _analysis_id(record, "shop", given["id"])
    url = f"/v1/credit-analyses/{analysis_id}"
    seen = (await shop.get(url, headers=bearer("ops", "otto"))).json()
    standard = str(ref(CREDIT_ANALYSIS_POLICY, STANDARD))
    assert seen["agreed_policy"] == seen["decided_policy"] == standard
    assert seen["review"] is None
    body = {"decision": "reprove", "reason": "statements missing"}
    await shop.post(f"{url}/review", json=body, headers=keyed("reviewer", "rita"))
    review = (await shop.get(url, headers=bearer("ops", "otto"))).json()["review"]
    assert (review["word"], review["reviewer"], review["policy"]) == ("reprove", "rita", standard)


async def test_nothing_personal_is_stored_in_the_clear(
    shop: httpx.AsyncClient, record: Services
) -> None:
    given = legal_person(id="secret-order-of-anna")
    await shop.post(COMPANY, json=given, headers=SHOP)
    async with record.database.read() as tx:
        rows = await tx.connection.fetch(
            "select c::text, a::text, n::text from credit_analyses c"
            " left join analysis_checks a on a.analysis_id = c.id"
            " left join analysis_notices n on n.analysis_id = c.id"
        )
    stored = " ".join(str(value) for row in rows for value in row.values())
    for text in (*PERSONAL, "secret-order-of-anna"):
        assert text not in stored
        assert text.encode().hex() not in stored


class TestQiTechWebhooks:
    """An assessment that we wait for, and its webhooks."""

    @pytest.fixture
    async def assessment_id(self, shop: httpx.AsyncClient, record: Services) -> str:
        given = legal_person(document_number=qitech.cnpj("manual"), scr_parameters=None)
        answer = await shop.post(COMPANY, json=given, headers=ASSESSED)
        assert answer.json()["analysis_status"] == "pending"
        analysis_id = await _analysis_id(record, "assessed", given["id"])
        return ids.derived_id("opi", analysis_id)

    @staticmethod
    def _notice(assessment_id: str, **changes: Any) -> bytes:
        return json.dumps(
            {
                "legal_person_id": assessment_id,
                "analysis_status": "manually_approved",
                "event_date": "2026-11-21T10:00:00Z",
                "reason": "manually_approved",
                "name_of_tomorrow": "Anna Pinto Azevedo",
            }
            | changes
        ).encode()

    @staticmethod
    def _signed(
        settings: Settings, body: bytes, key: str | None = None, method: str = "POST"
    ) -> dict[str, str]:
        ours = settings.providers.key_of_qitech_webhooks.get_secret_value()
        endpoint = f"{settings.public_url}{QITECH}"
        return {SIGNATURE: webhook_signature(key or ours, endpoint, method, body)}

    async def _status(self, record: Services, assessment_id: str) -> str:
        async with record.database.read() as tx:
            assessment = await ExternalAssessmentRepository(tx).get(assessment_id)
        assert assessment is not None
        return assessment.status.value

    async def test_it_ends_the_analysis_once(
        self,
        shop: httpx.AsyncClient,
        record: Services,
        own_settings: Settings,
        assessment_id: str,
    ) -> None:
        body = self._notice(assessment_id)
        headers = self._signed(own_settings, body)
        first = await shop.post(QITECH, content=body, headers=headers)
        second = await shop.post(QITECH, content=body, headers=headers)
        assert (first.status_code, first.json()["duplicate"]) == (200, False)
        assert (second.status_code, second.json()["duplicate"]) == (200, True)
        async with record.database.read() as tx:
            assessment = await ExternalAssessmentRepository(tx).get(assessment_id)
            kept = await tx.connection.fetchval(
                "select string_agg(body::text, '') from callbacks where order_no = $1",
                assessment_id,
            )
        assert assessment is not None
        assert "Anna" not in kept

        async def stands() -> Any:
            async with record.database.read() as tx:
                return await CreditAnalysisRepository(tx).get(assessment.analysis_id)

        await eventually(stands, lambda row: row.status == "automatically_approved")
        # For a closed analysis: kept, and of no effect.
        late = self._notice(
            assessment_id, analysis_status="manually_reproved", event_date="2026-11-22T10:00:00Z"
        )
        answer = await shop.post(QITECH, content=late, headers=self._signed(own_settings, late))
        assert answer.status_code == 200
        assert await self._status(record, assessment_id) == "manually_approved"

    @pytest.mark.parametrize("name", ["credit_proposal_legal_person_id", "legal_person_id", "id"])
    async def test_it_comes_by_either_method_and_under_each_of_their_keys(
        self,
        shop: httpx.AsyncClient,
        record: Services,
        own_settings: Settings,
        assessment_id: str,
        name: str,
    ) -> None:
        """Their older documents say PUT, the current ones POST; it is part of what is signed."""
        told = json.loads(self._notice(assessment_id))
        del told["legal_person_id"]
        body = json.dumps(told | {name: assessment_id}).encode()
        by_post = self._signed(own_settings, body)
        by_put = self._signed(own_settings, body, method="PUT")
        assert (await shop.put(QITECH, content=body, headers=by_post)).status_code == 401
        assert (await shop.post(QITECH, content=body, headers=by_put)).status_code == 401
        answer = await shop.put(QITECH, content=body, headers=by_put)
        assert (answer.status_code, answer.json()["duplicate"]) == (200, False)
        assert await self._status(record, assessment_id) == "manually_approved"
        answer = await shop.post(QITECH, content=body, headers=by_post)
        assert (answer.status_code, answer.json()["duplicate"]) == (200, True)

    async def test_an_older_event_does_not_replace_a_newer_one(
        self,
        shop: httpx.AsyncClient,
        record: Services,
        own_settings: Settings,
        assessment_id: str,
    ) -> None:
        for status, event_date in (
            ("waiting_for_data", "2026-11-21T10:00:00Z"),
            ("manually_reproved", "2026-11-20T10:00:00Z"),
        ):
            body = self._notice(assessment_id, analysis_status=status, event_date=event_date)
            answer = await shop.post(QITECH, content=body, headers=self._signed(own_settings, body))
            assert answer.status_code == 200
        # The process asks for itself besides, and is told that an analyst is at work.
        known = await self._status(record, assessment_id)
        assert known in ("waiting_for_data", "in_manual_analysis")

    async def test_a_wrong_signature_changes_nothing(
        self,
        shop: httpx.AsyncClient,
        record: Services,
        own_settings: Settings,
        assessment_id: str,
    ) -> None:
        body = self._notice(assessment_id)
        right = self._signed(own_settings, body)
        for sent, headers in (
            (body, {}),
            (body, self._signed(own_settings, body, key="another")),
            (body + b" ", right),
            (body, {SIGNATURE: "00"}),
        ):
            answer = await shop.post(QITECH, content=sent, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
        assert await self._status(record, assessment_id) != "manually_approved"

    async def test_signed_nonsense_is_refused(
        self, shop: httpx.AsyncClient, own_settings: Settings
    ) -> None:
        for body, status in (
            (b"[", 400),
            (b"{}", 422),
            (self._notice("nobody"), 404),
            (self._notice("x", event_date="yesterday"), 422),
            (self._notice("x", event_date="0001-01-01T00:00:00+14:00"), 422),
        ):
            answer = await shop.post(QITECH, content=body, headers=self._signed(own_settings, body))
            assert answer.status_code == status


def test_an_endpoint_needs_https_outside_of_this_machine(settings: Settings) -> None:
    for url, environment, allowed in (
        ("https://shop.example/hook", "production", True),
        ("http://127.0.0.1:9/hook", "local", True),
        ("http://localhost/hook", "local", True),
        ("http://127.0.0.1:9/hook", "production", False),
        ("http://shop.example/hook", "local", False),
        ("ftp://localhost/hook", "local", False),
        ("shop.example", "local", False),
    ):
        given = {
            "environment": environment,
            "credit_analysis_clients": [_client("shop", "key", url).model_dump()],
        }
        if allowed:
            Settings.model_validate(given)
        else:
            with pytest.raises(ValueError, match="https"):
                Settings.model_validate(given)


def test_a_name_or_a_key_is_one_client_s() -> None:
    one = _client("shop", "key", "https://shop.example/hook").model_dump()
    other = _client("bank", "another", "https://bank.example/hook").model_dump()
    Settings.model_validate({"credit_analysis_clients": [one, other]})
    for twin in (other | {"client": "shop"}, other | {"api_key_sha256": one["api_key_sha256"]}):
        with pytest.raises(ValueError, match="own"):
            Settings.model_validate({"credit_analysis_clients": [one, twin]})


@pytest.mark.parametrize(
    "change", [{"policy": "Not a code"}, {"webhook_signature_key": ""}, {"api_key_sha256": "key"}]
)
def test_a_client_is_complete(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        _client("shop", "key", "https://shop.example/hook", **change)
