"""Notices of data imports: proved by a signature, kept once, never believed."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from domain.verification.elements import ElementKind, OperatorReport
from messages.ids import application_workflow, new_id
from providers.http.signature import HEADER, sign
from runtime.clock import utc_now
from runtime.settings import Settings
from storage.verification.data_imports import DataImportRepository, DataImportState
from storage.verification.elements import ElementCreate, ElementRepository
from tests.api import seeds

URL = "/v1/callbacks/reports"


@pytest.fixture
async def element_id(services: Services) -> str:
    """A report that was begun, whose process cannot be reached: Temporal is down here."""
    element_id = new_id("elt")
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "bob")
        await ElementRepository(tx).add(
            start.application_id,
            [
                ElementCreate(
                    element_id, ElementKind.OPERATOR_REPORT, OperatorReport(mobile="13800138000")
                )
            ],
        )
        workflow_id = application_workflow(start.application_id)
        await DataImportRepository(tx).begin(element_id, workflow_id, utc_now())
    return element_id


def _notice(begun: str, **changes: Any) -> bytes:
    notice = {
        "event_id": new_id("tra"),
        "source": "operator_report",
        "capture_no": begun,
        "status": "done",
        "reason": None,
        "occurred_at": utc_now().isoformat(),
    }
    return json.dumps(notice | changes).encode()


def _signed(
    settings: Settings, body: bytes, *, age: timedelta = timedelta(), secret: str | None = None
) -> dict[str, str]:
    ours = settings.providers.callback_secret.get_secret_value()
    return {HEADER: sign(secret or ours, body, utc_now() - age)}


async def test_a_notice_is_kept_and_settles_nothing(
    http: httpx.AsyncClient, api_settings: Settings, services: Services, element_id: str
) -> None:
    body = _notice(element_id)
    for _ in range(2):
        answer = await http.post(URL, content=body, headers=_signed(api_settings, body))
        assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
    async with services.database.read() as tx:
        kept = await tx.connection.fetchval(
            "select count(*) from callbacks where order_no = $1", element_id
        )
        data_import = await DataImportRepository(tx).get(element_id)
        verified = await ElementRepository(tx).verification(element_id)
    assert kept == 1
    assert data_import is not None
    assert (data_import.state, verified) == (DataImportState.BEGUN, None)


async def test_a_signature_of_another_secret_body_or_time(
    http: httpx.AsyncClient, api_settings: Settings, element_id: str
) -> None:
    body = _notice(element_id)
    for headers in (
        {},
        _signed(api_settings, body, secret="another"),
        _signed(api_settings, body + b" "),
        _signed(api_settings, body, age=timedelta(minutes=6)),
    ):
        answer = await http.post(URL, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"capture_no": "elt_" + "0" * 26}, 404, "unknown_order"),
        ({"capture_no": "anything"}, 404, "unknown_order"),
        ({"source": "ecommerce"}, 404, "unknown_order"),
        ({"capture_no": None}, 422, "invalid_value"),
        # Taken: nothing but the process is missing here.
        ({"status": "maybe", "source": "new_source", "more": 1}, 503, "engine_unavailable"),
    ],
)
async def test_a_signed_notice_that_makes_no_sense(
    http: httpx.AsyncClient,
    api_settings: Settings,
    element_id: str,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    body = _notice(element_id, **changes)
    answer = await http.post(URL, content=body, headers=_signed(api_settings, body))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
