"""Production refuses to start with settings that are for one's own machine, and names each.

Source: the fault list, S4: default secrets, one token for two roles, an empty token, time travel.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from runtime.production import Process, SettingsRefused, settings_of

ROOT: Final = Path(__file__).parents[3]


def key(number: int) -> str:
    return base64.b64encode(bytes((7 * number + 11 * one) % 256 for one in range(32))).decode()


def token(role: str, text: str = "") -> dict[str, str]:
    return {"token": text or f"0123456789abcdef01234567-{role}", "role": role, "subject": "ops-1"}


GOOD: Final = {
    "LOANFLOW_ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://loanflow:4f7d0c9b2a@postgres:5432/loanflow",
    "LOANFLOW_PAYLOAD_KEYS": f"2026-1:{key(1)}",
    "LOANFLOW_PII_KEYS": f"2026-1:{key(2)}",
    "LOANFLOW_BLIND_INDEX_KEY": key(3),
    "LOANFLOW_TOKENS": json.dumps([token("ops"), token("codec")]),
    "LOANFLOW_PROVIDERS__BASE_URL": "https://gateway.example/v2",
    "LOANFLOW_PROVIDERS__OVERRIDES": json.dumps({"liveness": "http://vision:8600"}),
    "LOANFLOW_PROVIDERS__API_KEY": "of-the-gateway",
    "LOANFLOW_PROVIDERS__SIGNING_SECRET": "agreed-with-the-gateway",
    "LOANFLOW_PROVIDERS__CALLBACK_SECRET": "agreed-too",
    "LOANFLOW_PROVIDERS__FIREEYE_APP_KEY": "of-fireeye",
}
SAME: Final = json.dumps([token(role, "0123456789abcdef01234567") for role in ("ops", "analyst")])
BOTH: Final[tuple[Process, ...]] = ("api", "worker")
CASES: Final[list[tuple[str, str | None, tuple[Process, ...]]]] = [
    ("LOANFLOW_PAYLOAD_KEYS", None, BOTH),
    ("LOANFLOW_PAYLOAD_KEYS", "2026-1:short", BOTH),
    ("LOANFLOW_PAYLOAD_KEYS", f"a:{base64.b64encode(bytes(32)).decode()}", BOTH),
    ("LOANFLOW_PII_KEYS", None, BOTH),
    ("LOANFLOW_PII_KEYS", f"a:{key(1)}", BOTH),
    ("LOANFLOW_BLIND_INDEX_KEY", None, BOTH),
    ("LOANFLOW_BLIND_INDEX_KEY", key(2), BOTH),
    ("DATABASE_URL", None, BOTH),
    ("DATABASE_URL", "postgresql://loanflow:loanflow@postgres/loanflow", BOTH),
    ("LOANFLOW_TIME_TRAVEL", "true", BOTH),
    ("LOANFLOW_FAILPOINTS", "disburse.before_send=kill", BOTH),
    ("LOANFLOW_TOKENS", None, ("api",)),
    ("LOANFLOW_TOKENS", "[]", ("api",)),
    ("LOANFLOW_TOKENS", json.dumps([token("ops") | {"token": ""}]), BOTH),
    ("LOANFLOW_TOKENS", json.dumps([token("ops", " " * 30)]), ("api",)),
    ("LOANFLOW_TOKENS", json.dumps([token("ops", "secret")]), ("api",)),
    ("LOANFLOW_TOKENS", SAME, BOTH),
    ("LOANFLOW_TOKENS", "not json", BOTH),
    ("LOANFLOW_PROVIDERS__CALLBACK_SECRET", None, ("api",)),
    ("LOANFLOW_PROVIDERS__CALLBACK_SECRET", "", ("api",)),
    ("LOANFLOW_PROVIDERS__CALLBACK_SECRET", "sandbox-callback-secret", ("api",)),
    ("LOANFLOW_PROVIDERS__API_KEY", None, ("worker",)),
    ("LOANFLOW_PROVIDERS__API_KEY", "sandbox-key", ("worker",)),
    ("LOANFLOW_PROVIDERS__SIGNING_SECRET", None, ("worker",)),
    ("LOANFLOW_PROVIDERS__FIREEYE_APP_KEY", None, ("worker",)),
    ("LOANFLOW_PROVIDERS__BASE_URL", None, ("worker",)),
    ("LOANFLOW_PROVIDERS__BASE_URL", "http://sandbox:8500", ("worker",)),
    ("LOANFLOW_PROVIDERS__BASE_URL", "http://127.0.0.1:8500", ("worker",)),
    ("LOANFLOW_PROVIDERS__BASE_URL", "http://gateway.example", ("worker",)),
    ("LOANFLOW_PROVIDERS__OVERRIDES", '{"payments": "http://sandbox:8500"}', ("worker",)),
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith("LOANFLOW_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def give(environment: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    if value is None:
        environment.delenv(name, raising=False)
    else:
        environment.setenv(name, value)


def named(process: Process) -> set[str]:
    try:
        settings_of(process)
    except SettingsRefused as refused:
        return {name.partition(",")[0] for name, _ in refused.faults}
    return set()


def test_good_settings_are_used(environment: pytest.MonkeyPatch) -> None:
    assert [named(process) for process in BOTH] == [set(), set()]


@pytest.mark.parametrize(("name", "value", "processes"), CASES)
def test_each_unfit_setting_is_named(
    name: str, value: str | None, processes: tuple[Process, ...], environment: pytest.MonkeyPatch
) -> None:
    give(environment, name, value)
    for process in BOTH:
        assert named(process) == ({name} if process in processes else set()), process


def test_all_unfit_settings_are_named_at_once(environment: pytest.MonkeyPatch) -> None:
    """A new installation has all of them: whoever mends one shall not find the next by a start."""
    for name in GOOD:
        environment.delenv(name)
    environment.setenv("LOANFLOW_ENVIRONMENT", "production")
    environment.setenv("LOANFLOW_TIME_TRAVEL", "true")
    environment.setenv("LOANFLOW_TOKENS", SAME)
    everywhere = {name for name, _, processes in CASES if processes == BOTH}
    told = {process: named(process) for process in BOTH}
    assert told["api"] == (everywhere - {"LOANFLOW_FAILPOINTS"}) | {
        "LOANFLOW_PROVIDERS__CALLBACK_SECRET"
    }
    assert told["worker"] == (everywhere - {"LOANFLOW_FAILPOINTS"}) | {
        f"LOANFLOW_PROVIDERS__{name}"
        for name in ("API_KEY", "SIGNING_SECRET", "FIREEYE_APP_KEY", "BASE_URL")
    }


def test_a_trial_may_ask_simulators_and_nothing_else(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOANFLOW_ENVIRONMENT", "trial")
    environment.setenv("LOANFLOW_PROVIDERS__BASE_URL", "http://sandbox:8500")
    assert named("worker") == set()
    environment.setenv("LOANFLOW_TIME_TRAVEL", "true")
    assert named("worker") == {"LOANFLOW_TIME_TRAVEL"}


def test_no_value_is_told(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOANFLOW_TOKENS", json.dumps([token("ops", "do-not-tell")]))
    environment.setenv("LOANFLOW_PII_KEYS", "a:do-not-tell")
    environment.setenv("DATABASE_URL", "postgresql://do-not-tell:do-not-tell@h/d")
    with pytest.raises(SettingsRefused) as refused:
        settings_of("api")
    assert "do-not-tell" not in str(refused.value)


@pytest.mark.parametrize("command", [("-m", "api"), ("worker.py",)], ids=["api", "worker"])
def test_the_process_ends_and_says_why(command: tuple[str, ...]) -> None:
    told = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LOANFLOW_ENVIRONMENT": "production"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 2
    assert "LOANFLOW_PAYLOAD_KEYS: is needed" in told.stderr
    assert "Traceback" not in told.stderr
