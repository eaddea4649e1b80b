"""`starter.py books` against an API that answers as it is told."""

import json
from pathlib import Path

from tests.commands import FakeApi, problem, run

LEDGER = "/v1/ledger"


def test_accruing_goes_on_until_it_is_done(fake_api: FakeApi) -> None:
    more, done = ({"posted_to": day, "is_done": day == "2026-01-31"} for day in _DAYS)
    fake_api.put("POST", f"{LEDGER}/accruals", (200, more), (200, done))
    result = run("books", "accrue", "--until", "2026-01-31", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, done)
    assert len(fake_api.asked) == 2


_DAYS = ("2026-01-20", "2026-01-31")


def test_closing_says_what_it_is_refused_for(fake_api: FakeApi) -> None:
    told = problem(409, "day_not_ready", "the last day that is over is 2026-01-30")
    fake_api.put("POST", f"{LEDGER}/closings", told)
    result = run("books", "close", "--until", "2026-01-31", "--reason", "month end")
    assert result.exit_code == 1
    assert "2026-01-30" in result.stderr
    assert fake_api.bodies == [{"until": "2026-01-31", "reason": "month end"}]


def test_the_ledger_is_printed_as_it_comes(fake_api: FakeApi) -> None:
    fake_api.put("GET", f"{LEDGER}/lines/csv", (200, "business_date,entry"))
    days = ("--from", "2026-01-01", "--to", "2026-01-31")
    result = run("books", "export", *days, "--account", "cash:icbc")
    assert (result.exit_code, result.stdout) == (0, "business_date,entry")
    assert fake_api.queries == ["first=2026-01-01&last=2026-01-31&account=cash%3Aicbc"]


def test_a_batch_that_is_not_there_is_refused(fake_api: FakeApi) -> None:
    fake_api.put("GET", f"{LEDGER}/batches/9/csv", problem(404, "not_found", "no such batch"))
    result = run("books", "batch", "9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no such batch" in result.stderr


def test_an_entry_by_hand_is_read_from_a_file(fake_api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "entry.json"
    file.write_text('{"business_date": "2026-02-03"}', encoding="utf-8")
    fake_api.put("POST", f"{LEDGER}/manual-entries", (201, {"id": "act_1", "state": "open"}))
    result = run("books", "enter", "--file", str(file), "--reason", "bank charge")
    assert result.exit_code == 0
    assert fake_api.bodies == [{"business_date": "2026-02-03", "reason": "bank charge"}]
    file.write_text("entry", encoding="utf-8")
    refused = run("books", "enter", "--file", str(file), "--reason", "bank charge")
    assert refused.exit_code == 1
    assert "is no JSON" in refused.stderr
