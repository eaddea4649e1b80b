"""The examples of docs/policies.md pass the check, and say what the page says of them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from domain.common.definitions import Finding
from domain.decisioning.analysis import analyse
from domain.decisioning.compiling import compile_policy
from domain.decisioning.facts import FACT_CATALOGUE
from tests.definitions import shipped
from tests.unit.decisioning.policies import policy

PAGE = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")
NODES = [tomllib.loads(one)["nodes"][0] for one in re.findall(r"```toml\n(.*?)```", PAGE, re.S)]


def found(node: dict[str, Any]) -> list[Finding]:
    return list(analyse(compile_policy(policy(node), shipped(FACT_CATALOGUE, "standard"))))


@pytest.mark.parametrize("node", NODES, ids=lambda node: node["id"])
def test_an_example_is_right(node: dict[str, Any]) -> None:
    assert found(node) == []


def test_the_gap_is_the_one_that_is_told() -> None:
    table = next(node for node in NODES if node["kind"] == "table")
    gaps = [one.message for one in found({**table, "rows": table["rows"][:-1]})]
    assert gaps == ["no row covers score = 300"]
    assert f"`{gaps[0]}`" in PAGE
