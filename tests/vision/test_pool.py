"""The pool's limits: full, too slow, a process killed at work, an orderly and a sudden end."""

import asyncio
import os
import signal
from contextlib import suppress

import pytest

from sandbox import id_cards
from sandbox.personas import person
from tests.vision.conftest import Service, body_of, running
from vision.config import VisionConfig
from vision.pool import Pool
from vision.refusal import RefusalError

ME = person("story")
CARD = body_of(front=id_cards.card_front(ME), back=id_cards.card_back(ME))
# No text to read, so an answer at once.
QUICK = body_of(face=b"x", identity_number="x")


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(30):
        with suppress(ProcessLookupError):
            while True:
                os.kill(pid, 0)
                await asyncio.sleep(0.05)


async def at_work(pid: int) -> None:
    """Wait until a process uses the processor: its call has begun."""

    def ticks() -> int:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 -- a pseudo-file
            return sum(int(one) for one in stat.read().rpartition(")")[2].split()[11:13])

    before = ticks()
    async with asyncio.timeout(60):
        while ticks() < before + 5:  # noqa: ASYNC110 -- another process tells nothing
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_a_killed_process_answers_unavailable_and_is_replaced() -> None:
    async with running(LOANFLOW_VISION_WAITING="0") as service:
        (worker,) = await service.workers()
        call = asyncio.create_task(service.send("identity_card/read", CARD))
        await at_work(worker)
        full = await service.send("liveness/compare", QUICK)
        assert (full.status_code, full.json()) == (503, {"code": "busy"})
        assert full.headers["retry-after"].isdigit()

        os.kill(worker, signal.SIGKILL)
        lost = await call
        assert (lost.status_code, lost.json()) == (503, {"code": "worker_lost"})
        assert lost.headers["retry-after"].isdigit()

        (successor,) = await service.workers(other_than=[worker])
        again = await service.send("identity_card/read", CARD)
        assert again.json()["fields"]["identity_number"] == ME.identity_number
        await ends_in_order(service, successor)


async def ends_in_order(service: Service, worker: int) -> None:
    """SIGTERM lets the call at work be answered, and leaves no process behind."""
    call = asyncio.create_task(service.send("identity_card/read", CARD))
    await at_work(worker)
    assert service.process is not None
    service.process.send_signal(signal.SIGTERM)
    assert (await call).status_code == 200
    await gone(worker)
    await asyncio.wait_for(service.process.wait(), 30)


@pytest.mark.slow
async def test_workers_do_not_outlive_a_killed_service_and_slow_calls_are_given_up() -> None:
    service = Service({"LOANFLOW_VISION_JOB_SECONDS": "0.05"})
    await service.start()
    (worker,) = await service.workers()
    slow = await service.send("identity_card/read", CARD)
    assert (slow.status_code, slow.json()) == (503, {"code": "too_slow"})
    await gone(worker)
    (successor,) = await service.workers(other_than=[worker])
    assert service.process is not None
    service.process.kill()
    await gone(successor)
    await service.stop()


async def test_a_call_that_waits_too_long_for_a_process_is_sent_away() -> None:
    pool = Pool(VisionConfig(waiting=1, wait_seconds=0.05, job_seconds=1))
    # Nothing is started: no process ever becomes free.
    with pytest.raises(RefusalError) as refused:
        await pool.run("liveness/compare", QUICK)
    assert (refused.value.status, refused.value.code) == (503, "busy")
    await pool.close()
