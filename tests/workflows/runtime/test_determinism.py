"""Workflow code and what it calls ask nobody for the time, for chance or for the machine.

The sandbox guards `workflows` only: `domain` passes through it for speed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted(file for folder in ("domain", "workflows") for file in (ROOT / folder).rglob("*.py"))
MODULES = {
    "concurrent", "httpx", "io", "multiprocessing", "os", "pathlib", "random", "secrets",
    "socket", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
IN_MEMORY = {"BytesIO", "StringIO"}
CLOCKS = {"now", "utcnow", "today"}
BUILTINS = {"open", "input", "print", "id", "hash"}
# Their order of completion is the machine's: workflow.wait and workflow.as_completed keep one.
UNORDERED = {"wait", "as_completed"}


def offences(source: str) -> list[str]:
    return [f"{line}: {what}" for line, what in sorted(_offences(ast.parse(source)))]


def _offences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
            yield from _banned(node, modules)
        elif isinstance(node, ast.ImportFrom):
            if not (node.module == "io" and {alias.name for alias in node.names} <= IN_MEMORY):
                yield from _banned(node, [node.module or ""])
            if "new_id" in [alias.name for alias in node.names]:
                yield node.lineno, "new_id"
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _banned(node: ast.stmt, modules: list[str]) -> Iterator[tuple[int, str]]:
    for module in modules:
        if module.partition(".")[0] in MODULES:
            yield node.lineno, module


def _called(node: ast.Call) -> Iterator[tuple[int, str]]:
    called = node.func
    if isinstance(called, ast.Name) and called.id in BUILTINS:
        yield node.lineno, called.id
    if not isinstance(called, ast.Attribute):
        return
    owner = called.value.id if isinstance(called.value, ast.Name) else ""
    if (
        (called.attr in CLOCKS and owner != "workflow")
        or (called.attr in UNORDERED and owner == "asyncio")
        or called.attr == "new_id"
    ):
        yield node.lineno, f"{owner}.{called.attr}"


def test_it_is_deterministic(subtests: pytest.Subtests) -> None:
    assert len(FILES) > 100
    for file in FILES:
        with subtests.test(file=str(file.relative_to(ROOT))):
            assert offences(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("from datetime import datetime\ndatetime.now()", "2: datetime.now"),
        ("import datetime\ndatetime.datetime.utcnow()", "2: .utcnow"),
        ("from datetime import date\ndate.today()", "2: date.today"),
        ("import time", "1: time"),
        ("from uuid import uuid4", "1: uuid"),
        ("import random", "1: random"),
        ("from os import environ", "1: os"),
        ("import os.path", "1: os.path"),
        ("open('/etc/hostname')", "1: open"),
        ("from messages.ids import new_id", "1: new_id"),
        ("from messages import ids\nids.new_id('loa')", "2: ids.new_id"),
        ("import asyncio\nasyncio.as_completed([])", "2: asyncio.as_completed"),
    ],
)
def test_the_rule_finds(source: str, what: str) -> None:
    assert offences(source) == [what]


def test_the_rule_lets_the_workflow_ask_its_own_clock() -> None:
    assert (
        offences("from datetime import time\nfrom temporalio import workflow\nworkflow.now()") == []
    )
