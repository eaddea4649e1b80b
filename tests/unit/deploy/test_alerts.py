"""Every alert has a case in which it fires and one in which it stays quiet; its metrics exist."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import REGISTRY

from runtime import metrics

FOLDER: Final = Path(__file__).parents[3] / "deploy" / "prometheus"
RULES: Final[list[dict[str, Any]]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
CASES: Final[list[dict[str, Any]]] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())[
    "tests"
]
PROMTOOL: Final = shutil.which("promtool")


def expectations() -> Iterator[tuple[str, bool]]:
    """Yield each alert that is asked for, and whether it is to fire then."""
    for case in CASES:
        for one in case["alert_rule_test"]:
            yield one["alertname"], bool(one.get("exp_alerts"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_is_seen_to_fire_and_to_stay_quiet(rule: dict[str, Any]) -> None:
    assert {fires for name, fires in expectations() if name == rule["alert"]} == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_its_cases_use_the_series_that_it_watches(rule: dict[str, Any]) -> None:
    watched = set(re.findall(r"\b(?:loanflow|temporal)_\w+|\bup\b", rule["expr"]))
    given = {
        series["series"].partition("{")[0]
        for case in CASES
        if case["name"].startswith(rule["alert"])
        for series in case["input_series"]
    }
    assert watched == given


@pytest.mark.slow
@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: it runs the rules")
def test_promtool_agrees() -> None:
    for arguments in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        told = subprocess.run(  # noqa: S603 -- a fixed program
            [str(PROMTOOL), *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stdout + told.stderr


def value(name: str, **labels: str) -> float | None:
    found: float | None = REGISTRY.get_sample_value(name, labels)
    return found


def test_label_sets_are_there_before_anything_happens() -> None:
    """A series that is born with 1 has not increased: Prometheus never sees the first case."""
    for kind in ("disbursement", "debit", "refund"):
        assert value("loanflow_money_in_doubt", kind=kind) is not None
        for outcome in ("succeeded", "failed", "unknown"):
            name = "loanflow_money_movements_total"
            assert value(name, kind=kind, outcome=outcome) is not None
    for credential in ("token", "api_key", "link", "signature"):
        assert value("loanflow_http_credentials_refused_total", credential=credential) is not None
    for kind in ("read", "command"):
        assert value("loanflow_http_turned_away_total", kind=kind) is not None
    assert value("loanflow_stuck_workflows") is not None


def test_what_is_no_longer_in_doubt_is_shown_as_nothing() -> None:
    metrics.money_in_doubt({"debit": 2})
    assert value("loanflow_money_in_doubt", kind="debit") == 2
    assert value("loanflow_money_in_doubt", kind="disbursement") == 0
    metrics.money_in_doubt({"disbursement": 1})
    assert value("loanflow_money_in_doubt", kind="debit") == 0
    assert value("loanflow_money_in_doubt", kind="disbursement") == 1
    metrics.money_in_doubt({})
