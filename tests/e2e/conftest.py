"""What end-to-end tests share: one whole stack in a folder of its own, and callers by role."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack import LocalStack
from local.story.stage import Stage, stage_of, tokens_by_role

REPOSITORY = Path(__file__).parents[2]
_SETTINGS_OF_OURS = ("LOANFLOW_", "TEMPORAL_", "DATABASE_URL")

Callers = Callable[[str], httpx.AsyncClient]


@dataclass(frozen=True)
class Ended:
    """A run of the command line that has ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Return the JSON objects of standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def object(self) -> dict[str, Any]:
        """Return the one JSON object of a command that succeeded."""
        assert self.code == 0, self.err or self.out
        [found] = self.objects
        return found


CommandLine = Callable[..., Awaitable[Ended]]


def _inherited() -> dict[str, str]:
    """Return this process's environment without settings of ours."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS_OF_OURS)
    }


def environment_of(folder: Path) -> dict[str, str]:
    """Return the environment of a shell beside the stack in `folder`."""
    return {**_inherited(), "LOANFLOW_LOCAL_FOLDER": str(folder)}


async def start_starter(
    *arguments: str, folder: Path, settings: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start `starter.py` for the stack in `folder`, without this process's own settings."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(REPOSITORY / "starter.py"),
        *arguments,
        cwd=REPOSITORY,
        env={**environment_of(folder), **(settings or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run_starter(
    *arguments: str, folder: Path, settings: Mapping[str, str] | None = None
) -> Ended:
    """Run `starter.py` as `start_starter` does, and wait for its end."""
    process = await start_starter(*arguments, folder=folder, settings=settings)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """A whole stack: servers, simulators, worker and API."""
    folder = tmp_path_factory.mktemp("stack")
    guarded = {"LOANFLOW_WORKFLOW_SANDBOX": "true"}
    async with LocalStack(
        folder, base_environment=_inherited(), environment=guarded, keep_data=False
    ) as running:
        yield running


@pytest.fixture
async def api(stack: LocalStack) -> AsyncIterator[Callers]:
    """Called with a role: an HTTP client of the API with that role's token."""
    async with AsyncExitStack() as clients:
        opened: dict[str, httpx.AsyncClient] = {}

        def of(role: str) -> httpx.AsyncClient:
            token = tokens_by_role(stack.environment)[role]
            if role not in opened:
                opened[role] = httpx.AsyncClient(
                    base_url=stack.api_url,
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=30.0,
                    trust_env=False,
                )
                clients.push_async_callback(opened[role].aclose)
            return opened[role]

        yield of


@pytest.fixture
async def stage(stack: LocalStack) -> AsyncIterator[Stage]:
    """The stack as the story and the command line see it."""
    async with stage_of(stack.environment) as found:
        yield found


@pytest.fixture
def starter(stack: LocalStack) -> CommandLine:
    """Called with arguments: runs the command line on the stack, with `--json`."""

    async def run(*arguments: str) -> Ended:
        return await run_starter(*arguments, "--json", folder=stack.folder)

    return run


@pytest.fixture
async def sandbox(stack: LocalStack) -> AsyncIterator[httpx.AsyncClient]:
    """The console of the simulators; faults programmed by a test end with it."""
    async with httpx.AsyncClient(base_url=stack.sandbox_url, trust_env=False) as console:
        yield console
        await console.delete("/sandbox/faults")
