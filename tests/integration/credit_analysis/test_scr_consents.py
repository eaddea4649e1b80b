"""Asking signers: each gets one message with one link; and how the other analyst asks them."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from activities.credit_analysis.scr_consents import ScrConsents
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from messages import calls, ids
from messages.credit_analysis import AboutAnalysis, InviteSigner
from messages.ids import new_id
from providers.credit_analysis.qitech import QiTechClient
from providers.http.errors import ProviderRejected
from providers.http.requests import ProviderRequest, ResponseT
from providers.http.transport import open_pool
from providers.messaging import MessageReceipt, MessageRequest
from sandbox import qitech
from storage.common.audit import AuditRepository
from storage.credit_analysis.scr_consents import InvitationState, ScrConsentRepository
from tests.integration.credit_analysis.test_analyses import recorded
from tests.integration.story import Bench
from tests.proposals import legal_person, natural_person, signing
from tests.simulators import Simulators

UNTIL = datetime(2026, 12, 21, 12, 0, tzinfo=UTC)
LEGAL, NATURAL = PersonKind.LEGAL, PersonKind.NATURAL


async def asking(bench: Bench, signers: int = 1) -> InviteSigner:
    given = legal_person(scr_parameters=signing(signers))
    return InviteSigner(analysis_id=await recorded(bench, given), signer=0, expires_at=UNTIL)


async def state_of(bench: Bench, request: InviteSigner) -> InvitationState:
    async with bench.database.read() as tx:
        [consent] = await ScrConsentRepository(tx).of(request.analysis_id)
    return consent.state


class Gateway:
    """A gateway that writes down what it is given, and may fail after it has taken a message."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[tuple[str, str, str, dict[str, str]]] = []

    async def call(self, request: ProviderRequest[ResponseT], *, request_id: str) -> ResponseT:
        assert isinstance(request, MessageRequest)
        self.sent.append((request.message_id, request.mobile, request.template, request.variables))
        if self.failures:
            raise self.failures.pop(0)
        receipt: Any = MessageReceipt(message_id=request_id, status="accepted")
        return cast(ResponseT, receipt)


async def test_a_signer_gets_one_link_however_often_it_is_asked_for(
    bench: Bench, simulators: Simulators
) -> None:
    request = await asking(bench)
    first = await bench.perform(calls.INVITE_SIGNER, request)
    later = request.model_copy(update={"expires_at": UNTIL + timedelta(days=1)})
    assert first.reached
    assert await bench.perform(calls.INVITE_SIGNER, later) == first
    consent_id = ids.derived_id("con", request.analysis_id, "0")
    assert len(await simulators.calls(provider="messaging", request_id=consent_id)) == 1
    link = (await simulators.console.get(f"/sandbox/messages/{consent_id}/link")).json()["link"]
    async with bench.database.read() as tx:
        assert await ScrConsentRepository(tx).token(consent_id) is None
        consent = await ScrConsentRepository(tx).of_token(link.rpartition("/")[2])
    assert consent is not None
    assert (consent.id, consent.expires_at) == (consent_id, UNTIL)


async def test_a_message_whose_answer_was_lost_is_the_same_message_again(bench: Bench) -> None:
    request = await asking(bench)
    gateway = Gateway(ConnectionError(), ProviderRejected("messaging", "unauthorized"))
    consents = ScrConsents(bench.database, gateway, "https://lender.example/")
    for _ in range(2):
        with pytest.raises(ApplicationError) as failure:
            await consents.invite_signer(request)
        assert not failure.value.non_retryable
        assert await state_of(bench, request) is InvitationState.OPEN
    assert (await consents.invite_signer(request)).reached
    first, *others = gateway.sent
    assert others == [first] * 2
    _, mobile, template, variables = first
    assert (mobile, template) == ("+551155988644", "scr.consent")
    assert variables["until"] == "2026-12-21T12:00:00Z"
    assert variables["link"].startswith("https://lender.example/credit_analysis/consents/")


async def test_attempts_at_once_make_one_link(bench: Bench) -> None:
    request = await asking(bench)
    gateway = Gateway()
    consents = ScrConsents(bench.database, gateway, "https://lender.example")
    await asyncio.gather(*(consents.invite_signer(request) for _ in range(5)))
    assert len({message[3]["link"] for message in gateway.sent}) == 1


async def test_a_number_that_the_gateway_refuses_is_recorded(
    bench: Bench, simulators: Simulators
) -> None:
    request = await asking(bench)
    await simulators.fault("messaging", status=400, times=1)
    assert not (await bench.perform(calls.INVITE_SIGNER, request)).reached
    assert not (await bench.perform(calls.INVITE_SIGNER, request)).reached
    assert await state_of(bench, request) is InvitationState.UNREACHABLE
    async with bench.database.read() as tx:
        entries = await AuditRepository(tx).of(ids.credit_analysis_workflow(request.analysis_id))
    assert [(entry.action, entry.outcome) for entry in entries] == [
        ("ask_for_scr_consent", "unreachable")
    ]


async def test_signatures_are_counted_once_each(bench: Bench) -> None:
    request = await asking(bench, signers=2)
    for signer in (0, 1):
        await bench.perform(calls.INVITE_SIGNER, request.model_copy(update={"signer": signer}))
    count = AboutAnalysis(analysis_id=request.analysis_id)
    assert (await bench.perform(calls.COUNT_SIGNATURES, count)).given == 0
    consent_id = ids.derived_id("con", request.analysis_id, "1")
    for fresh in (True, False):
        async with bench.database.transaction() as tx:
            assert (
                await ScrConsentRepository(tx).sign(
                    consent_id, text_version="1", text_sha256="0" * 64, at=UNTIL
                )
                is fresh
            )
    assert (await bench.perform(calls.COUNT_SIGNATURES, count)).given == 1


