"""A running installation as these tests use it: over HTTP like anybody, and behind its back."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import asyncpg
import httpx
from temporalio.client import Client, WorkflowExecutionDescription

from local.commands import API, WORKER, Command
from local.stack import LocalStack
from local.story.processes import temporal_client, time_travel
from runtime.failpoints import POINTS
from runtime.time_travel import TimeTravel
from sandbox.personas import Person, person

Answer = TypeVar("Answer")

CLI_SECONDS = 20.0
PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
ONE_OF_EACH = ("sandbox", "worker", "api")
TWO_OF_EACH = (*ONE_OF_EACH, replace(WORKER, name="worker-2"), replace(API, name="api-2"))
REQUEST_SECONDS = 40.0
_AGAIN = (429, 502, 503)


@dataclass(frozen=True)
class Reply:
    """The answer to one HTTP request."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(self.body["code"])

    @property
    def may_change(self) -> bool:
        """Whether the same request may get another answer a moment later."""
        if self.status in _AGAIN:
            return True
        return self.status == 409 and self.code == "request_in_progress"


@dataclass
class Place:
    """A local stack and everything that looks at it."""

    stack: LocalStack
    http: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    client: Client
    travel: TimeTravel
    tokens: Mapping[str, str]
    fail_points: Path
    people: list[Person] = field(default_factory=list)
    known_violations: set[str] = field(default_factory=set)

    # Its callers

    def someone(self, persona: str) -> Person:
        """Return a person of a family whom nobody here has seen before."""
        new = person(persona, 1 + len(self.people))
        self.people.append(new)
        return new

    async def send(
        self,
        role: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        **options: Any,
    ) -> Reply:
        """Send one command and return its answer, whatever it is."""
        headers = {
            **self.proof(role),
            "Idempotency-Key": key or new_key(),
            **options.pop("headers", {}),
        }
        if body is not None:
            options["json"] = dict(body)
        return _reply(await self.http.post(path, headers=headers, **options))

    async def look(self, role: str, path: str, **parameters: Any) -> Reply:
        """Read once and return the answer, whatever it is."""
        return _reply(await self.http.get(path, headers=self.proof(role), params=parameters))

    async def settled(
        self, role: str, path: str, body: Mapping[str, Any], key: str, seconds: float = 60.0
    ) -> Reply:
        """Send a command under its key until the answer, whatever it is, will not change."""
        return await until(
            lambda: self.send(role, path, body, key=key),
            lambda reply: not reply.may_change,
            "a lasting answer",
            seconds,
        )

    async def insist(
        self,
        role: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        seconds: float = 120.0,
    ) -> Any:
        """Send a command under one key until it is answered for good; return the body of a 2xx."""
        key = key or new_key()
        return await _answered(lambda: self.send(role, path, body, key=key), seconds)

    async def read(self, path: str, *, role: str = "ops", **parameters: Any) -> Any:
        """Return what staff, or another role, are shown, once it can be shown."""
        return await _answered(lambda: self.look(role, path, **parameters), 120.0)

    def proof(self, role: str) -> dict[str, str]:
        """Return the header that proves a role; none for nobody."""
        return {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}

    # Third parties

    async def fault(self, provider: str, **fault: Any) -> None:
        """Program a fault of a simulator."""
        reply = await self.sandbox.put("/sandbox/faults", json={"provider": provider, **fault})
        reply.raise_for_status()

    async def heal(self) -> None:
        """Clear all faults."""
        (await self.sandbox.delete("/sandbox/faults")).raise_for_status()

    async def book(self, **wanted: str) -> dict[str, Any]:
        """Return the simulators' own book of payments."""
        reply = await self.sandbox.get("/sandbox/book", params=wanted)
        book: dict[str, Any] = reply.raise_for_status().json()
        return book

    async def settle(self, order_no: str, **settlement: str) -> None:
        """Settle a held order, or have a settled one's callback sent again."""
        reply = await self.sandbox.post(f"/sandbox/settle/{order_no}", json=settlement)
        reply.raise_for_status()

    # Behind its back

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query on the record."""
        connection = await asyncpg.connect(self.stack.database_url)
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    async def count(self, statement: str, *values: Any) -> int:
        """Return the number that a query gives."""
        [row] = await self.rows(statement, *values)
        return int(next(iter(row.values())))

    async def described(self, workflow_id: str) -> WorkflowExecutionDescription:
        """Return how Temporal describes a process."""
        return await self.client.get_workflow_handle(workflow_id).describe()

    async def signal_by_hand(self, workflow_id: str, name: str, *more: str) -> None:
        """Signal a process as an operator does, with the `temporal` command."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("temporal")),
            *("workflow", "signal", "--address", self.stack.temporal_address),
            *("--workflow-id", workflow_id, "--name", name, *more),
            env={"HOME": str(self.stack.folder), "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(CLI_SECONDS):
            told, _ = await process.communicate()
        assert process.returncode == 0, told.decode(errors="replace")

    # Deaths

    def arm(self, point: str) -> None:
        """Let a fail point strike once; all of them are set, and held by their markers."""
        self._marker(point).unlink()

    def has_struck(self, point: str) -> bool:
        """Say whether an armed fail point has struck."""
        return self._marker(point).exists()

    def disarm(self) -> None:
        """Hold all fail points."""
        for point in POINTS:
            self._marker(point).touch()

    async def kill(self, name: str) -> None:
        """End a process of the stack, or all of its kind, by SIGKILL and leave it dead."""
        for one in self._all_of(name):
            await self.stack.supervisor.kill(one)

    async def revive(self, name: str) -> None:
        """Start what is dead again on its port and its data, or a living one; wait for it."""
        dead = [one for one in self._all_of(name) if not self.stack.supervisor.alive(one)]
        for one in dead or self._all_of(name):
            await self.stack.supervisor.restart(one)

    def alive(self, name: str) -> bool:
        """Say whether a process runs, and all of its kind."""
        return all(self.stack.supervisor.alive(one) for one in self._all_of(name))

    def _all_of(self, name: str) -> list[str]:
        """Return a process and those of its kind: `worker` and `worker-2`."""
        return [one for one in self.stack.supervisor.names if one in (name, f"{name}-2")]

    def _marker(self, point: str) -> Path:
        return self.fail_points / f"{point}.struck"


class InTurn(httpx.AsyncHTTPTransport):
    """Sends each request to the next of several ports, as a balancer does."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__()
        self._ports = cycle(ports)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        request.url = request.url.copy_with(port=next(self._ports))
        return await super().handle_async_request(request)


@asynccontextmanager
async def place_in(
    folder: Path,
    settings: Mapping[str, str],
    processes: Sequence[str | Command] = ONE_OF_EACH,
) -> AsyncIterator[Place]:
    """Start a stack with its data in `folder`; a dead process stays dead until it is revived.

    Of several APIs each is asked in turn.
    """
    fail_points = folder / "fail-points"
    fail_points.mkdir(parents=True)
    environment = {
        "LOANFLOW_FAILPOINTS": ",".join(f"{point}=kill" for point in sorted(POINTS)),
        "LOANFLOW_FAILPOINT_DIR": str(fail_points),
        "LOANFLOW_WORKFLOW_SANDBOX": "true",
        **settings,
    }
    stack = LocalStack(
        folder / ".local", on_death="leave", environment=environment, processes=processes
    )
    for point in POINTS:
        (fail_points / f"{point}.struck").touch()
    async with stack, _looking_at(stack, fail_points) as place:
        yield place


@asynccontextmanager
async def _looking_at(stack: LocalStack, fail_points: Path) -> AsyncIterator[Place]:
    environment = stack.environment
    client = await temporal_client(environment)
    apis = [port for name, port in stack.ports.items() if name.partition("-")[0] == "api"]
    async with (
        httpx.AsyncClient(
            base_url=stack.api_url, timeout=REQUEST_SECONDS, transport=InTurn(apis)
        ) as http,
        httpx.AsyncClient(base_url=stack.sandbox_url, timeout=10, trust_env=False) as sandbox,
    ):
        yield Place(
            stack=stack,
            http=http,
            sandbox=sandbox,
            client=client,
            travel=await time_travel(environment, client),
            tokens=_tokens(environment),
            fail_points=fail_points,
        )


def _tokens(environment: Mapping[str, str]) -> dict[str, str]:
    entries = json.loads(environment["LOANFLOW_TOKENS"])
    return {entry["role"]: entry["token"] for entry in entries}


def new_key() -> str:
    """Return an Idempotency-Key for a new intent."""
    return secrets.token_urlsafe(18)


async def until(
    read: Callable[[], Awaitable[Answer]],
    ready: Callable[[Answer], bool],
    what: str,
    seconds: float = 60.0,
) -> Answer:
    """Read again and again until the answer is ready; fail telling `what` did not come."""
    deadline, pause = monotonic() + seconds, PAUSE_SECONDS
    while True:
        answer = await read()
        if ready(answer):
            return answer
        assert monotonic() < deadline, f"{what} did not come within {seconds:.0f} s: {answer}"
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE_SECONDS)


async def _answered(ask: Callable[[], Awaitable[Reply]], seconds: float) -> Any:
    deadline, pause = monotonic() + seconds, PAUSE_SECONDS
    while True:
        try:
            reply = await ask()
            if reply.status < 300:
                return reply.body
            passes = reply.may_change or "retry-after" in reply.headers
            assert passes, f"{reply.status} {reply.body}"
            assert monotonic() < deadline, f"{reply.status} {reply.body}"
        except httpx.TransportError:
            if monotonic() > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE_SECONDS)


def _reply(response: httpx.Response) -> Reply:
    body = response.json() if response.content else None
    return Reply(response.status_code, body, response.headers)
