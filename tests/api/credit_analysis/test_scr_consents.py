"""Signers who follow their links, and reports that are passed on, with workers behind the API."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.services import Services
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from domain.credit_analysis.scr_consents import SCR_CONSENT_TEXT, SHOWN
from domain.messaging.templates import MESSAGE_TEMPLATE, SIGNER_INVITATION
from messages import ids
from runtime.settings import AnalysisClient, ProviderSettings, Settings
from storage.common.audit import AuditRepository
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.credit_analysis.scr_consents import ScrConsentRepository
from tests.api.conftest import bearer, eventually, http_client, serving
from tests.definitions import ref, shipped
from tests.proposals import PERSONAL, WITH_ASSESSMENT, legal_person, natural_person, read, signing
from tests.simulators import Simulators, connected, sandbox_config

COMPANY = "/credit_analysis/legal_person"
PERSON = "/credit_analysis/natural_person"
KEY = {"Authorization": "key-of-the-lender"}
PUBLIC = "https://lender.example"
CURRENT = shipped(SCR_CONSENT_TEXT, SHOWN)
SIGNED = {"text_version": CURRENT.version, "text_sha256": CURRENT.sha256}


@pytest.fixture(scope="module")
async def simulators(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulators]:
    async with connected(sandbox_config(tmp_path_factory.mktemp("signers"))) as running:
        yield running


@pytest.fixture(scope="module")
def own_settings(api_settings: Settings, simulators: Simulators) -> Settings:
    client = {
        "client": "lender",
        "api_key_sha256": sha256(KEY["Authorization"].encode()).hexdigest(),
        "policy": WITH_ASSESSMENT,
    }
    return api_settings.model_copy(
        update={
            "providers": ProviderSettings(base_url=simulators.url, timeout_seconds=1.0),
            "task_queue_prefix": "signers-",
            "public_url": PUBLIC,
            "credit_analysis_clients": [AnalysisClient.model_validate(client)],
        }
    )


@pytest.fixture(scope="module")
async def lender(live: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(live) as client:
        yield client


async def analysis_id(record: Services, given: dict[str, Any]) -> str:
    async with record.database.read() as tx:
        row = await CreditAnalysisRepository(tx).find("lender", given["id"])
    assert row is not None
    return row.id


async def link(simulators: Simulators, analysis: str, signer: int) -> str:
    """Return the path that a signer's message leads to."""
    consent_id = ids.derived_id("con", analysis, str(signer))
    found = await simulators.console.get(f"/sandbox/messages/{consent_id}/link")
    url = str(found.raise_for_status().json()["link"])
    assert url.startswith(f"{PUBLIC}/credit_analysis/consents/")
    return url.removeprefix(PUBLIC)


async def ask(lender: httpx.AsyncClient, record: Services, given: dict[str, Any]) -> str:
    """Send a proposal with signers; return the analysis's id."""
    answer = await lender.post(COMPANY, json=given, headers=KEY)
    assert (answer.status_code, answer.json()["reason"]) == (200, "scr_signatures_missing")
    assert answer.json()["analysis_status"] == "waiting_for_data"
    return await analysis_id(record, given)


async def sign_there(simulators: Simulators, analysis: str, signers: int) -> None:
    """Have all signers sign at the other analyst, once it was asked."""
    assessment_id = ids.derived_id("opi", analysis)

    async def asked() -> int:
        url = f"/sandbox/qitech/{assessment_id}/sign"
        return (await simulators.console.post(url, json={"signer": 0})).status_code

    await eventually(asked, lambda status: status == 200)
    for signer in range(1, signers):
        url = f"/sandbox/qitech/{assessment_id}/sign"
        (await simulators.console.post(url, json={"signer": signer})).raise_for_status()


