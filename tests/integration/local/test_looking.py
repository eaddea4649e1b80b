"""Lists, sample files and the addresses of a stack, on the command line."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from domain.verification.liveness_challenge import Action
from tests.commands import FakeApi, run

LOANS = [
    {"id": f"loa_0123456789abcdefghjkmnpq{n:02d}", "currency": "CNY", "state": "current",
     "disbursed_on": "2026-01-15", "next_due_amount": 94_560, "channel": "app",
     "principal_outstanding": 925_440}
    for n in range(3)
]  # fmt: skip


@pytest.fixture
def loans(fake_api: FakeApi) -> FakeApi:
    first = {"items": LOANS[:2], "next": "more"}
    fake_api.put("GET", "/v1/loans", (200, first), (200, {"items": LOANS[2:], "next": None}))
    return fake_api


def test_a_list_is_read_page_by_page_up_to_its_limit(loans: FakeApi) -> None:
    result = run("list", "loans", "--where", "state=current", "--where", "channel=app", "--json")
    assert json.loads(result.stdout) == {"loans": LOANS}
    assert [headers["authorization"] for _, _, headers in loans.asked] == ["Bearer ops-secret"] * 2
    assert "state=current" in loans.queries[0]
    assert "channel=app" in loans.queries[1]


def test_a_limit_ends_a_list(loans: FakeApi) -> None:
    assert json.loads(run("list", "loans", "--limit", "1", "--json").stdout)["loans"] == LOANS[:1]
    assert len(loans.asked) == 1


# A screen has 80 columns, where an id that is broken in two cannot be copied.
def test_no_line_is_wider_than_a_screen_and_no_id_is_broken(loans: FakeApi) -> None:
    printed = run("list", "loans").stdout
    assert max(map(len, printed.splitlines())) <= 80
    for loan in LOANS:
        assert f" {loan['id']}" in printed
    assert printed.count("9,254.40") == 3


@pytest.mark.parametrize("condition", ["state", "=current", "state="])
def test_a_condition_is_a_name_and_a_value(condition: str) -> None:
    refused = run("list", "loans", "--where", condition)
    assert refused.exit_code == 2
    assert "write a condition as name=value" in refused.stderr


def test_samples_are_pictures_and_a_body_that_is_ready_to_send(
    fake_api: FakeApi, tmp_path: Path
) -> None:
    asked: list[Action] = ["nod", "blink", "shake"]
    path = "/v1/applications/app_1/liveness-challenge"
    fake_api.put("GET", path, (200, {"actions": asked}))
    folder = tmp_path / "samples"
    told = json.loads(run("samples", str(folder), "--application", "app_1", "--json").stdout)
    for name in told["files"]:
        if name != "elements.json":
            Image.open(folder / name).verify()
    body: dict[str, Any] = json.loads((folder / "elements.json").read_text())
    given = {one["kind"]: one for one in body["elements"]}
    assert given["liveness"]["actions"] == ["neutral", *asked]
    assert given["real_name"]["identity_number"] == told["identity_number"]
    front = (folder / "card_front.png").read_bytes()
    assert base64.b64decode(given["identity_card"]["front"]) == front


@pytest.mark.parametrize(
    ("kind", "told", "hints"),
    [
        ("applications", {"id": "app_1", "state": "in_review"}, ["approve app_1", "reject app_1"]),
        ("applications", {"id": "app_1", "state": "offered"}, ["accept app_1"]),
        ("applications", {"id": "app_1", "state": "accepted", "line_id": "lin_1"}, ["draw lin_1"]),
        ("applications", {"id": "app_1", "state": "rejected"}, []),
        ("loans", {"id": "loa_1", "state": "overdue"}, ["repay loa_1", "advance loa_1 --to-next"]),
        ("loans", {"id": "loa_1", "state": "settled"}, []),
    ],
)
def test_what_can_be_typed_next_is_told(
    fake_api: FakeApi, kind: str, told: dict[str, str], hints: list[str]
) -> None:
    fake_api.put("GET", f"/v1/{kind}/{told['id']}", (200, told))
    lines = run("show", told["id"]).stdout.splitlines()
    shown = [line.partition("starter.py ")[2] for line in lines if "starter.py" in line]
    assert shown == hints


def test_where_no_stack_runs_its_addresses_are_not_made_up(
    no_stack: None,
) -> None:
    for command in ("env", "worker"):
        refused = run(command)
        assert refused.exit_code == 1
        assert "start one with `make run`" in refused.stderr
