"""The simulators as a process: settings, kill -9, and stopping."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
from pydantic import SecretStr

from providers import Providers
from providers.http.signature import verify_signature
from providers.payments import DisburseRequest, Order, OrderStatus, SettlementNotice
from runtime.clock import utc_now
from sandbox.personas import Person, person, stranger
from tests.simulators import READ_SECONDS, receiving

AMOUNT = 1_000_000


async def disburse(providers: Providers, who: Person, order_no: str) -> Order:
    return await providers.call(
        DisburseRequest(
            order_no=order_no,
            amount=AMOUNT,
            currency="CNY",
            card_number=who.card_number,
            name=who.name,
        ),
        request_id=order_no,
    )


class Process:
    """The simulators as `python -m sandbox` on a book of their own."""

    def __init__(self, folder: Path, callback_url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._environment = os.environ | {
            "LOANFLOW_SANDBOX_PORT": str(port),
            "LOANFLOW_SANDBOX_DB": str(folder / "own" / "book.sqlite3"),
            "LOANFLOW_SANDBOX_CALLBACK_URL": callback_url,
            "LOANFLOW_SANDBOX_SETTLE_SECONDS": "1.5",
            "LOANFLOW_PROVIDERS__API_KEY": "process-key",
            "LOANFLOW_PROVIDERS__SIGNING_SECRET": "process-signing",
            "LOANFLOW_PROVIDERS__CALLBACK_SECRET": "process-callback",
        }

    async def start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sandbox", env=self._environment
        )
        async with httpx.AsyncClient(base_url=self.url) as client, asyncio.timeout(20):
            while True:
                try:
                    (await client.get("/health")).raise_for_status()
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    return process


async def test_the_book_survives_kill_9(tmp_path: Path) -> None:
    async with receiving() as callbacks:
        simulators = Process(tmp_path, callbacks.url)
        connection = Providers.connect(
            lambda _: simulators.url,
            SecretStr("process-key"),
            SecretStr("process-signing"),
            READ_SECONDS,
        )
        paid, unsettled = "drawdown:1:disbursement", "drawdown:2:disbursement"
        async with connection as providers:
            process = await simulators.start()
            await disburse(providers, stranger(13), paid)
            await disburse(providers, person("disbursement_processing"), unsettled)
            process.kill()
            await process.wait()
            process = await simulators.start()
            again = await disburse(providers, stranger(13), paid)
            headers, body = await callbacks.next()
            async with httpx.AsyncClient(base_url=simulators.url) as console:
                book = (await console.get("/sandbox/book")).json()
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 10)
    assert again.status is OrderStatus.SUCCEEDED
    verify_signature("process-callback", headers["x-signature"], body, utc_now())
    assert SettlementNotice.model_validate_json(body).order_no == unsettled
    assert {order["order_no"]: order["status"] for order in book["orders"]} == {
        paid: "succeeded",
        unsettled: "succeeded",
    }
    assert book["totals"] == [
        {"kind": "disbursement", "currency": "CNY", "movements": 2, "amount": 2 * AMOUNT}
    ]


async def test_a_port_in_use_ends_the_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = os.environ | {
            "LOANFLOW_SANDBOX_PORT": str(taken.getsockname()[1]),
            "LOANFLOW_SANDBOX_DB": str(tmp_path / "book.sqlite3"),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox"), env=environment, stderr=asyncio.subprocess.PIPE
        )
        _, log = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode not in (0, None)
    assert b"address already in use" in log
