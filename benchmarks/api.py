"""How the API answers reads: to one reader, and to a hundred at once.

    python -m benchmarks.api [--readers 100] [--seconds 10] [--samples 300]

One local stack serves all of it. First one reader asks for an application, a loan and a list, each
many times over. Then a hundred readers ask for the three in turn without a pause; whoever is
answered 503 waits as long as `Retry-After` says, and up to as long again, as a fair client does.
Readers are plain sockets in this process: its CPU time is a part of what two cores can do.

Ends with 1 when the slowest hundredth of all answers under load takes longer than a request may
wait for its turn and ten quiet reads besides. How often somebody is told to come back, and when all
of them are answered, is printed as well.
Other work on the machine is measured with it: run it on a quiet one.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final, Self

from benchmarks.lifecycle import credit
from benchmarks.processor_time import cpu_ms
from local.stack import LocalStack
from local.story.client import api_at
from local.story.stage import tokens_by_role
from runtime.settings import Settings

QUIET_READS: Final = 10.0
WARM_UP_SECONDS: Final = 2.0
CREDITS: Final = 8
PROCESSES: Final = ("api", "postgres", "temporal", "worker")


class Reader:
    """One connection to the API that is kept open."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"

    async def __aenter__(self) -> Self:
        self._in, self._out = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._out.close()
        await self._out.wait_closed()

    async def get(self, path: str) -> tuple[int, float]:
        """Return the status, and the seconds after which to ask again, 0 unless told."""
        self._out.write(f"GET {path} HTTP/1.1\r\n{self._head}".encode())
        status, *lines = (await self._in.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        await self._in.readexactly(int(headers["content-length"]))
        return int(status.split()[1]), float(headers.get("retry-after", 0))


@dataclass
class Load:
    """What came of a time under load, in seconds by kind of read."""

    seconds: float = 0.0
    answered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    turned_away: list[float] = field(default_factory=list)
    until_answered: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many answers there were."""
        return sum(map(len, self.answered.values()))


def percentile(seconds: list[float], share: int) -> float:
    return 1000 * quantiles(seconds, n=100, method="inclusive")[share - 1]


async def alone(reader: Reader, path: str, samples: int) -> list[float]:
    """Return how long each of a number of reads took, one after the other."""
    took = []
    for number in range(samples + samples // 10):
        began = time.perf_counter()
        status, _ = await reader.get(path)
        assert status == 200, f"{path}: {status}"
        if number >= samples // 10:
            took.append(time.perf_counter() - began)
    return took


async def together(
    stack: LocalStack, token: str, paths: Mapping[str, str], readers: int, seconds: float
) -> Load:
    """Have many readers ask at once; what comes before the end of the warm-up is not counted."""
    load = Load()
    counting_from = time.perf_counter() + WARM_UP_SECONDS
    until = counting_from + seconds

    async def one(number: int) -> None:
        kinds = list(paths)
        async with Reader(stack.ports["api"], token) as reader:
            while (wanted := time.perf_counter()) < until:
                kind = kinds[number % len(kinds)]
                number += 1
                while True:
                    began = time.perf_counter()
                    status, again = await reader.get(paths[kind])
                    now = time.perf_counter()
                    counted = began >= counting_from
                    if status != 503:
                        break
                    if counted:
                        load.turned_away.append(now - began)
                    await asyncio.sleep(again * (1 + secrets.randbelow(1000) / 1000))
                assert status == 200, f"{kind}: {status}"
                if counted:
                    load.answered[kind].append(now - began)
                    load.until_answered.append(now - wanted)

    async with asyncio.TaskGroup() as group:
        for number in range(readers):
            group.create_task(one(number))
        await asyncio.sleep(WARM_UP_SECONDS)
        before = cpu_by_process(stack)
        await asyncio.sleep(until - time.perf_counter())
        after = cpu_by_process(stack)
    load.seconds = seconds
    load.cpu = {name: after[name] - before[name] for name in after}
    return load


def cpu_by_process(stack: LocalStack) -> dict[str, float]:
    """Return the milliseconds of CPU that each part of the stack, and this process, has used."""
    used = {name: cpu_ms(stack.supervisor.pid(name)) for name in PROCESSES}
    return {"readers": 1000 * time.process_time()} | used


def report(quiet: Mapping[str, list[float]], load: Load, readers: int) -> float:
    """Print the tables; returns by how many times the slowest reads take as long as they may."""
    print(f"{'ms':<14}{'quiet p50':>10}{'p99':>8}{f'{readers} p50':>10}{'p99':>8}{'ratio':>8}")
    share = 0.0
    may_wait = 1000 * Settings.model_fields["api_wait_seconds"].default
    for kind in (*quiet, "all"):
        alone = [one for each in quiet for one in quiet[each] if kind in (each, "all")]
        loaded = [one for each in quiet for one in load.answered[each] if kind in (each, "all")]
        typical, slow = percentile(alone, 50), percentile(loaded, 99)
        share = slow / (may_wait + QUIET_READS * typical)
        print(
            f"{kind:<14}{typical:10.1f}{percentile(alone, 99):8.1f}"
            f"{percentile(loaded, 50):10.1f}{slow:8.1f}{slow / typical:8.1f}"
        )
    print(f"answered       {load.count / load.seconds:8.0f} /s")
    turned = load.turned_away
    slowest = f", p99 {percentile(turned, 99):.1f} ms" if len(turned) > 1 else ""
    print(f"turned away    {len(turned) / load.seconds:8.0f} /s{slowest}")
    waited = load.until_answered
    print(
        f"until answered {percentile(waited, 50):8.1f} ms p50, {percentile(waited, 99):.1f} ms p99,"
        " waits included"
    )
    for name, used in load.cpu.items():
        print(f"CPU {name:<11}{used / load.count:8.2f} ms an answer")
    print(f"p99 to limit   {share:8.2f} (at most 1)")
    return share


async def measure(readers: int, seconds: float, samples: int) -> float:
    """Run everything, print it and return what `report` does."""
    with tempfile.TemporaryDirectory(prefix="loanflow-bench-") as folder:
        async with LocalStack(
            Path(folder),
            keep_data=False,
            on_death="stop",
            # Virtual clocks are asked of Temporal with each read of a loan; production has none.
            environment={"LOANFLOW_TIME_TRAVEL": "false", "LOANFLOW_LOG_LEVEL": "INFO"},
        ) as stack:
            tokens = tokens_by_role(stack.environment)
            async with api_at(stack.api_url, tokens) as api:
                made = [await credit(api, secrets.token_hex(4)) for _ in range(CREDITS)]
            paths = {
                "application": f"/v1/applications/{made[0].application_id}",
                "loan": f"/v1/loans/{made[0].loan_id}",
                "list": "/v1/applications?limit=20",
            }
            token = tokens["partner"]
            async with Reader(stack.ports["api"], token) as reader:
                quiet = {kind: await alone(reader, path, samples) for kind, path in paths.items()}
            load = await together(stack, token, paths, readers, seconds)
            return report(quiet, load, readers)


def main() -> int:
    """Read the arguments, measure, and say whether the limit is kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--samples", type=int, default=300)
    options = parser.parse_args()
    return int(asyncio.run(measure(options.readers, options.seconds, options.samples)) > 1)


if __name__ == "__main__":
    sys.exit(main())
