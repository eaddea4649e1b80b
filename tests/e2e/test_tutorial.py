"""docs/tutorial.md, line by line: what it tells a newcomer to type works."""

import asyncio
import re
import shutil
import sys
from pathlib import Path

import pytest

from local.stack import LocalStack
from tests.e2e.conftest import REPOSITORY, environment_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

TUTORIAL = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
SETTLED = "settled"


def blocks(language: str) -> str:
    """Return all code of the page in a language, in its order."""
    found = re.findall(rf"^```{language}\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    assert found
    return "\n".join(found)


async def run(stack: LocalStack, script: str, tmp_path: Path) -> str:
    """Run a script in bash, in the folder and with the interpreter of the page; return its output.

    It stops at the first command that fails.
    """
    script = script.replace(".venv/bin/python", sys.executable)
    file = tmp_path / "tutorial.sh"
    file.write_text(f"set -euo pipefail\n{script}", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        "bash",
        str(file),
        cwd=REPOSITORY,
        env=environment_of(stack.folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out = (await process.communicate())[0].decode()
    assert process.returncode == 0, out
    return out


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands need curl")
async def test_the_commands_lead_to_a_payoff(stack: LocalStack, tmp_path: Path) -> None:
    out = await run(stack, blocks("bash"), tmp_path)
    assert "\noffered\n" in out
    assert "\ndisbursed\n" in out
    assert "\npaid\n" in out
    assert out.splitlines().count(SETTLED) == 2


@pytest.mark.slow
async def test_the_python_program_leads_to_a_payoff(stack: LocalStack, tmp_path: Path) -> None:
    program = tmp_path / "tutorial.py"
    program.write_text(blocks("python"), encoding="utf-8")
    first = blocks("bash").splitlines()[0]
    out = await run(stack, f"{first}\n.venv/bin/python {program}", tmp_path)
    assert out.splitlines()[-1] == SETTLED
