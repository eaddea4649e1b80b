"""Callbacks as use cases: read before the record is asked, kept once, never believed."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from messages.ids import loan_workflow, new_id
from providers.http.signature import sign
from runtime.clock import utc_now
from services.common.callbacks import (
    CallbackRefused,
    InvalidNotice,
    StoredCallback,
    UnknownOrder,
    read_notice,
    store_notice,
)
from services.common.strict_json import InvalidJson
from services.payments import PaymentChannel
from storage.database import Database
from storage.payments import TransferCreate, TransferRepository

SECRET = "callback-secret-of-this-test"
CHANNEL = PaymentChannel(SECRET)


def notice(order_no: str, **changes: Any) -> bytes:
    told = {
        "event_id": new_id("tra"),
        "kind": "debit",
        "order_no": order_no,
        "status": "succeeded",
        "occurred_at": utc_now().isoformat(),
    }
    return json.dumps(told | changes).encode()


@pytest.fixture
async def order_no(database: Database) -> str:
    order_no, loan_id = f"R-{new_id('rep')}", new_id("loa")
    async with database.transaction() as tx:
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


async def keep(database: Database, body: bytes) -> StoredCallback:
    read = read_notice(CHANNEL, body, sign(SECRET, body, utc_now()))
    async with database.transaction() as tx:
        return await store_notice(tx, CHANNEL, read)


async def test_a_notice_that_comes_many_times_at_once_is_kept_once(
    database: Database, order_no: str
) -> None:
    body = notice(order_no)
    kept = await asyncio.gather(*(keep(database, body) for _ in range(5)))
    assert sorted(one.is_repeat for one in kept) == [False, True, True, True, True]
    # Every one of them names whom to wake: the first may not have been able to.
    assert {one.recipient.reference for one in kept} == {order_no}
    async with database.read() as tx:
        transfer = await TransferRepository(tx).get(order_no)
    assert transfer is not None
    assert transfer.state == "requested"


@pytest.mark.parametrize(
    "signature",
    [None, "", "t=1,v1=00", sign("another-secret", notice("R-1"), utc_now())],
    ids=["none", "empty", "malformed", "another's"],
)
def test_what_is_not_signed_is_not_read(signature: str | None) -> None:
    with pytest.raises(CallbackRefused):
        read_notice(CHANNEL, notice("R-1"), signature)


def test_what_was_signed_long_ago_is_not_read() -> None:
    body = notice("R-1")
    with pytest.raises(CallbackRefused):
        read_notice(CHANNEL, body, sign(SECRET, body, utc_now() - timedelta(minutes=6)))


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"", InvalidJson),
        (b"{", InvalidJson),
        (b'{"event_id": 1, "event_id": 2}', InvalidJson),
        (b"[]", InvalidNotice),
        (notice("晴方好"), InvalidNotice),
        (b'{"event_id": "evt_1"}', InvalidNotice),
    ],
)
def test_what_is_not_a_notice_is_refused(body: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read_notice(CHANNEL, body, sign(SECRET, body, utc_now()))


async def test_a_notice_of_what_was_never_sent_is_not_kept(
    database: Database, order_no: str
) -> None:
    for body in (notice(f"R-{new_id('rep')}"), notice(order_no, kind="disbursement")):
        with pytest.raises(UnknownOrder):
            await keep(database, body)


@pytest.mark.parametrize(
    "changes",
    [
        {"fee": 3, "channel": {"name": "x"}},
        {"status": "failed", "reason": "transaction_not_permitted"},
        {"status": "failed", "reason": 51},
        {"status": "failed", "reason": "The card of 晴方好 is closed"},
        {"status": "failed"},
        {"status": "settling"},
        {"status": None},
        {"reason": "approved"},
        {"occurred_at": "2026-09-01 12:00:00"},
        {"occurred_at": 1_788_235_200},
        {"kind": "direct_debit"},
        {"kind": None},
        {"event_id": 4711},
        {"event_id": "a.b:c/" + "d" * 80},
        {"event_id": None},
    ],
    ids=str,
)
async def test_a_signed_notice_is_taken_whatever_else_it_says(
    database: Database, order_no: str, changes: dict[str, Any]
) -> None:
    """It only says that it is worth asking: what it does not say in our words is not believed."""
    body = notice(order_no, **changes)
    first, again = await keep(database, body), await keep(database, body)
    assert first.recipient.reference == order_no
    assert (first.is_repeat, again.is_repeat) == (False, True)
    async with database.read() as tx:
        stored = await tx.connection.fetchval(
            "select body::text from callbacks where event_id = $1", first.event_id
        )
    assert "晴方好" not in stored
    assert "channel" not in stored, "fields that nobody agreed on may hold anything"
