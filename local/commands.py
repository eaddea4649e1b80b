"""This project's processes as the stack runs them, and the environment that each is given."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.child import Probe, ProcessSpec, ready_at_once
from local.development_secrets import OUR_KEYS
from local.ports import HOST
from local.probes import http_probe


@dataclass(frozen=True, slots=True)
class Command:
    """A Python process: `arguments` for the interpreter, run in the code's folder.

    With `port_setting` it gets a port of its own by that setting, is ready when `ready_path` there
    answers 2xx, and alive as long as `health_path` does; without, as soon and as long as it runs. A
    `third_party` gets none of our keys.
    """

    name: str
    arguments: tuple[str, ...]
    port_setting: str | None = None
    ready_path: str = "/health"
    health_path: str = "/health"
    third_party: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 20.0

    def spec(self, environment: Mapping[str, str], port: int | None, code: Path) -> ProcessSpec:
        """Return how this command is run in a stack with `environment`."""
        own = {**environment, **self.environment, "PYTHONUNBUFFERED": "1"}
        if self.third_party:
            own = {name: value for name, value in own.items() if not _is_ours(name)}
        probe: Probe = ready_at_once
        alive: Probe = ready_at_once
        if self.port_setting is not None and port is not None:
            own[self.port_setting] = str(port)
            probe = http_probe(f"http://{HOST}:{port}{self.ready_path}")
            alive = http_probe(f"http://{HOST}:{port}{self.health_path}")
        return ProcessSpec(
            name=self.name,
            command=(sys.executable, *self.arguments),
            environment=own,
            folder=code,
            probe=probe,
            alive=alive,
            stop_seconds=self.stop_seconds,
        )


SANDBOX: Final = Command(
    "sandbox", ("-m", "sandbox"), port_setting="LOANFLOW_SANDBOX_PORT", third_party=True
)
VISION: Final = Command(
    "vision",
    ("-m", "vision"),
    port_setting="LOANFLOW_VISION_PORT",
    third_party=True,
    stop_seconds=30.0,  # it finishes its calls first
)
WORKER: Final = Command(
    "worker",
    ("worker.py",),
    port_setting="LOANFLOW_METRICS_PORT",
    ready_path="/ready",
    stop_seconds=40.0,  # it drains its activities first
)
API: Final = Command("api", ("-m", "api"), port_setting="LOANFLOW_API_PORT", ready_path="/ready")
MIGRATION: Final = Command("migrate", ("-m", "services.set_up"))
STAFF: Final = Command("staff", ("-m", "local.staff"))

BUILT_IN: Final[Mapping[str, Command]] = {one.name: one for one in (SANDBOX, VISION, WORKER, API)}


def _is_ours(name: str) -> bool:
    return name in OUR_KEYS or name == "DATABASE_URL" or name.startswith("TEMPORAL_")


def explicit_ports(environment: Mapping[str, str]) -> dict[str, int]:
    """Return the ports that the caller's environment asks for, by process."""
    return {
        command.name: int(environment[command.port_setting])
        for command in BUILT_IN.values()
        if command.port_setting and environment.get(command.port_setting, "").isdecimal()
    }


def inherited(environment: Mapping[str, str], *, own_temporal: bool) -> dict[str, str]:
    """Return what children take over from the caller's environment.

    With a Temporal server of our own, the caller's Temporal profile (address, key, TLS) would only
    mislead the clients, and so would a proxy on the way to a loopback address.
    """
    taken = {
        name: value
        for name, value in environment.items()
        if not (own_temporal and name.startswith("TEMPORAL_"))
    }
    if own_temporal:
        taken["TEMPORAL_CONFIG_FILE"] = os.devnull
    for name in ("NO_PROXY", "no_proxy"):
        taken[name] = ",".join(filter(None, (environment.get(name), HOST, "localhost")))
    return taken
