"""`docs/change-a-product.md`, followed word for word on a running stack."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from local.stack import LocalStack
from tests.e2e.conftest import REPOSITORY, Callers, run_starter

DOCUMENT: Final = (REPOSITORY / "docs" / "change-a-product.md").read_text(encoding="utf-8")
BLOCK: Final = re.compile(r"([^\n]*)\n\n```(\w*)\n(.*?)```", re.DOTALL)
UNDER: Final = re.compile(r"under `([^`]+)`")
FILE: Final = re.compile(r"\*\*([a-z-]+\.toml)\*\*")


@dataclass(frozen=True)
class Block:
    """A block of the document with the line above it."""

    above: str
    language: str
    lines: tuple[str, ...]


def blocks() -> Iterator[Block]:
    for above, language, text in BLOCK.findall(DOCUMENT):
        yield Block(above, language, tuple(text.splitlines()))


def edited(text: str, block: Block) -> str:
    """The file after the edit that the document asks for."""
    if block.above.startswith("At the end"):
        return text + "\n" + "\n".join(block.lines) + "\n"
    under = UNDER.search(block.above)
    head, name, tail = text.partition(f'name = "{under[1]}"\n') if under else ("", "", text)
    for line in block.lines:
        key = line.partition(" = ")[0]
        tail, changed = re.subn(
            rf"^{key} = (\[\n.*?^\]|[^\n]*)$",
            line,
            tail,
            count=1 if under else 0,
            flags=re.MULTILINE | re.DOTALL,
        )
        assert changed == 1, f"{key} stands {changed} times in the file"
    return head + name + tail


async def test_the_document_can_be_followed_word_for_word(
    stack: LocalStack, api: Callers, tmp_path: Path
) -> None:
    for block in blocks():
        if block.language == "toml":
            [name] = FILE.findall(block.above)
            file = tmp_path / name
            file.write_text(edited(file.read_text("utf-8"), block), encoding="utf-8")
            continue
        for line in block.lines:
            command, _, target = line.partition(" > ")
            words = shlex.split(command)
            assert words[:2] == [".venv/bin/python", "starter.py"]
            given = [
                str(tmp_path / one) if FILE.fullmatch(f"**{one}**") else one for one in words[2:]
            ]
            ended = await run_starter(*given, folder=stack.folder)
            assert ended.code == 0, f"{line}\n{ended.out}{ended.err}"
            if target:
                (tmp_path / target).write_text(ended.out, encoding="utf-8")

    analyst = api("analyst")
    product = (await analyst.get("/v1/products/six-months")).json()
    assert product["instalments"] == [6]
    elements = (await analyst.get("/v1/products/six-months/elements")).json()["items"]
    asked = [one["kind"] for one in elements if one["asked"] == "application"]
    assert asked[-1] == "credit_card"
    assert len(asked) == 7

    for kind, code, version, field, value in (
        ("risk_policy", "cash", 2, "parameters", {"score_reject_below": "460"}),
        ("collections_ladder", "standard", 1, "steps", 6),
    ):
        found = (await analyst.get(f"/v1/definitions/{kind}/{code}")).json()
        assert found["in_force"]["version"] == version, found
        content = (await analyst.get(f"/v1/definitions/{kind}/{code}/versions/{version}")).json()[
            "content"
        ][field]
        if isinstance(value, dict):
            assert value.items() <= content.items()
        else:
            assert len(content) == value


@pytest.mark.parametrize("role", ["collector", "reviewer"])
async def test_nobody_else_may_draft(stack: LocalStack, api: Callers, role: str) -> None:
    refused = await api(role).post(
        "/v1/definitions/product/cash/drafts",
        headers={"Idempotency-Key": "draft-by-nobody"},
        json={"content": {}, "note": ""},
    )
    assert refused.status_code == 403
