"""Whatever is signed and sent to QI Tech's callback: known or refused, never an error of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

from api.http.services import Services
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from messages.ids import new_id
from providers.credit_analysis.qitech import SIGNATURE, webhook_signature
from runtime.settings import Settings
from storage.credit_analysis.analyses import CreditAnalysisRepository
from storage.credit_analysis.external_assessments import (
    ExternalAssessmentRepository,
    ExternalAssessmentRow,
)
from tests.api.conftest import http_client, serving
from tests.definitions import ref
from tests.proposals import WITH_ASSESSMENT, legal_person, read

PATH: Final = "/v1/callbacks/qitech"
APPROVALS = {AnalysisStatus.AUTOMATICALLY_APPROVED, AnalysisStatus.MANUALLY_APPROVED}
WORDS = [status.value for status in AnalysisStatus] + ["automatically_challenge", "ok", ""]
OURS = "assessment-id"
"""Stands for the id of an assessment that was asked for."""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
dates = st.sampled_from(
    ["2026-11-21T10:00:00Z", "2026-11-21T10:00:00", "9999-12-31T23:59:59-14:00", "soon", 0, 10**18]
)
near = st.fixed_dictionaries(
    {"analysis_status": st.sampled_from(WORDS), "event_date": dates},
    optional={
        "id": st.sampled_from([OURS, "nobody", "\x00"]) | values,
        "legal_person_id": st.just(OURS) | values,
        "natural_person_id": st.just(OURS) | values,
        "reason": values,
    },
)
bodies = st.binary(max_size=64) | st.builds(
    lambda value: json.dumps(value).encode(), values | near | near
)


@pytest.fixture(scope="module")
async def live(api_settings: Settings, dev_server: WorkflowEnvironment) -> AsyncIterator[FastAPI]:
    """The API before a Temporal that runs no analysis."""
    async with serving(api_settings, dev_server.client) as app:
        yield app


async def told(
    live: FastAPI, http: httpx.AsyncClient, body: bytes, *, signed: bool
) -> tuple[httpx.Response, ExternalAssessmentRow]:
    """Send a notice of an assessment; return the answer and what is known then."""
    services = live.state.services
    assert isinstance(services, Services)
    assessment_id = new_id("opi")
    body = body.replace(OURS.encode(), assessment_id.encode())
    given = legal_person(id=new_id("ana"))
    analysis_id = new_id("ana")
    async with services.database.transaction() as tx:
        await CreditAnalysisRepository(tx).insert(
            analysis_id,
            "shop",
            PersonKind.LEGAL,
            ref(CREDIT_ANALYSIS_POLICY, WITH_ASSESSMENT),
            read(given),
            json.dumps(given),
        )
        await ExternalAssessmentRepository(tx).request(
            assessment_id, analysis_id, "qitech", PersonKind.LEGAL
        )
    key = services.settings.providers.key_of_qitech_webhooks.get_secret_value()
    endpoint = f"{services.settings.public_url}{PATH}"
    signature = webhook_signature(key if signed else "another", endpoint, "POST", body)
    answer = await http.post(PATH, content=body, headers={SIGNATURE: signature})
    async with services.database.read() as tx:
        assessment = await ExternalAssessmentRepository(tx).get(assessment_id)
    assert assessment is not None
    return answer, assessment


def word_in(body: bytes) -> Any:
    """The status that a reader without our code finds."""
    found = json.loads(body)
    return found["analysis_status"]


@pytest.mark.hypothesis
async def test_no_notice_breaks_us_and_none_is_taken_for_a_pass(live: FastAPI) -> None:
    """Hypothesis runs in a thread of its own: its examples are sent by the loop of this test."""
    loop = asyncio.get_running_loop()
    seen: set[int] = set()

    async with http_client(live) as http:

        @settings(suppress_health_check=[HealthCheck.too_slow])
        @given(bodies, st.sampled_from([True, True, True, False]))
        def fuzz(body: bytes, signed: bool) -> None:
            sent = asyncio.run_coroutine_threadsafe(told(live, http, body, signed=signed), loop)
            answer, assessment = sent.result(60)
            seen.add(answer.status_code)
            assert answer.status_code in ({200, 400, 404, 422} if signed else {401}), answer.text
            if assessment.is_known_there:
                assert answer.status_code == 200
                assert assessment.raw_status == word_in(body)
                assert (assessment.status in APPROVALS) == (assessment.raw_status in APPROVALS)
            else:
                assert assessment.status is AnalysisStatus.PENDING

        await asyncio.to_thread(fuzz)
    assert {200, 400, 401, 404, 422} >= seen >= {401, 422}
