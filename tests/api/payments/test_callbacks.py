"""Callbacks of the payment channel: proved by a signature, kept once, never believed."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.http.services import Services
from messages.ids import loan_workflow, new_id
from providers.http.signature import HEADER, sign
from runtime.clock import utc_now
from runtime.settings import Settings
from storage.payments import TransferCreate, TransferRepository

URL = "/v1/callbacks/payments"


@pytest.fixture
async def order_no(services: Services) -> str:
    """A debit that was sent, whose process cannot be reached: Temporal is down here."""
    order_no = f"R-{new_id('rep')}"
    loan_id = new_id("loa")
    async with services.database.transaction() as tx:
        await TransferRepository(tx).request(
            TransferCreate(
                order_no=order_no,
                kind="debit",
                workflow_id=loan_workflow(loan_id),
                loan_id=loan_id,
                currency="CNY",
                amount=94_560,
            )
        )
    return order_no


def _notice(sent_as: str, **changes: Any) -> bytes:
    notice = {
        "event_id": new_id("tra"),
        "kind": "debit",
        "order_no": sent_as,
        "status": "succeeded",
        "reason": None,
        "occurred_at": utc_now().isoformat(),
    }
    return json.dumps(notice | changes).encode()


def _signed(
    settings: Settings, body: bytes, *, age: timedelta = timedelta(), secret: str | None = None
) -> dict[str, str]:
    ours = settings.providers.callback_secret.get_secret_value()
    return {HEADER: sign(secret or ours, body, utc_now() - age)}


async def test_a_callback_is_kept_and_asked_for_again_while_the_process_is_unreachable(
    http: httpx.AsyncClient, api_settings: Settings, services: Services, order_no: str
) -> None:
    body = _notice(order_no)
    answer = await http.post(URL, content=body, headers=_signed(api_settings, body))
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    async with services.database.read() as tx:
        kept = await tx.connection.fetchval(
            "select count(*) from callbacks where order_no = $1", order_no
        )
        transfer = await TransferRepository(tx).get(order_no)
    assert kept == 1
    # What it says moves nothing: the order is asked for.
    assert transfer is not None
    assert transfer.state == "requested"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "Sign the body in the header"),
        ({HEADER: "t=1,v1=00"}, "Sign the body in the header"),
        ({HEADER: "t=1,v1=" + "0" * 64}, "wrong"),
    ],
)
async def test_without_a_valid_signature_nothing_is_read(
    http: httpx.AsyncClient, order_no: str, headers: dict[str, str], reason: str
) -> None:
    answer = await http.post(URL, content=_notice(order_no), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
    assert reason in answer.json()["detail"]


async def test_a_signature_of_another_secret_body_or_time(
    http: httpx.AsyncClient, api_settings: Settings, order_no: str
) -> None:
    body = _notice(order_no)
    for headers in (
        _signed(api_settings, body, secret="another"),
        _signed(api_settings, body + b" "),
        _signed(api_settings, body, age=timedelta(minutes=6)),
        _signed(api_settings, body, age=-timedelta(minutes=6)),
    ):
        answer = await http.post(URL, content=body, headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"order_no": "R-unknown"}, 404, "unknown_order"),
        ({"kind": "disbursement"}, 404, "unknown_order"),
        ({"order_no": 7}, 404, "unknown_order"),
        ({"order_no": None}, 422, "invalid_value"),
        ({"order_no": "晴方好"}, 422, "invalid_value"),
        # Taken: nothing but the process is missing here.
        ({"status": "maybe", "reason": "x y", "fee": 1}, 503, "engine_unavailable"),
    ],
)
async def test_a_signed_callback_that_makes_no_sense(
    http: httpx.AsyncClient,
    api_settings: Settings,
    order_no: str,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    body = _notice(order_no, **changes)
    answer = await http.post(URL, content=body, headers=_signed(api_settings, body))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_signed_nonsense_and_too_much_of_it(
    http: httpx.AsyncClient, api_settings: Settings
) -> None:
    for body, status in ((b"", 400), (b"[", 400), (b"[]", 422), (b"x" * 70_000, 413)):
        answer = await http.post(URL, content=body, headers=_signed(api_settings, body))
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
