"""The definitions commands against the API over HTTP, as people type them."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from runtime.clock import utc_now
from starter import app as command_line
from tests.api.conftest import TOKENS, eventually

Run = Callable[..., Awaitable[Result]]


@pytest.fixture(scope="module")
async def url(defining: FastAPI) -> AsyncIterator[str]:
    """Where the API is reached over HTTP."""
    server = uvicorn.Server(
        uvicorn.Config(defining, host="127.0.0.1", port=0, lifespan="off", log_config=None)
    )

    async def has_started() -> bool:
        return server.started

    # The server's own log lines would be among what the command prints: it is the same process.
    with capture_logs():
        serving = asyncio.create_task(server.serve())
        await eventually(has_started, bool)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        await serving


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `starter.py definitions ...` on this API."""
    tokens = [{"role": role, "token": f"token-of-{role}-{subject}"} for role, subject in TOKENS]
    monkeypatch.setenv("LOANFLOW_PUBLIC_URL", url)
    monkeypatch.setenv("LOANFLOW_TOKENS", json.dumps(tokens))

    async def invoke(*arguments: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke, command_line, ["definitions", *arguments]
        )

    return invoke


def given(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    file = tmp_path / "first.toml"
    file.write_text(
        'title = "Fees"\nrate = 1.50\n\n[[fees]]\nname = "issue"\namount = 500\n', encoding="utf-8"
    )
    return file


async def test_a_content_is_shown_edited_and_drafted_again(
    run: Run, code: str, first: Path, tmp_path: Path
) -> None:
    name = ("fee_table", code)
    drafted = given(await run("draft", *name, "--file", str(first), "--base", "0", "--json"))
    assert (drafted["version"], drafted["findings"]) == (1, [])
    assert given(await run("check", *name, "1", "--json"))["state"] == "checked"
    why = ("--reason", "board of March")
    own = await run("release", *name, "1", *why, "--as", "analyst", "--json")
    assert json.loads(own.stderr)["error"]["code"] == "second_person_needed"
    given(await run("release", *name, "1", *why, "--json"))

    shown = await run("show", *name, "--toml")
    assert tomllib.loads(shown.stdout)["rate"] == "1.50"
    edited = tmp_path / "edited.toml"
    edited.write_text(shown.stdout.replace("500", "700"), encoding="utf-8")
    # What was not edited is no new version.
    same = tmp_path / "same.toml"
    same.write_text(shown.stdout, encoding="utf-8")
    assert given(await run("draft", *name, "--file", str(same), "--json"))["version"] == 1
    assert given(await run("draft", *name, "--file", str(edited), "--json"))["version"] == 2
    found = given(await run("diff", *name, "1", "2", "--json"))["differences"]
    assert found == [{"path": "fees.0.amount", "before": 500, "after": 700}]
    told = (await run("diff", *name, "1", "2")).stdout
    assert [line.strip() for line in told.splitlines()] == ["fees.0.amount", "- 500", "+ 700"]

    given(await run("check", *name, "2", "--json"))
    soon = (utc_now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M+0000")
    later = ("--effective-from", soon)
    given(await run("release", *name, "2", *why, *later, "--json"))
    assert given(await run("withdraw", *name, "2", *why, "--json"))["action"] == "withdraw"
    given(await run("release", *name, "2", *why, "--json"))
    assert given(await run("rollback", *name, *why, "--json"))["version"] == 1
    assert given(await run("release", *name, "2", *why, "--json"))["version"] == 2
    entries = given(await run("history", *name, "--json"))["history"]
    assert len(entries) == 10
    assert given(await run("retire", *name, *why, "--version", "1", "--json"))["retired"]


async def test_everything_is_shown_to_people(run: Run, code: str, first: Path) -> None:
    name = ("fee_table", code)
    assert "draft" in (await run("draft", *name, "--file", str(first))).stdout
    for arguments, told in (
        (("kinds",), "fee_table"),
        (("kinds", "fee_table"), '"json_schema"'),
        (("list", "--kind", "fee_table", "--state", "draft"), code),
        (("show", *name), 'name = "issue"'),
        (("history", *name), "definition_drafted"),
        (("diff", *name, "1", "1"), "no difference"),
    ):
        result = await run(*arguments)
        assert result.exit_code == 0, result.stderr
        assert told in result.stdout


async def test_all_that_is_wrong_is_told(run: Run, code: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps({"fees": [{"name": "a", "amount": -1}], "x": 1.5}))
    drafted = await run("draft", "fee_table", code, "--file", str(file))
    assert "findings" in drafted.stdout
    result = await run("check", "fee_table", code, "1")
    assert result.exit_code == 1
    for field in ("title: ", "fees.0.amount: ", "x: "):
        assert f"  {field}" in result.stderr
    as_json = json.loads((await run("check", "fee_table", code, "1", "--json")).stderr)
    assert len(as_json["error"]["errors"]) == 3


async def test_something_is_suspended_and_lifted(run: Run, code: str) -> None:
    why = ("--reason", "arrears")
    assert given(await run("suspend", "funder", code, *why, "--json"))["code"] == code
    assert code in (await run("suspensions")).stdout
    assert given(await run("lift", "funder", code, *why, "--json"))["lifted_by"] == "otto"
    assert code not in (await run("suspensions")).stdout


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.toml", "a = ", "cannot be read"),
        ("x.json", "{", "cannot be read"),
        ("x.json", "[1]", "no object"),
    ],
)
async def test_a_file_of_nonsense_is_wrong_usage(
    run: Run, tmp_path: Path, name: str, content: str, told: str
) -> None:
    file = tmp_path / name
    file.write_text(content)
    result = await run("draft", "fee_table", "good", "--file", str(file))
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())


async def test_what_there_is_not_is_told(run: Run) -> None:
    result = await run("show", "fee_table", "unheard-of", "--toml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "unknown_definition" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("latin.toml", b'title = "\xff\xfe"', "cannot be read"),
        ("nan.json", b'{"rate": NaN}', "NaN is no number"),
        ("twice.json", b'{"rate": "1", "rate": "2"}', "a name appears twice"),
    ],
)
async def test_a_file_that_cannot_be_meant_is_refused(
    run: Run, code: str, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    refused = await run("draft", "fee_table", code, "--file", str(file))
    assert refused.exit_code == 2
    assert told in " ".join(refused.output.replace("│", " ").split())


async def test_what_people_wrote_is_shown_as_they_wrote_it(
    run: Run, code: str, first: Path
) -> None:
    note = "[/red] [bold]ticket[118] \x1b[31m"
    assert (
        await run("draft", "fee_table", code, "--file", str(first), "--note", note)
    ).exit_code == 0
    shown = await run("show", "fee_table", code)
    assert shown.exit_code == 0
    assert "[31m" in shown.stdout
    assert "\x1b" not in shown.stdout