async def test_a_signer_who_is_not_there(bench: Bench) -> None:
    request = (await asking(bench)).model_copy(update={"signer": 1})
    with pytest.raises(ApplicationError) as failure:
        await bench.perform(calls.INVITE_SIGNER, request)
    assert failure.value.type == "RecordMissing"


async def test_a_token_copied_to_another_row_does_not_open(bench: Bench) -> None:
    consents = [await asking(bench), await asking(bench)]
    gateway = Gateway(ConnectionError(), ConnectionError())
    activities = ScrConsents(bench.database, gateway, "https://lender.example")
    for request in consents:
        with pytest.raises(ApplicationError):
            await activities.invite_signer(request)
    one, other = (ids.derived_id("con", request.analysis_id, "0") for request in consents)
    async with bench.database.transaction() as tx:
        await tx.connection.execute(
            "update scr_consents set token_enc = (select token_enc from scr_consents"
            " where id = $1) where id = $2",
            one,
            other,
        )
    with pytest.raises(ApplicationError) as failure:
        await activities.invite_signer(consents[1])
    assert failure.value.type == "Tampered"


@pytest.fixture
async def analyst(simulators: Simulators) -> AsyncIterator[QiTechClient]:
    async with open_pool(1.0) as http:
        yield QiTechClient(
            http, f"{simulators.url}/credit_analysis", SecretStr(simulators.config.api_key), 1.0
        )


@pytest.mark.parametrize("kind", [LEGAL, NATURAL])
@pytest.mark.parametrize(
    ("course", "status"),
    [
        ("approved", AnalysisStatus.AUTOMATICALLY_APPROVED),
        ("manual", AnalysisStatus.IN_MANUAL_ANALYSIS),
        ("challenged", AnalysisStatus.AUTOMATICALLY_CHALLENGED),
    ],
)
async def test_the_other_analyst_waits_for_all_signers(
    analyst: QiTechClient,
    simulators: Simulators,
    kind: PersonKind,
    course: str,
    status: AnalysisStatus,
) -> None:
    number = qitech.cnpj(course) if kind is LEGAL else qitech.cpf(course)
    make = legal_person if kind is LEGAL else natural_person
    given = make(document_number=number, scr_parameters=signing(2))
    assessment_id = new_id("opi")
    said = await analyst.analyse(kind, assessment_id, json.dumps(given))
    assert said.status is AnalysisStatus.WAITING_FOR_DATA
    second = given["scr_parameters"]["signers"][1]["document_number"]
    url = f"/sandbox/qitech/{assessment_id}/sign"
    for signature, left in (({"document_number": second}, 1), ({"signer": 1}, 1)):
        signers = (await simulators.console.post(url, json=signature)).raise_for_status().json()
        assert sum(signer["signed_at"] is None for signer in signers) == left
        waiting = await analyst.read(kind, assessment_id)
        assert waiting is not None
        assert waiting.status is AnalysisStatus.WAITING_FOR_DATA
    (await simulators.console.post(url, json={"signer": 0})).raise_for_status()
    ended = await analyst.read(kind, assessment_id)
    assert ended is not None
    assert ended.status is status
    for nobody in ({"signer": 2}, {"document_number": "261.026.462-31"}):
        assert (await simulators.console.post(url, json=nobody)).status_code == 404
    kept = (
        await simulators.console.get("/sandbox/qitech", params={"assessment_id": assessment_id})
    ).json()
    assert [json.loads(row["body"])["analysis_status"] for row in kept["webhooks"]] == [
        kept["analyses"][0]["status"]
    ]


async def test_proof_goes_through_as_it_is_and_is_not_waited_for(analyst: QiTechClient) -> None:
    given = legal_person(scr_parameters={"protocol": "x-1", "file": {"sha256": "ab"}})
    said = await analyst.analyse(LEGAL, new_id("opi"), json.dumps(given))
    assert said.status is AnalysisStatus.AUTOMATICALLY_APPROVED


def _first(**changes: Any) -> dict[str, Any]:
    return {"signers": [signing(1)["signers"][0] | changes]}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"signers": []},
        {"signers": [{}]},
        {"signers": "Anna"},
        {"signers": None},
        [],
        "x",
        _first(document_number="26102646231"),
        _first(email="x"),
        _first(phone="11 5598-8644"),
        _first(nickname="x"),
        signing(51),
    ],
)
async def test_the_simulator_refuses_signers_who_are_not_as_documented(
    simulators: Simulators, parameters: object
) -> None:
    given = legal_person(scr_parameters=parameters, id=new_id("opi"))
    key = {"Authorization": simulators.config.api_key}
    async with httpx.AsyncClient(base_url=simulators.url, headers=key) as http:
        answer = await http.post("/credit_analysis/legal_person", json=given)
        assert answer.status_code == 400
        assert (await http.get(f"/credit_analysis/legal_person/{given['id']}")).status_code == 404


async def test_what_they_refuse_we_do_not_send(simulators: Simulators) -> None:
    given = legal_person(scr_parameters={"signers": [{}]})
    assessment_id = new_id("opi")
    with pytest.raises(ProviderRejected, match="unsupported_document"):
        await simulators.providers.qitech.analyse(LEGAL, assessment_id, json.dumps(given))
    assert await simulators.calls(provider="qitech", request_id=assessment_id) == []