async def test_signers_consent_by_their_links_and_the_analysis_goes_on(
    lender: httpx.AsyncClient, record: Services, simulators: Simulators
) -> None:
    given = legal_person(scr_parameters=signing(2))
    analysis = await ask(lender, record, given)
    paths = [await link(simulators, analysis, signer) for signer in (0, 1)]
    assert paths[0] != paths[1]

    shown = await lender.get(paths[0])
    assert shown.status_code == 200
    assert shown.json() | {"expires_at": None} == {
        "lender": "lender",
        "applicant": "***********115",
        "signer": shown.json()["signer"],
        "text_version": CURRENT.version,
        "text_sha256": CURRENT.sha256,
        "text": CURRENT.text,
        "expires_at": None,
        "signed_version": None,
        "signed_at": None,
    }
    assert not any(text in shown.text for text in PERSONAL)
    assert shown.headers["cache-control"] == "no-store"

    first = await lender.post(paths[0], json=SIGNED)
    again = await lender.post(paths[0], json=SIGNED)
    assert first.status_code == again.status_code == 200
    assert first.json()["signed_version"] == CURRENT.version
    assert again.json() == first.json()
    assert (await lender.get(paths[0])).json() == first.json()
    staff = await lender.get(f"/v1/credit-analyses/{analysis}", headers=bearer("ops", "otto"))
    assert [(one["state"], bool(one["signed_at"])) for one in staff.json()["signers"]] == [
        ("sent", True),
        ("sent", False),
    ]
    await lender.post(paths[1], json=SIGNED)
    await sign_there(simulators, analysis, 2)

    async with record.database.read() as tx:
        consents = await ScrConsentRepository(tx).of(analysis)
        entries = await AuditRepository(tx).of(ids.credit_analysis_workflow(analysis))
        kept = await tx.connection.fetch("select * from scr_consents")
    assert {(one.text_version, one.text_sha256) for one in consents} == {
        (CURRENT.version, CURRENT.sha256)
    }
    signed = [entry.actor for entry in entries if entry.action == "give_scr_consent"]
    assert signed == ["signer:0", "signer:1"]
    # Even a signature that everybody knows of by now is answered, and wakes nobody.
    assert (await lender.post(paths[1], json=SIGNED)).status_code == 200
    tokens = [path.rpartition("/")[2] for path in paths]
    assert not any(token in str(kept) or token in str(entries) for token in tokens)


