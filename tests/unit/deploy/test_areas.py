"""Every area says what it may import, and only areas do."""

import tomllib
from pathlib import Path
from typing import Final

from tests.area_contract import AREAS, LAYERS

ROOT: Final = Path(__file__).parents[3]
CONTRACTS: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]


def test_every_area_has_a_contract_that_names_areas() -> None:
    listed = {one["area"]: set(one["may_import"]) for one in CONTRACTS if one["type"] == "area"}
    assert listed.keys() == AREAS
    for area, others in listed.items():
        assert others < AREAS - {area}, area


def test_the_arrows_of_every_layer_are_checked() -> None:
    [layers] = [one["layers"] for one in CONTRACTS if one["type"] == "layers"]
    named = {name for layer in layers for name in layer.replace("|", " ").split()}
    assert named >= LAYERS
