"""QI Tech's client against its simulator: every status, every failure, nothing analysed twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import ProposalStatus
from messages.ids import new_id
from providers.credit_analysis.notices import AnalysisWebhooks, Endpoint, Notice
from providers.credit_analysis.qitech import (
    ExternalAssessment,
    QiTechClient,
    QiTechNotice,
    status_of,
    verify_webhook,
    webhook_signature,
)
from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.signature import SignatureInvalid
from providers.http.transport import open_pool
from sandbox import qitech
from tests.proposals import PERSONAL, at, legal_person, natural_person
from tests.simulators import Simulators, connected, receiving, sandbox_config

LEGAL, NATURAL = PersonKind.LEGAL, PersonKind.NATURAL
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def client(simulators: Simulators) -> AsyncIterator[QiTechClient]:
    async with open_pool(1.0) as http:
        yield QiTechClient(
            http, f"{simulators.url}/credit_analysis", SecretStr(simulators.config.api_key), 1.0
        )


def company(course: str = "approved", **changes: Any) -> str:
    given = legal_person(document_number=qitech.cnpj(course), scr_parameters=None)
    return json.dumps(given | changes)


async def outcomes(simulators: Simulators, assessment_id: str) -> list[tuple[str, str]]:
    calls = await simulators.calls(provider="qitech", request_id=assessment_id)
    return [(call["operation"], call["outcome"]) for call in calls]


@pytest.mark.parametrize(
    ("course", "said", "status"),
    [
        ("approved", "automatically_approved", AnalysisStatus.AUTOMATICALLY_APPROVED),
        ("reproved", "automatically_reproved", AnalysisStatus.AUTOMATICALLY_REPROVED),
        ("manual", "in_manual_analysis", AnalysisStatus.IN_MANUAL_ANALYSIS),
        ("challenged", "automatically_challenge", AnalysisStatus.AUTOMATICALLY_CHALLENGED),
        ("pending", "pending", AnalysisStatus.PENDING),
        ("waiting", "waiting_for_data", AnalysisStatus.WAITING_FOR_DATA),
        ("unknown", "under_committee", AnalysisStatus.PENDING),
    ],
)
@pytest.mark.parametrize("kind", [LEGAL, NATURAL])
async def test_each_status_is_understood_and_kept_as_it_came(
    client: QiTechClient, kind: PersonKind, course: str, said: str, status: AnalysisStatus
) -> None:
    number = qitech.cnpj(course) if kind is LEGAL else qitech.cpf(course)
    make = legal_person if kind is LEGAL else natural_person
    given = make(document_number=number, scr_parameters=None)
    assessment = await client.analyse(kind, new_id("opi"), json.dumps(given))
    assert assessment == ExternalAssessment(status, said)


def test_all_nine_words_and_the_misspelt_one_are_known() -> None:
    assert {status_of(status.value) for status in AnalysisStatus} == set(AnalysisStatus)
    assert status_of("automatically_challenge") is AnalysisStatus.AUTOMATICALLY_CHALLENGED
    assert status_of("approved") is AnalysisStatus.PENDING


async def test_an_analysis_that_exists_is_adopted(
    client: QiTechClient, simulators: Simulators
) -> None:
    assessment_id = new_id("opi")
    first = await client.analyse(LEGAL, assessment_id, company("manual"))
    assert await client.analyse(LEGAL, assessment_id, company("manual")) == first
    assert await outcomes(simulators, assessment_id) == [
        ("create", "in_manual_analysis"),
        ("create", "already_processed"),
        ("read", "in_manual_analysis"),
    ]


@pytest.mark.parametrize(
    "fault",
    [{"lose_response": True}, {"lose_response": True, "status": 500}, {"garbage": "not_json"}],
    ids=["cut", "server error", "garbage"],
)
async def test_an_answer_that_was_lost_is_read(
    client: QiTechClient, simulators: Simulators, fault: dict[str, Any]
) -> None:
    await simulators.fault("qitech", operation="create", times=1, **fault)
    assessment_id = new_id("opi")
    if "garbage" in fault:
        with pytest.raises(ProviderUnavailable, match="invalid_response"):
            await client.analyse(LEGAL, assessment_id, company())
    assessment = await client.analyse(LEGAL, assessment_id, company())
    assert assessment.status is AnalysisStatus.AUTOMATICALLY_APPROVED
    made = [what for what in await outcomes(simulators, assessment_id) if what[0] == "create"]
    assert made.count(("create", "automatically_approved")) == 1


async def test_one_that_never_arrived_is_posted_again_under_the_same_id(
    client: QiTechClient, simulators: Simulators
) -> None:
    await simulators.fault("qitech", operation="create", times=1, reset=True)
    assessment_id = new_id("opi")
    assessment = await client.analyse(LEGAL, assessment_id, company())
    assert assessment.status is AnalysisStatus.AUTOMATICALLY_APPROVED
    assert await outcomes(simulators, assessment_id) == [
        ("create", "reset"),
        ("read", "unknown_analysis"),
        ("create", "automatically_approved"),
    ]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 503}, "server_error"),
        ({"status": 429, "retry_after": 7}, "rate_limited"),
        ({"status": 408}, "timeout"),
        ({"reset": True}, "connection_lost"),
        ({"latency_seconds": 1.5}, "timeout"),
        ({"garbage": "empty"}, "invalid_response"),
        ({"garbage": "huge"}, "invalid_response"),
        ({"garbage": "wrong_shape"}, "invalid_response"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_being_down_is_no_answer(
    client: QiTechClient, simulators: Simulators, fault: dict[str, Any], code: str
) -> None:
    await simulators.fault("qitech", **fault)
    for call in (
        client.analyse(LEGAL, new_id("opi"), company()),
        client.read(LEGAL, new_id("opi")),
    ):
        (said,) = await asyncio.gather(call, return_exceptions=True)
        if isinstance(said, ProviderUnavailable):
            assert said.code == code
        else:
            # A garbled answer takes the place of a true one only: this is the 404.
            assert "garbage" in fault
            assert said is None


@pytest.mark.parametrize("status", [400, 401, 403, 406, 422])
async def test_a_refusal_is_told_by_its_status(
    client: QiTechClient, simulators: Simulators, status: int
) -> None:
    await simulators.fault("qitech", status=status)
    with pytest.raises(ProviderRejected, match=f"http_{status}"):
        await client.analyse(LEGAL, new_id("opi"), company())
    with pytest.raises(ProviderRejected, match=f"http_{status}"):
        await client.feed_back(LEGAL, new_id("opi"), ProposalStatus.PAID, datetime.now(UTC))  # noqa: TID251 -- any instant does


async def test_the_key_travels_raw(simulators: Simulators) -> None:
    async with open_pool(1.0) as http:
        wrong = QiTechClient(http, f"{simulators.url}/credit_analysis", SecretStr("another"), 1.0)
        with pytest.raises(ProviderRejected, match="http_401"):
            await wrong.read(LEGAL, new_id("opi"))


async def test_what_they_have_no_form_for_is_not_sent(simulators: Simulators) -> None:
    letters = json.dumps(legal_person(document_number="12.ABC.345/01DE-35", scr_parameters=None))
    wrong_digits = json.dumps(natural_person(document_number="123.456.789-12"))
    base, key = f"{simulators.url}/credit_analysis", SecretStr(simulators.config.api_key)
    async with open_pool(1.0) as http:
        strict = QiTechClient(http, base, key, 1.0)
        with pytest.raises(ProviderRejected, match="unsupported_document"):
            await strict.analyse(LEGAL, new_id("opi"), letters)
        assert (await strict.analyse(NATURAL, new_id("opi"), wrong_digits)).status.is_final
        lenient = QiTechClient(http, base, key, 1.0, allow_alphanumeric_cnpj=True)
        assert (await lenient.analyse(LEGAL, new_id("opi"), letters)).status.is_final


async def test_feedback_arrives(client: QiTechClient, simulators: Simulators) -> None:
    assessment_id = new_id("opi")
    await client.analyse(LEGAL, assessment_id, company())
    at = datetime(2026, 11, 5, 16, 34, 12, tzinfo=UTC)
    await client.feed_back(LEGAL, assessment_id, ProposalStatus.DISBURSED, at)
    kept = (
        await simulators.console.get("/sandbox/qitech", params={"assessment_id": assessment_id})
    ).json()
    assert [(row["status"], row["event_date"]) for row in kept["feedback"]] == [
        ("disbursed", "2026-11-05T16:34:12+00:00")
    ]


async def test_the_record_of_calls_shows_nobody(
    client: QiTechClient, simulators: Simulators
) -> None:
    assessment_id = new_id("opi")
    await client.analyse(LEGAL, assessment_id, company())
    told = json.dumps(await simulators.calls(provider="qitech", request_id=assessment_id))
    kept = (await simulators.console.get("/sandbox/qitech")).text
    for text in (*PERSONAL, qitech.cnpj("approved")):
        assert text not in told
        assert text not in kept


async def test_webhooks_are_signed_repeated_and_sometimes_forged(tmp_path: Path) -> None:
    async with receiving() as receiver:
        receiver.statuses += [500]
        config = sandbox_config(tmp_path, receiver.url + "/payments")
        async with connected(config) as simulators, open_pool(1.0) as http:
            client = QiTechClient(
                http, f"{simulators.url}/credit_analysis", SecretStr(config.api_key), 1.0
            )
            assessment_id = new_id("opi")
            await client.analyse(LEGAL, assessment_id, company("pending"))
            endpoint = f"{receiver.url}/qitech"
            refused, taken = await receiver.next(), await receiver.next()
            for headers, body in (refused, taken):
                verify_webhook(config.callback_secret, endpoint, "POST", body, headers["signature"])
            notice = QiTechNotice.model_validate_json(taken[1])
            assert (notice.assessment_id, notice.analysis_status) == (
                assessment_id,
                "automatically_approved",
            )
            assert (await client.read(LEGAL, assessment_id)) == ExternalAssessment(
                AnalysisStatus.AUTOMATICALLY_APPROVED, "automatically_approved"
            )
            forged = {"forge_signature": True, "copies": 1}
            await simulators.console.post(f"/sandbox/qitech/{assessment_id}/settle", json=forged)
            headers, body = await receiver.next()
            with pytest.raises(SignatureInvalid):
                verify_webhook(config.callback_secret, endpoint, "POST", body, headers["signature"])


def test_a_webhook_s_signature_is_of_url_method_and_body() -> None:
    # Worked out with the documents' own three lines of Python.
    signed = webhook_signature("key", "https://shop.example/hook", "POST", b'{"id": "1"}')
    assert signed == "49bf401f1c23476f6c681f93c171ca3b618411b3"
    verify_webhook("key", "https://shop.example/hook", "POST", b'{"id": "1"}', signed.upper())
    for key, endpoint, method, body, header in (
        ("yek", "https://shop.example/hook", "POST", b'{"id": "1"}', signed),
        ("key", "https://shop.example/hooks", "POST", b'{"id": "1"}', signed),
        ("key", "https://shop.example/hook", "PUT", b'{"id": "1"}', signed),
        ("key", "https://shop.example/hook", "POST", b'{"id": "2"}', signed),
        ("key", "https://shop.example/hook", "POST", b'{"id": "1"}', ""),
        ("key", "https://shop.example/hook", "POST", b'{"id": "1"}', None),
        ("", "https://shop.example/hook", "POST", b'{"id": "1"}', signed),
        ("key", "https://shop.example/hook", "POST", b'{"id": "1"}', "é"),
    ):
        with pytest.raises(SignatureInvalid):
            verify_webhook(key, endpoint, method, body, header)


@pytest.mark.parametrize(
    "name",
    [
        *("credit_proposal_legal_person_id", "credit_proposal_natural_person_id"),
        *("legal_person_id", "natural_person_id", "id"),
    ],
)
def test_a_notice_is_read_whatever_its_id_is_called(name: str) -> None:
    told = {name: "opi_1", "analysis_status": "pending", "event_date": "2024-11-13T17:52:50Z"}
    notice = QiTechNotice.model_validate(told | {"more": 1})
    assert notice.assessment_id == "opi_1"
    again = QiTechNotice.model_validate(told | {"event_date": "2024-11-13T14:52:50-03:00"})
    assert len(notice.event_key) <= 64
    assert (
        notice.event_key
        != QiTechNotice.model_validate(told | {"analysis_status": "manually_approved"}).event_key
    )
    assert again.event_key == notice.event_key


async def test_the_simulator_answers_as_documented(simulators: Simulators) -> None:
    key = {"Authorization": simulators.config.api_key}
    url = "/credit_analysis/legal_person"
    async with httpx.AsyncClient(base_url=simulators.url, headers=key) as http:
        for status, answer in (
            (406, await http.post(url, content=b"{")),
            (400, await http.post(url, json=[])),
            (400, await http.post(url, json={"id": 1})),
            (404, await http.get(f"{url}/nobody")),
            (404, await http.get("/credit_analysis/ghost/1")),
            (405, await http.delete(f"{url}/nobody")),
            (405, await http.get(url)),
            (401, await http.get(f"{url}/nobody", headers={"Authorization": "Bearer x"})),
        ):
            assert answer.status_code == status
        answers = await asyncio.gather(
            *(http.post(url, content=company(id="race")) for _ in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


@pytest.mark.parametrize(
    ("amount", "first", "last"),
    [
        # The table of the vendor's own sandbox, at each of its limits and one above.
        (1, "automatically_approved", "automatically_approved"),
        (2_000, "automatically_approved", "automatically_approved"),
        (2_001, "pending", "automatically_approved"),
        (4_000, "pending", "automatically_approved"),
        (4_001, "waiting_for_data", "automatically_approved"),
        (6_000, "waiting_for_data", "automatically_approved"),
        (6_001, "in_manual_analysis", "manually_approved"),
        (8_000, "in_manual_analysis", "manually_approved"),
        (8_001, "in_manual_analysis", "manually_reproved"),
        (10_000, "in_manual_analysis", "manually_reproved"),
        (10_001, "automatically_reproved", "automatically_reproved"),
        (100_000, "automatically_reproved", "automatically_reproved"),
    ],
)
async def test_the_simulator_can_decide_by_amount_as_the_vendor_does(
    tmp_path: Path, amount: int, first: str, last: str
) -> None:
    async with receiving() as receiver:
        config = replace(
            sandbox_config(tmp_path, receiver.url + "/payments"),
            qitech_decides_by="amount",
            qitech_method="PUT",
        )
        async with connected(config) as simulators, open_pool(1.0) as http:
            base = f"{simulators.url}/credit_analysis"
            client = QiTechClient(http, base, SecretStr(config.api_key), 1.0)
            assessment_id = new_id("opi")
            given = at(json.loads(company()), "financial.amount", amount)
            made = await client.analyse(LEGAL, assessment_id, json.dumps(given))
            assert made.raw_status == first
            if first == last:
                return
            headers, body = await receiver.next()
            endpoint, signature = f"{receiver.url}/qitech", headers["signature"]
            verify_webhook(config.callback_secret, endpoint, "PUT", body, signature)
            told = json.loads(body)
            assert told["credit_proposal_legal_person_id"] == assessment_id
            assert told["analysis_status"] == last
            known = await client.read(LEGAL, assessment_id)
            assert known is not None
            assert known.raw_status == last


@pytest.mark.parametrize("kind", [LEGAL, NATURAL])
async def test_our_own_notices_name_the_analysis_as_every_client_looks_for_it(
    kind: PersonKind,
) -> None:
    async with receiving() as receiver, open_pool(1.0) as http:
        endpoint = Endpoint(receiver.url, SecretStr("key"))
        notice = Notice("not_1", kind, "12345678", "pending", "pending", AT)
        webhooks = AnalysisWebhooks(http, {"shop": endpoint})
        assert await webhooks.deliver("shop", notice) == "ok"
        headers, body = await receiver.next()
    verify_webhook("key", receiver.url, "POST", body, headers["signature"])
    told = json.loads(body)
    for name in ("id", f"{kind}_id", f"credit_proposal_{kind}_id"):
        assert told[name] == "12345678"
    assert QiTechNotice.model_validate_json(body).assessment_id == "12345678"


async def test_what_people_pasted_is_clean_when_it_is_passed_on(
    client: QiTechClient, simulators: Simulators
) -> None:
    """Their mask is checked there: dirt that we took would be refused."""
    number = qitech.cnpj("reproved")
    for dirty in (f"\u202d{number}\u202c", number.replace("-", "\u2011"), f"\ufeff{number} "):
        given = json.loads(company()) | {"document_number": dirty}
        made = await client.analyse(LEGAL, new_id("opi"), json.dumps(given))
        assert made.status is AnalysisStatus.AUTOMATICALLY_REPROVED


async def test_an_address_of_ipv6_is_not_passed_on(
    client: QiTechClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their documents know IPv4 alone: with it the whole proposal would be refused."""
    sent: list[dict[str, Any]] = []
    post = httpx.AsyncClient.send

    async def seen(self: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
        sent.append(json.loads(request.content))
        return await post(self, request, **more)

    monkeypatch.setattr(httpx.AsyncClient, "send", seen)
    for ip in ("2001:db8::7", "203.0.113.7"):
        source = {"channel": "app", "platform": "android", "ip": ip}
        await client.analyse(LEGAL, new_id("opi"), company(source=source))
    left = {"channel": "app", "platform": "android"}
    assert [one["source"] for one in sent] == [left, left | {"ip": "203.0.113.7"}]