async def test_many_clicks_of_one_signer_are_one_signature(
    lender: httpx.AsyncClient, record: Services, simulators: Simulators
) -> None:
    analysis = await ask(lender, record, legal_person(scr_parameters=signing(1)))
    path = await link(simulators, analysis, 0)
    answers = await asyncio.gather(*(lender.post(path, json=SIGNED) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["signed_at"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        (SIGNED | {"text_version": "2"}, 422),
        (SIGNED | {"text_sha256": "0" * 64}, 422),
        (SIGNED | {"name": "Anna"}, 422),
        ([], 422),
    ],
)
async def test_another_text_is_not_signed(
    lender: httpx.AsyncClient, record: Services, simulators: Simulators, body: Any, status: int
) -> None:
    analysis = await ask(lender, record, legal_person(scr_parameters=signing(1)))
    path = await link(simulators, analysis, 0)
    assert (await lender.post(path, json=body)).status_code == status
    assert (await lender.get(path)).json()["signed_at"] is None


async def test_a_link_that_nobody_was_sent_is_not_found(lender: httpx.AsyncClient) -> None:
    for token in (secrets.token_urlsafe(32), "x", "a" * 5000, "%00", "ana_1"):
        path = f"/credit_analysis/consents/{token}"
        for answer in (await lender.get(path), await lender.post(path, json=SIGNED)):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    # No key of a client opens the route, and no other method is a client's.
    assert (await lender.put("/credit_analysis/consents/x", headers=KEY, json={})).status_code in (
        400,
        404,
    )


async def stored(record: Services, *, open_until: datetime) -> tuple[str, str]:
    """Record an analysis and a link of which no process knows; return its id and the path."""
    given = legal_person(scr_parameters=signing(1))
    analysis, token = ids.new_id("ana"), secrets.token_urlsafe(32)
    async with record.database.transaction() as tx:
        await CreditAnalysisRepository(tx).insert(
            analysis,
            "lender",
            PersonKind.LEGAL,
            ref(CREDIT_ANALYSIS_POLICY, WITH_ASSESSMENT),
            read(given),
            json.dumps(given),
        )
        consent_id = ids.derived_id("con", analysis, "0")
        template = ref(MESSAGE_TEMPLATE, SIGNER_INVITATION)
        await ScrConsentRepository(tx).ask(consent_id, analysis, 0, token, open_until, template)
    return analysis, f"/credit_analysis/consents/{token}"


@pytest.mark.parametrize("why", ["expired", "decided"])
async def test_a_link_is_closed_when_its_time_or_the_waiting_is_over(
    lender: httpx.AsyncClient, record: Services, why: str
) -> None:
    until = datetime(2020 if why == "expired" else 2090, 1, 1, tzinfo=UTC)
    analysis, path = await stored(record, open_until=until)
    if why == "decided":
        async with record.database.transaction() as tx:
            await CreditAnalysisRepository(tx).set_status(
                analysis, AnalysisStatus.IN_MANUAL_ANALYSIS, "data_missing", 3, until
            )
    for answer in (await lender.get(path), await lender.post(path, json=SIGNED)):
        assert (answer.status_code, answer.json()["code"]) == (410, "consent_closed")
    async with record.database.read() as tx:
        [consent] = await ScrConsentRepository(tx).of(analysis)
    assert consent.signed_at is None


async def test_while_temporal_is_down_a_signature_is_kept_and_asked_to_be_repeated(
    own_settings: Settings, absent_temporal: Any, record: Services
) -> None:
    analysis, path = await stored(record, open_until=datetime(2090, 1, 1, tzinfo=UTC))
    async with serving(own_settings, absent_temporal) as app, http_client(app) as http:
        for _ in range(2):
            answer = await http.post(path, json=SIGNED)
            assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
    async with record.database.read() as tx:
        [consent] = await ScrConsentRepository(tx).of(analysis)
    assert consent.signed_at is not None


@pytest.mark.parametrize("kind", [COMPANY, PERSON])
async def test_a_client_s_own_proof_is_kept_and_needs_no_signer(
    lender: httpx.AsyncClient, record: Services, simulators: Simulators, kind: str
) -> None:
    proof = {"protocol": "x-1", "evidence": {"text": "secret words", "hashes": ["a", "b"]}}
    make = legal_person if kind == COMPANY else natural_person
    given = make(scr_parameters=proof)
    answer = await lender.post(kind, json=given, headers=KEY)
    assert answer.json()["analysis_status"] == "automatically_approved"
    assert (await lender.get(f"{kind}/{given['id']}", headers=KEY)).json()[
        "scr_parameters"
    ] == proof
    async with record.database.read() as tx:
        row = await tx.connection.fetchrow(
            "select * from credit_analyses where id = $1", await analysis_id(record, given)
        )
    assert b"secret words" not in str(row).encode()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"signers": []},
        {"signers": signing(1)["signers"] * 2},
        {"signers": signing(51)["signers"]},
        {f"field_{n}": n for n in range(51)},
        {"evidence": "x" * 200_000},
        signing(1) | {"protocol": "x-1"},
    ],
    ids=["nothing", "nobody", "twice", "too many", "many fields", "long", "both"],
)
async def test_other_consents_are_refused_by_name(
    lender: httpx.AsyncClient, parameters: dict[str, Any]
) -> None:
    given = legal_person(scr_parameters=parameters)
    answer = await lender.post(COMPANY, json=given, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_proposal")
    [error] = answer.json()["errors"]
    assert error["field"].startswith("scr_parameters")
    assert "xxx" not in answer.text


async def test_reports_reach_the_other_analyst_also_after_it_was_down(
    lender: httpx.AsyncClient, record: Services, simulators: Simulators
) -> None:
    given = legal_person(scr_parameters=None)
    await lender.post(COMPANY, json=given, headers=KEY)
    assessment_id = ids.derived_id("opi", await analysis_id(record, given))
    url = f"{COMPANY}/{given['id']}"

    async def arrived() -> list[str]:
        kept = await simulators.console.get(
            "/sandbox/qitech", params={"assessment_id": assessment_id}
        )
        return [row["status"] for row in kept.json()["feedback"]]

    disbursed = {"credit_proposal_status": "disbursed", "event_date": "2026-11-05T13:34:12-03:00"}
    await simulators.fault("qitech", operation="feedback", status=503, times=2)
    for _ in range(3):
        assert (await lender.put(url, json=disbursed, headers=KEY)).status_code == 200
    assert await eventually(arrived, bool) == ["disbursed"]
    paid = {"credit_proposal_status": "paid", "event_date": "2026-11-10T13:34:12-03:00"}
    await lender.put(url, json=paid, headers=KEY)
    await lender.put(url, json=disbursed, headers=KEY)
    assert await eventually(arrived, lambda told: len(told) > 1) == ["disbursed", "paid"]
    analysis = await analysis_id(record, given)

    async def relays() -> Any:
        staff = await lender.get(f"/v1/credit-analyses/{analysis}", headers=bearer("ops", "otto"))
        return [(one["credit_proposal_status"], one["state"]) for one in staff.json()["relays"]]

    await eventually(relays, lambda found: found == [("disbursed", "sent"), ("paid", "sent")])
